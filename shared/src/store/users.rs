//! Accounts and addresses.
//!
//! EMAIL makes an address unique and points to its USER. Whoever proves an address owns it: an unproved claim never keeps
//! anybody out, so every write that proves one asks whether EMAIL still points to that user.

use serde::{Deserialize, Serialize};

use super::expression::{Expression, item};
use super::keys;
use super::outbox::Row;
use super::single::Updated;
use super::transaction::{CommitError, Transaction};
use super::{Store, StoreError};
use crate::audit::Entry;
use crate::domain::{EmailAddress, PasswordScheme, RowId, Timestamp, User, UserId};

/// Raises the user's version without grace, whatever it was: every token of the user is dead.
pub(super) const ROTATE: &str =
    "#ver_current = #ver_current + :one, #ver_floor = #ver_current + :one, #ver_until = :now";
/// Kills every mailed token, those that are still queued included.
pub(super) const KILL_MAILED: &str = "#verify_row = :floor, #reset_row = :floor";
/// What goes with every new `password_hash`; [`with_scheme`] has its values.
pub(super) const RESCHEME: &str = "#password_scheme = :scheme, #schema_version = :schema";
pub(super) const FORGET_MAILED: &str = "#verify_hash, #verify_until, #reset_hash, #reset_until";

/// The EMAIL item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressOwner {
    /// Who registered the address.
    pub user_id: UserId,
    /// Whether the address has been proved.
    pub verified: bool,
}

/// How a registration went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registered {
    /// The account is there.
    Done,
    /// Somebody else was first; look again.
    Taken,
}

/// Which of the two mailed tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenSlot {
    /// The verification token.
    Verify,
    /// The reset token.
    Reset,
}

impl TokenSlot {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Verify => "verify",
            Self::Reset => "reset",
        }
    }
}

