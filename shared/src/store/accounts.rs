//! What admins and the operator do to accounts, and the end of an account.

use std::time::Duration;

use super::addresses::{AddressState, FREE, verified_if_provable};
use super::admins::{self, AdminChange};
use super::expression::Expression;
use super::item::{Item, text};
use super::keys;
use super::row::Row;
use super::transaction::{CommitError, Transaction};
use super::users::{FORGET_MAILED, KILL_MAILED, ROTATE, floor_of, user_item};
use super::{Store, StoreError};
use crate::audit_event::Entry;
use crate::domain::{EmailAddress, Role, Status, User, UserId, VersionLevel};

/// Takes the place of a password hash when no password is right; see `passwords/hasher.rs`.
pub const NO_PASSWORD: &str = "!";
/// An identifier is not used again for this long after its account was erased, or as long as a record is kept, if that is
/// longer: at least as long as the longest session that can be set, so nothing that named the old account still exists when a
/// new one takes the identifier.
const TOMBSTONE: Duration = Duration::from_secs(400 * 86_400);

/// An account that is to be erased.
#[derive(Debug)]
pub struct Erased<'a> {
    /// The account as it was read.
    pub user: &'a User,
    /// Its address.
    pub email: &'a EmailAddress,
    /// Whether the address is this account's: an unfinished registration may have lost it.
    pub has_address: bool,
    /// The admin who must still be one when the account of the last other admin is erased; `None` where none has to be left.
    pub keeper: Option<&'a User>,
}

/// How the admission of an account from elsewhere went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admitted {
    /// The account is there.
    Done,
    /// The address belongs to an account. An unfinished registration is only in the way of an import that is not
    /// verified either.
    AddressTaken,
    /// The address is reserved: its account has moved away and can still be taken back to it.
    AddressReserved(UserId),
    /// Another account has the identifier, had it until it was erased, or it must not be used.
    IdTaken,
}

impl Store {
    /// Puts an account that comes from elsewhere under a free address and an identifier that no account has had. An address
    /// that was verified elsewhere is taken from an unfinished registration here: otherwise a client that registers the
    /// addresses of others before an import keeps them out.
    pub async fn admit_user(
        &self,
        user: &User,
        email: &EmailAddress,
        entry: &Entry,
    ) -> Result<Admitted, StoreError> {
        let absent = || Expression::when("attribute_not_exists(#pk)");
        let now = entry.occurred_at;
        let claim = if user.email_verified {
            verified_if_provable(user.id, now)
        } else {
            let update = "SET #user_id = :user, #state = :imported, #schema_version = :schema \
                          REMOVE #until, #password_hash, #email, #ttl";
            Expression::update(update, FREE)
                .value("user", user.id)
                .value("imported", AddressState::Imported)
                .value("schema", 1)
                .value("now", now)
        };
        let transaction = Transaction::default()
            .update("email", keys::email(email), claim)
            .put("user", keys::user(user.id), user_item(user), absent())
            .check("tombstone", keys::tombstone(user.id), absent())
            .audit(entry);
        match self.commit("admit_user", transaction).await {
            Ok(()) => Ok(Admitted::Done),
            Err(CommitError::Condition { failed, .. }) => Ok(refused_admission(user, &failed)),
            Err(CommitError::Store(error)) => Err(error),
        }
    }

    /// Takes an account away with its addresses and locks; what is left of its sessions is the row's to sweep. Its identifier
    /// is not used again. `false` if the account has been changed since it was read, or is gone, or if the keeper has.
    pub async fn erase_user(
        &self,
        erased: &Erased<'_>,
        entry: &Entry,
        rows: &[Row],
    ) -> Result<bool, StoreError> {
        let (user, now) = (erased.user, entry.occurred_at);
        let unchanged = Expression::when("#ver_current = :ver AND #email = :email")
            .value("ver", user.ver_current)
            .value("email", &user.email);
        let tombstone = Expression::update("SET #erased_at = :now, #ttl = :ttl", "")
            .value("now", now)
            .value("ttl", now.plus(TOMBSTONE.max(self.retention)).as_secs());
        let mine = || Expression::when("#user_id = :user").value("user", user.id);
        let mut transaction = Transaction::default()
            .delete("user", keys::user(user.id), unchanged)
            .update("tombstone", keys::tombstone(user.id), tombstone)
            .delete("lock", keys::lock(erased.email), Expression::default())
            .delete(
                "session lock",
                keys::session_lock(user.id),
                Expression::default(),
            )
            .while_admin(erased.keeper)
            .audit_and_send(entry, rows);
        if erased.has_address {
            transaction = transaction.delete("email", keys::email(erased.email), mine());
        }
        for former in user.claims(now) {
            transaction =
                transaction.delete("former email", keys::email_of_key(&former.key), mine());
        }
        self.commit("erase_user", transaction)
            .await
            .map(|()| true)
            .or_else(|error| error.condition_to(false))
    }

