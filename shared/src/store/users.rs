//! Accounts: what their owners change, and the tokens that the mailer makes for them.

use super::directory_partition::Directory;
use super::expression::Expression;
use super::item::{Item, attribute};
use super::keys;
use super::row::Row;
use super::schema::item;
use super::single::Updated;
use super::transaction::{CommitError, Transaction};
use super::{Store, StoreError};
use crate::audit_event::Entry;
use crate::domain::{EmailAddress, PasswordScheme, RowId, Timestamp, User, UserId};
use crate::routes::Index;

/// Raises the user's version without grace, whatever it was: every token of the user is dead.
pub(super) const ROTATE: &str =
    "#ver_current = #ver_current + :one, #ver_floor = #ver_current + :one, #ver_until = :now";
/// Kills every mailed token, those that are still queued included.
pub(super) const KILL_MAILED: &str = "#verify_row = :floor, #reset_row = :floor";
/// The value of [`KILL_MAILED`]: rows older than the record are revoked, and the rows of the same change are not.
pub(super) fn floor_of(entry: &Entry) -> RowId {
    RowId::floor_at(entry.occurred_at)
}
/// What goes with every new `password_hash`; [`with_scheme`] has its value.
pub(super) const RESCHEME: &str = "#password_scheme = :scheme";
/// Kills the links of the notices that went to the present address; see [`User::recovery_level`].
pub(super) const RECOVERED: &str = "#recovery_level = #recovery_level + :one";
pub(super) const FORGET_MAILED: &str = "#verify_hash, #verify_until, #verify_global, #reset_hash, #reset_until, #reset_global, \
     #prior_reset_hash, #prior_reset_until, #prior_reset_global";

/// What becomes of a pending change of address.
#[derive(Debug, Clone, Copy)]
pub enum PendingEmail<'a> {
    /// It is replaced by a change to this address.
    To(&'a EmailAddress),
    /// There is none any more.
    CalledOff,
}

/// A mailed token to write down.
#[derive(Debug)]
pub struct NewToken<'a> {
    /// The row that it was made from.
    pub row: RowId,
    /// Its hash.
    pub hash: &'a str,
    /// When it expires.
    pub until: Timestamp,
    /// The service's version.
    pub global_ver: u64,
}

/// A mailed token's place in USER.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenSlot {
    /// What verifies an address. A newer token replaces the older one.
    Verify,
    /// What sets a password. A newer token leaves the older one the rest of its life.
    Reset,
}

/// The address of an account, as it is stored.
pub(crate) fn address_of(stored: &str) -> Result<EmailAddress, StoreError> {
    EmailAddress::parse(stored).map_err(|error| StoreError::corrupt("read an address", error))
}