impl Store {
    /// Who has an address.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn address_owner(&self, email: &EmailAddress) -> Result<Option<AddressOwner>, StoreError> {
        self.read("address_owner", keys::email(email)).await
    }

    /// An account.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        self.read("user", keys::user(id)).await
    }

    /// Makes an account under a free address.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn register_new(
        &self,
        user: &User,
        email: &EmailAddress,
        entry: &Entry,
        row: &Row,
    ) -> Result<Registered, StoreError> {
        let absent = || Expression::when("attribute_not_exists(#pk)");
        let owner = AddressOwner { user_id: user.id, verified: user.email_verified };
        let transaction = Transaction::default()
            .put("email", keys::email(email), item(owner), absent())
            .put("user", keys::user(user.id), item(user), absent())
            .audit(entry)
            .outbox(row);
        match self.commit("register_new", transaction).await {
            Ok(()) => Ok(Registered::Done),
            Err(error) => error.condition_to(Registered::Taken),
        }
    }

    /// Replaces name and password of an account whose address has not been proved, and kills its earlier link.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn register_again(&self, user: &User, entry: &Entry, row: &Row) -> Result<Registered, StoreError> {
        let update = format!(
            "SET #email = :email, #name = :name, #password_hash = :hash, {RESCHEME}, #password_changed_at = :now, {ROTATE}, \
             {KILL_MAILED} REMOVE {FORGET_MAILED}"
        );
        let expression = Expression::update(update, "attribute_exists(#pk) AND #email_verified = :no")
            .value("email", &user.email)
            .value("name", &user.name)
            .value("hash", &user.password_hash)
            .value("now", user.created_at)
            .value("one", 1)
            .value("floor", RowId::floor_at(user.created_at))
            .value("no", false);
        let expression = with_scheme(expression, user, &user.password_hash);
        let transaction =
            Transaction::default().update("user", keys::user(user.id), expression).audit(entry).outbox(row);
        match self.commit("register_again", transaction).await {
            Ok(()) => Ok(Registered::Done),
            Err(error) => error.condition_to(Registered::Taken),
        }
    }

    /// Proves an address with the token whose hash is `token`; `false` if the token is not good any more.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn verify_address(
        &self,
        user: UserId,
        email: &EmailAddress,
        token: &str,
        entry: &Entry,
    ) -> Result<bool, StoreError> {
        let condition = "#verify_hash = :token AND #verify_until > :now AND #email_verified = :no";
        let proved = Expression::update("SET #email_verified = :yes REMOVE #verify_hash, #verify_until", condition)
            .value("token", token)
            .value("now", entry.occurred_at)
            .value("no", false)
            .value("yes", true);
        let transaction = Transaction::default()
            .update("user", keys::user(user), proved)
            .update("email", keys::email(email), owned_and_verified(user))
            .audit(entry);
        self.commit("verify_address", transaction).await.map(|()| true).or_else(|error| error.condition_to(false))
    }

    /// Changes name, pending address, or both; `false` if the account has been rotated meanwhile.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn update_profile(
        &self,
        user: &User,
        name: Option<&str>,
        pending: Option<&EmailAddress>,
        entry: &Entry,
        rows: &[Row],
    ) -> Result<bool, StoreError> {
        let set_name = name.map(|_| "#name = :name");
        // A new pending address kills the link that was sent for the one before.
        let set_pending = pending.map(|_| "#pending_email = :pending, #verify_row = :floor");
        let set: Vec<_> = set_name.into_iter().chain(set_pending).collect();
        let remove = if pending.is_some() { " REMOVE #verify_hash, #verify_until" } else { "" };
        let update = format!("SET {}{remove}", set.join(", "));
        let mut expression = Expression::update(update, "#ver_current = :ver").value("ver", user.ver_current);
        if let Some(name) = name {
            expression = expression.value("name", name);
        }
        if let Some(pending) = pending {
            expression =
                expression.value("pending", pending.address()).value("floor", RowId::floor_at(entry.occurred_at));
        }
        let transaction = Transaction::default().update("user", keys::user(user.id), expression).audit(entry);
        let transaction = rows.iter().fold(transaction, Transaction::outbox);
        self.commit("update_profile", transaction).await.map(|()| true).or_else(|error| error.condition_to(false))
    }

    /// Raises a user's version without grace: every token of the user is dead at once.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn rotate_user(&self, user: UserId, entry: &Entry, row: &Row) -> Result<(), StoreError> {
        let update = format!("SET {ROTATE}, {KILL_MAILED} REMOVE {FORGET_MAILED}");
        let expression = Expression::update(update, "attribute_exists(#pk)")
            .value("one", 1)
            .value("now", entry.occurred_at)
            .value("floor", RowId::floor_at(entry.occurred_at));
        let transaction = Transaction::default().update("user", keys::user(user), expression).audit(entry).outbox(row);
        match self.commit("rotate_user", transaction).await {
            // The account is gone, and its tokens with it.
            Ok(()) | Err(CommitError::Condition { .. }) => Ok(()),
            Err(CommitError::Store(error)) => Err(error),
        }
    }

    /// Writes down a mailed token by its hash, if its row is the newest of its kind; `false` if a newer one was sent, or
    /// what it was asked for is over.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_mailed_token(
        &self,
        slot: TokenSlot,
        user: UserId,
        row: RowId,
        hash: &str,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        let slot = slot.prefix();
        let update = format!("SET #{slot}_hash = :hash, #{slot}_until = :until, #{slot}_row = :row");
        let condition = format!(
            "attribute_exists(#pk) AND (attribute_not_exists(#{slot}_row) OR #{slot}_row < :row \
             OR (#{slot}_row = :row AND attribute_exists(#{slot}_hash)))"
        );
        let expression =
            Expression::update(update, condition).value("hash", hash).value("until", until).value("row", row);
        let updated = self.update("set_mailed_token", keys::user(user), expression).await?;
        Ok(matches!(updated, Updated::Done(_)))
    }

    /// Writes down that `counted` sessions were live after `logins` logins, if there was none since.
    ///
    /// # Errors
    /// [`StoreError`]; the next login then counts again.
    pub async fn set_session_count(&self, user: UserId, logins: u64, counted: u64) -> Result<(), StoreError> {
        let expression = Expression::update("SET #counted_at = :logins, #counted = :counted", "#logins = :logins")
            .value("logins", logins)
            .value("counted", counted);
        self.update("set_session_count", keys::user(user), expression).await.map(|_| ())
    }
}

/// The values of [`RESCHEME`]; `hash` is the new hash of `user` as it was read.
pub(super) fn with_scheme(expression: Expression, user: &User, hash: &str) -> Expression {
    expression.value("scheme", PasswordScheme::of(hash)).value("schema", user.next_version())
}

pub(super) fn owned_and_verified(user: UserId) -> Expression {
    Expression::update("SET #verified = :yes", "#user_id = :user").value("yes", true).value("user", user)
}