    /// Records something that changes nothing, such as access to another user's account.
    pub async fn record(&self, entry: &Entry) -> Result<(), StoreError> {
        let committed = self
            .commit("record", Transaction::default().audit(entry))
            .await;
        // The key is fresh, so what stands there is this very write.
        committed.or_else(|error| error.condition_to(()))
    }

    /// Puts a user's version level in the place of the one that was read, and kills every mailed token; `false` if the
    /// account has been rotated meanwhile, or is gone.
    pub async fn rotate_user_to(
        &self,
        user: &User,
        level: VersionLevel,
        entry: &Entry,
        row: &Row,
    ) -> Result<bool, StoreError> {
        let set = "#ver_current = :current, #ver_floor = :floor, #ver_until = :until, #verify_row = :row, #reset_row = :row";
        let update = format!("SET {set} REMOVE {FORGET_MAILED}");
        let expression = Expression::update(update, "#ver_current = :read")
            .value("read", user.ver_current)
            .value("current", level.current)
            .value("floor", level.floor)
            .value("until", level.until)
            .value("row", floor_of(entry));
        let transaction = Transaction::default().update("user", keys::user(user.id), expression);
        let committed = self
            .commit("rotate_user_to", transaction.audit_and_send(entry, [row]))
            .await;
        committed
            .map(|()| true)
            .or_else(|error| error.condition_to(false))
    }

    /// Closes an account: every token of it is dead at once. `false` if there is none.
    pub async fn disable_user(
        &self,
        user: UserId,
        keeper: Option<&User>,
        entry: &Entry,
        row: &Row,
    ) -> Result<AdminChange, StoreError> {
        let update =
            format!("SET #status = :status, {ROTATE}, {KILL_MAILED} REMOVE {FORGET_MAILED}");
        let expression = Expression::update(update, "attribute_exists(#pk)")
            .value("status", Status::Disabled)
            .value("one", 1)
            .value("now", entry.occurred_at)
            .value("floor", floor_of(entry));
        let transaction = Transaction::default()
            .update("user", keys::user(user), expression)
            .while_admin(keeper);
        admins::outcome(
            self.commit("disable_user", transaction.audit_and_send(entry, [row]))
                .await,
        )
    }

    /// Opens a closed account again. `false` if there is none.
    pub async fn enable_user(&self, user: UserId, entry: &Entry) -> Result<bool, StoreError> {
        let expression = Expression::update("SET #status = :status", "attribute_exists(#pk)")
            .value("status", Status::Active);
        let transaction = Transaction::default()
            .update("user", keys::user(user), expression)
            .audit(entry);
        self.commit("enable_user", transaction)
            .await
            .map(|()| true)
            .or_else(|error| error.condition_to(false))
    }

    /// Lifts the locks of an account: at the login with its address, and inside its sessions.
    pub async fn unlock(
        &self,
        user: UserId,
        email: &EmailAddress,
        entry: &Entry,
    ) -> Result<(), StoreError> {
        let transaction = Transaction::default()
            .delete("lock", keys::lock(email), Expression::default())
            .delete(
                "session lock",
                keys::session_lock(user),
                Expression::default(),
            )
            .audit(entry);
        self.commit("unlock", transaction)
            .await
            .or_else(|error| error.condition_to(()))
    }

    /// Gives an account a role; where one is taken, only while `keeper` is an admin.
    pub async fn set_role(
        &self,
        user: UserId,
        role: Role,
        keeper: Option<&User>,
        entry: &Entry,
    ) -> Result<AdminChange, StoreError> {
        let expression =
            Expression::update("SET #role = :role", "attribute_exists(#pk)").value("role", role);
        let transaction = Transaction::default()
            .update("user", keys::user(user), expression)
            .while_admin(keeper);
        admins::outcome(self.commit("set_role", transaction.audit(entry)).await)
    }
}

/// What was in the way of an import.
fn refused_admission(user: &User, failed: &[(&'static str, Option<Item>)]) -> Admitted {
    let old = |label: &str| {
        failed
            .iter()
            .find(|(failed, _)| *failed == label)
            .map(|(_, old)| old.as_ref())
    };
    if let Some(address) = old("email") {
        let former = address.filter(|item| text(item, "state") == Some("former"));
        let owner = former
            .and_then(|item| text(item, "user_id"))
            .and_then(|id| id.parse().ok());
        return owner.map_or(Admitted::AddressTaken, Admitted::AddressReserved);
    }
    // The very account may exist with its address not verified until now.
    let is_same = |item: &Item| text(item, "email") == Some(user.email.as_str());
    if old("user").flatten().is_some_and(is_same) {
        Admitted::AddressTaken
    } else {
        Admitted::IdTaken
    }
}
