//! What admins and the operator do to accounts, and what an owner does who says "this wasn't me".

use super::expression::{Expression, Item, item};
use super::keys;
use super::outbox::Row;
use super::single::text;
use super::transaction::{CommitError, Transaction};
use super::users::{AddressOwner, FORGET_MAILED, KILL_MAILED, RESCHEME, ROTATE, with_scheme};
use super::{Store, StoreError};
use crate::audit::Entry;
use crate::domain::{EmailAddress, Role, RowId, Status, User, UserId, VersionLevel};

/// What stands in the place of a password hash when no password is right; see `passwords.rs`.
pub const NO_PASSWORD: &str = "!";

/// An account that its owner takes back.
#[derive(Debug)]
pub struct Rescue<'a> {
    /// The account as it was read.
    pub user: &'a User,
    /// The notice whose link was used.
    pub notice: RowId,
    /// The address that the account gets back, and the one it had until now.
    pub address: Option<(&'a EmailAddress, &'a EmailAddress)>,
}

/// An account that is to be erased.
#[derive(Debug)]
pub struct Erased<'a> {
    /// The account as it was read.
    pub user: &'a User,
    /// Its address.
    pub email: &'a EmailAddress,
    /// Whether the address is this account's: an unproved claim may have lost it.
    pub has_address: bool,
}

/// How the admission of an account from elsewhere went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admitted {
    /// The account is there.
    Done,
    /// The address has an account; one that nobody has proved stands in the way of an unproved one alone.
    AddressTaken,
    /// Another account has the identifier, or it is nobody's.
    IdTaken,
}