impl Store {
    /// An account.
    pub async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        self.read("user", keys::user(id)).await
    }

    /// Changes name, pending address, or both; `false` if the account has been rotated since it was read.
    pub async fn update_profile(
        &self,
        user: &User,
        name: Option<&str>,
        pending: Option<PendingEmail<'_>>,
        entry: &Entry,
        rows: &[Row],
    ) -> Result<bool, StoreError> {
        let set_name = name.map(|_| "#name = :name");
        // A new pending address, or none any more, kills the link that was sent for the one before.
        let set_pending = pending.map(|pending| match pending {
            PendingEmail::To(_) => "#pending_email = :pending, #verify_row = :floor",
            PendingEmail::CalledOff => "#verify_row = :floor",
        });
        let set: Vec<_> = set_name.into_iter().chain(set_pending).collect();
        let remove = match pending {
            Some(PendingEmail::To(_)) => " REMOVE #verify_hash, #verify_until, #verify_global",
            Some(PendingEmail::CalledOff) => {
                " REMOVE #pending_email, #verify_hash, #verify_until, #verify_global"
            }
            None => "",
        };
        let update = format!("SET {}{remove}", set.join(", "));
        // The record names the change that is called off: it must be the one that was read.
        let condition = match (pending, &user.pending_email) {
            (Some(PendingEmail::CalledOff), Some(_)) => {
                "#ver_current = :ver AND #pending_email = :seen"
            }
            (Some(PendingEmail::CalledOff), None) => {
                "#ver_current = :ver AND attribute_not_exists(#pending_email)"
            }
            _ => "#ver_current = :ver",
        };
        let mut expression = Expression::update(update, condition).value("ver", user.ver_current);
        if let (Some(PendingEmail::CalledOff), Some(seen)) = (pending, &user.pending_email) {
            expression = expression.value("seen", seen);
        }
        if let Some(name) = name {
            expression = expression.value("name", name);
        }
        if let Some(PendingEmail::To(address)) = pending {
            expression = expression.value("pending", address.address());
        }
        if pending.is_some() {
            expression = expression.value("floor", floor_of(entry));
        }
        let transaction = Transaction::default()
            .update("user", keys::user(user.id), expression)
            .audit_and_send(entry, rows);
        self.commit("update_profile", transaction)
            .await
            .map(|()| true)
            .or_else(|error| error.condition_to(false))
    }

    /// Raises a user's version without grace: every token of the user is dead at once.
    pub async fn rotate_user(
        &self,
        user: UserId,
        entry: &Entry,
        row: &Row,
    ) -> Result<(), StoreError> {
        let update = format!("SET {ROTATE}, {KILL_MAILED} REMOVE {FORGET_MAILED}");
        let expression = Expression::update(update, "attribute_exists(#pk)")
            .value("one", 1)
            .value("now", entry.occurred_at)
            .value("floor", floor_of(entry));
        let transaction = Transaction::default()
            .update("user", keys::user(user), expression)
            .audit_and_send(entry, [row]);
        match self.commit("rotate_user", transaction).await {
            // The account is gone, and its tokens with it.
            Ok(()) | Err(CommitError::Condition { .. }) => Ok(()),
            Err(CommitError::Store(error)) => Err(error),
        }
    }

    /// Writes down a mailed token by its hash, if its row is the newest of its kind and the slot is as `seen`; `false` if a
    /// newer token was sent, or what it was requested for is over.
    pub async fn set_mailed_token(
        &self,
        slot: TokenSlot,
        user: &User,
        token: &NewToken<'_>,
    ) -> Result<bool, StoreError> {
        let seen = match slot {
            TokenSlot::Verify => user.verify_row,
            TokenSlot::Reset => user.reset_row,
        };
        let name = match slot {
            TokenSlot::Verify => "verify",
            TokenSlot::Reset => "reset",
        };
        // An expired link must not take the place of an older one that lives longer.
        let now = self.now();
        let prior = user
            .pending_reset()
            .filter(|newest| slot == TokenSlot::Reset && now < newest.expires_at);
        let keep = prior.map_or("", |_| {
            ", #prior_reset_hash = #reset_hash, #prior_reset_until = #reset_until, #prior_reset_global = #reset_global"
        });
        let update = format!(
            "SET #{name}_hash = :hash, #{name}_until = :until, #{name}_global = :global, #{name}_row = :row{keep}"
        );
        let condition = match seen {
            Some(_) => {
                format!("attribute_exists(#pk) AND #{name}_row = :seen AND #{name}_row < :row")
            }
            None => format!("attribute_exists(#pk) AND attribute_not_exists(#{name}_row)"),
        };
        let mut expression = Expression::update(update, condition)
            .value("hash", token.hash)
            .value("until", token.until)
            .value("global", token.global_ver)
            .value("row", token.row);
        if let Some(seen) = seen {
            expression = expression.value("seen", seen);
        }
        match self
            .update("set_mailed_token", keys::user(user.id), expression)
            .await?
        {
            Updated::Done(_) => Ok(true),
            // Our own write, whose answer was lost.
            Updated::Unmet(Some(old)) => {
                Ok(super::item::text(&old, &format!("{name}_hash")) == Some(token.hash))
            }
            Updated::Unmet(None) => Ok(false),
        }
    }

    /// Writes down that `counted` sessions were live after `logins` logins, if there was none since.
    ///
    /// # Errors
    /// [`StoreError`]; the next login then counts again.
    pub async fn set_session_count(
        &self,
        user: UserId,
        logins: u64,
        counted: u64,
    ) -> Result<(), StoreError> {
        let expression = Expression::update(
            "SET #counted_at = :logins, #counted = :counted",
            "#logins = :logins",
        )
        .value("logins", logins)
        .value("counted", counted);
        self.update("set_session_count", keys::user(user), expression)
            .await
            .map(|_| ())
    }
}

/// The value of [`RESCHEME`].
pub(super) fn with_scheme(expression: Expression, hash: &str) -> Expression {
    expression.value("scheme", PasswordScheme::of(hash))
}

/// A new USER item, with its place in the list of accounts.
pub(super) fn user_item(user: &User) -> Item {
    let mut item = item(user);
    item.insert(
        Index::ByDirectory.attribute().to_owned(),
        attribute(Directory::of(user.id).partition()),
    );
    item
}
