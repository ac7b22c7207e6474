//! A change of address, and the address that can be taken back after it.

use super::expression::{Expression, item};
use super::keys;
use super::outbox::Row;
use super::transaction::Transaction;
use super::users::{AddressOwner, FORGET_MAILED, KILL_MAILED, ROTATE};
use super::{Store, StoreError};
use crate::audit::Entry;
use crate::domain::{EmailAddress, RowId, Timestamp, User};

/// A confirmed change of address.
#[derive(Debug)]
pub struct AddressChange<'a> {
    /// The account.
    pub user: &'a User,
    /// The address until now.
    pub from: &'a EmailAddress,
    /// The address from now on.
    pub to: &'a EmailAddress,
    /// The hash of the token that proves it.
    pub token: &'a str,
    /// How long the address until now can be taken back.
    pub reclaimable_until: Timestamp,
}

impl AddressChange<'_> {
    /// The address that can be taken back, and how long: of several changes in a row the first one's, so that nobody
    /// makes an address forgotten by changing it twice.
    fn reclaimable(&self, now: Timestamp) -> (&str, Timestamp) {
        let earlier = self.user.reclaimable_email(now).zip(self.user.previous_until);
        earlier.unwrap_or((self.from.address(), self.reclaimable_until))
    }
}

impl Store {
    /// Moves an account to the address that was just proved; `false` if the token is not good any more or the address
    /// has been proved by somebody else.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn change_address(
        &self,
        change: &AddressChange<'_>,
        entry: &Entry,
        rows: &[Row],
    ) -> Result<bool, StoreError> {
        let user = change.user.id;
        let (previous, previous_until) = change.reclaimable(entry.occurred_at);
        let update = format!(
            "SET #email = :to, #previous_email = :previous, #previous_until = :reclaimable, {ROTATE}, {KILL_MAILED} \
             REMOVE #pending_email, {FORGET_MAILED}"
        );
        let condition = "#verify_hash = :token AND #verify_until > :now AND #pending_email = :to";
        let moved = Expression::update(update, condition)
            .value("to", change.to.address())
            .value("previous", previous)
            .value("reclaimable", previous_until)
            .value("token", change.token)
            .value("now", entry.occurred_at)
            .value("one", 1)
            .value("floor", RowId::floor_at(entry.occurred_at));
        let transaction = Transaction::default().update("user", keys::user(user), moved).audit(entry);
        let mut transaction = rows.iter().fold(transaction, Transaction::outbox);
        if change.from.canonical() != change.to.canonical() {
            let owner = AddressOwner { user_id: user, verified: true };
            let free = Expression::when("attribute_not_exists(#pk) OR #verified = :no").value("no", false);
            let mine = Expression::when("#user_id = :user").value("user", user);
            transaction = transaction.put("email", keys::email(change.to), item(owner), free).delete(
                "old email",
                keys::email(change.from),
                mine,
            );
        }
        self.commit("change_address", transaction).await.map(|()| true).or_else(|error| error.condition_to(false))
    }
}