impl Store {
    /// Puts an account that comes from elsewhere under a free address and a free identifier. An address that was proved
    /// elsewhere is taken from a claim that nobody has proved here: otherwise whoever registers the addresses of others before
    /// an import keeps them out.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn admit_user(&self, user: &User, email: &EmailAddress, entry: &Entry) -> Result<Admitted, StoreError> {
        let absent = || Expression::when("attribute_not_exists(#pk)");
        let unproved = || Expression::when("attribute_not_exists(#pk) OR #verified = :no").value("no", false);
        let free = if user.email_verified { unproved() } else { absent() };
        let owner = AddressOwner { user_id: user.id, verified: user.email_verified };
        let transaction = Transaction::default()
            .put("email", keys::email(email), item(owner), free)
            .put("user", keys::user(user.id), item(user), absent())
            .audit(entry);
        match self.commit("admit_user", transaction).await {
            Ok(()) => Ok(Admitted::Done),
            Err(CommitError::Condition { failed, .. }) => {
                // The very account may be there with its address not proved until now.
                let is_same = |old: &Item| text(old, "email") == Some(user.email.as_str());
                let taken =
                    |(label, old): &(&str, Option<Item>)| *label == "email" || old.as_ref().is_some_and(is_same);
                Ok(if failed.iter().any(taken) { Admitted::AddressTaken } else { Admitted::IdTaken })
            }
            Err(CommitError::Store(error)) => Err(error),
        }
    }

    /// Takes an account away with its address and lock; what is left of its sessions is the row's to sweep. `false` if the
    /// account has been changed meanwhile, or is gone.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn erase_user(&self, erased: &Erased<'_>, entry: &Entry, row: &Row) -> Result<bool, StoreError> {
        let user = erased.user;
        let unchanged = Expression::when("#ver_current = :ver AND #email = :email")
            .value("ver", user.ver_current)
            .value("email", &user.email);
        let mut transaction = Transaction::default()
            .delete("user", keys::user(user.id), unchanged)
            .delete("lock", keys::lock(erased.email), Expression::default())
            .audit(entry)
            .outbox(row);
        if erased.has_address {
            let mine = Expression::when("#user_id = :user").value("user", user.id);
            transaction = transaction.delete("email", keys::email(erased.email), mine);
        }
        self.commit("erase_user", transaction).await.map(|()| true).or_else(|error| error.condition_to(false))
    }

    /// Records something that changes nothing, such as a look at somebody's account.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn record(&self, entry: &Entry) -> Result<(), StoreError> {
        let committed = self.commit("record", Transaction::default().audit(entry)).await;
        // The key is fresh, so what stands there is this very write.
        committed.or_else(|error| error.condition_to(()))
    }

    /// Puts a user's version level in the place of the one that was read, and kills every mailed token; `false` if the
    /// account has been rotated meanwhile, or is gone.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn rotate_user_to(
        &self,
        user: &User,
        level: VersionLevel,
        entry: &Entry,
        row: &Row,
    ) -> Result<bool, StoreError> {
        let set =
            "#ver_current = :current, #ver_floor = :floor, #ver_until = :until, #verify_row = :row, #reset_row = :row";
        let update = format!("SET {set} REMOVE {FORGET_MAILED}");
        let expression = Expression::update(update, "#ver_current = :read")
            .value("read", user.ver_current)
            .value("current", level.current)
            .value("floor", level.floor)
            .value("until", level.until)
            .value("row", RowId::floor_at(entry.occurred_at));
        let transaction = Transaction::default().update("user", keys::user(user.id), expression);
        let committed = self.commit("rotate_user_to", transaction.audit(entry).outbox(row)).await;
        committed.map(|()| true).or_else(|error| error.condition_to(false))
    }

    /// Closes an account: every token of it is dead at once. `false` if there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn disable_user(&self, user: UserId, entry: &Entry, row: &Row) -> Result<bool, StoreError> {
        let update = format!("SET #status = :status, {ROTATE}, {KILL_MAILED} REMOVE {FORGET_MAILED}");
        let expression = Expression::update(update, "attribute_exists(#pk)")
            .value("status", Status::Disabled)
            .value("one", 1)
            .value("now", entry.occurred_at)
            .value("floor", RowId::floor_at(entry.occurred_at));
        let transaction = Transaction::default().update("user", keys::user(user), expression);
        let committed = self.commit("disable_user", transaction.audit(entry).outbox(row)).await;
        committed.map(|()| true).or_else(|error| error.condition_to(false))
    }

    /// Opens a closed account again. `false` if there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn enable_user(&self, user: UserId, entry: &Entry) -> Result<bool, StoreError> {
        let expression =
            Expression::update("SET #status = :status", "attribute_exists(#pk)").value("status", Status::Active);
        let transaction = Transaction::default().update("user", keys::user(user), expression).audit(entry);
        self.commit("enable_user", transaction).await.map(|()| true).or_else(|error| error.condition_to(false))
    }

    /// Lifts the lock of an address.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn unlock(&self, email: &EmailAddress, entry: &Entry) -> Result<(), StoreError> {
        let transaction = Transaction::default().delete("lock", keys::lock(email), Expression::default()).audit(entry);
        self.commit("unlock", transaction).await.or_else(|error| error.condition_to(()))
    }

    /// Gives an account a role. `false` if there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_role(&self, user: UserId, role: Role, entry: &Entry) -> Result<bool, StoreError> {
        let expression = Expression::update("SET #role = :role", "attribute_exists(#pk)").value("role", role);
        let transaction = Transaction::default().update("user", keys::user(user), expression).audit(entry);
        self.commit("set_role", transaction).await.map(|()| true).or_else(|error| error.condition_to(false))
    }

    /// Gives an account back to its owner: every token is dead, no password is right until a reset, a waiting change of
    /// address is off, and every device counts as new. The notice's link is used up with it. `false` if it was before, or
    /// the address to be taken back has been proved by somebody else.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn rescue(&self, rescue: &Rescue<'_>, entry: &Entry, row: &Row) -> Result<bool, StoreError> {
        let (user, now) = (rescue.user, entry.occurred_at);
        let set_email = if rescue.address.is_some() { ", #email = :email" } else { "" };
        let forget = if rescue.address.is_some() { "#previous_email, #previous_until, " } else { "" };
        let update = format!(
            "SET #password_hash = :none, {RESCHEME}, #devices = :nothing, {ROTATE}, {KILL_MAILED}{set_email} \
             REMOVE #pending_email, {forget}{FORGET_MAILED}"
        );
        let mut expression = with_scheme(Expression::update(update, "#email = :had"), user, NO_PASSWORD)
            .value("none", NO_PASSWORD)
            .set("nothing", ["-".to_owned()])
            .value("one", 1)
            .value("now", now)
            .value("had", &user.email)
            .value("floor", RowId::floor_at(now));
        if let Some((back, _)) = rescue.address {
            expression = expression.value("email", back.address());
        }
        let unused = "attribute_exists(#pk) AND attribute_not_exists(#used_at)";
        let mark = Expression::update("SET #used_at = :now", unused).value("now", now);
        let mut transaction = Transaction::default()
            .update("user", keys::user(user.id), expression)
            .update("notice", keys::outbox(rescue.notice), mark)
            .audit(entry)
            .outbox(row);
        if let Some((back, had)) = rescue.address.filter(|(back, had)| back.canonical() != had.canonical()) {
            let owner = AddressOwner { user_id: user.id, verified: true };
            let free = Expression::when("attribute_not_exists(#pk) OR #verified = :no").value("no", false);
            let mine = Expression::when("#user_id = :user").value("user", user.id);
            transaction = transaction.put("email", keys::email(back), item(owner), free);
            transaction = transaction.delete("other email", keys::email(had), mine);
        }
        self.commit("rescue", transaction).await.map(|()| true).or_else(|error| error.condition_to(false))
    }
}
