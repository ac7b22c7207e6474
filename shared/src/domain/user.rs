//! An account as it is stored.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{DisplayName, EmailAddress, PasswordScheme, Role, RowId, Timestamp, UserId, VersionLevel};

/// Whether an account may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// In use.
    Active,
    /// Closed by an admin; every sign-in is refused.
    Disabled,
}

/// A mailed token as the table knows it: by its hash alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingToken<'a> {
    /// SHA-256 of the token, base64url.
    pub hash: &'a str,
    /// From then on the token is refused, whether or not the item is still there.
    pub expires_at: Timestamp,
    /// The outbox row that the token was made from.
    pub row: RowId,
}

/// The USER item (table `users`). Missing attributes are those of a fresh account.
#[derive(Clone, Serialize, Deserialize)]
pub struct User {
    /// Who it is.
    pub id: UserId,
    /// The stored address: shown, and the only one mail goes to.
    pub email: String,
    /// The name as given.
    pub name: String,
    /// Argon2id as a PHC string, or the bcrypt hash of an imported user.
    pub password_hash: String,
    /// How the password is kept, since version 2; in the place of the hash for those who only count or look.
    pub password_scheme: PasswordScheme,
    /// The stored role; configured admins have [`Role::Admin`] on top of it.
    pub role: Role,
    /// Whether the account may be used.
    pub status: Status,
    /// Whether the owner has proved the address.
    pub email_verified: bool,
    /// When the account was made.
    pub created_at: Timestamp,
    /// When the password was last set.
    pub password_changed_at: Timestamp,
    /// The last successful login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_login_at: Option<Timestamp>,
    /// An address that waits for its proof.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending_email: Option<String>,
    /// The address before the last change, which its owner can take back for a while.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_email: Option<String>,
    /// How long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_until: Option<Timestamp>,
    /// The devices that have signed in, as [`UserAgent::family`](super::UserAgent::family) knows them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub devices: BTreeSet<String>,
    /// The countries that somebody has signed in from, ISO 3166-1.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub countries: BTreeSet<String>,
    /// [`VersionLevel::current`].
    pub ver_current: u64,
    /// [`VersionLevel::floor`].
    pub ver_floor: u64,
    /// [`VersionLevel::until`].
    pub ver_until: Timestamp,
    /// Logins so far; with the next two the session cap is exact without a count per login.
    #[serde(default)]
    pub logins: u64,
    /// The value of `logins` when sessions were last counted.
    #[serde(default)]
    pub counted_at: u64,
    /// How many sessions were live then.
    #[serde(default)]
    pub counted: u64,
    /// Hash, expiry and row of the pending verification token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify_hash: Option<String>,
    /// See [`PendingToken::expires_at`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify_until: Option<Timestamp>,
    /// Rows up to this one make no verification token any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify_row: Option<RowId>,
    /// Hash of the pending reset token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reset_hash: Option<String>,
    /// See [`PendingToken::expires_at`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reset_until: Option<Timestamp>,
    /// Rows up to this one make no reset token any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reset_row: Option<RowId>,
    /// The version of the item as it was read, 1 where it had none.
    #[serde(default = "first")]
    pub schema_version: u32,
}

impl User {
    /// The version of the shape that is written.
    pub const SCHEMA_VERSION: u32 = 2;

    /// The version that the item has after a write: one that is already newer stays.
    #[must_use]
    pub const fn next_version(&self) -> u32 {
        if self.schema_version > Self::SCHEMA_VERSION { self.schema_version } else { Self::SCHEMA_VERSION }
    }

    /// An account as it begins, under an address that has not been proved.
    #[must_use]
    pub fn fresh(id: UserId, email: &EmailAddress, name: &DisplayName, password_hash: &str, now: Timestamp) -> Self {
        let level = VersionLevel::FIRST;
        Self {
            id,
            email: email.address().to_owned(),
            name: name.as_str().to_owned(),
            password_hash: password_hash.to_owned(),
            password_scheme: PasswordScheme::of(password_hash),
            role: Role::User,
            status: Status::Active,
            email_verified: false,
            created_at: now,
            password_changed_at: now,
            last_login_at: None,
            pending_email: None,
            previous_email: None,
            previous_until: None,
            devices: BTreeSet::new(),
            countries: BTreeSet::new(),
            ver_current: level.current,
            ver_floor: level.floor,
            ver_until: level.until,
            logins: 0,
            counted_at: 0,
            counted: 0,
            verify_hash: None,
            verify_until: None,
            verify_row: None,
            reset_hash: None,
            reset_until: None,
            reset_row: None,
            schema_version: Self::SCHEMA_VERSION,
        }
    }

    /// The user's version level.
    #[must_use]
    pub const fn level(&self) -> VersionLevel {
        VersionLevel { current: self.ver_current, floor: self.ver_floor, until: self.ver_until }
    }

    /// The address that its owner can take back at `now`.
    #[must_use]
    pub fn reclaimable_email(&self, now: Timestamp) -> Option<&str> {
        let in_time = self.previous_until.is_some_and(|until| now < until);
        self.previous_email.as_deref().filter(|_| in_time)
    }

    /// Whether the account may be used.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.status == Status::Active
    }

    /// How many more logins need no count of sessions under `cap`.
    #[must_use]
    pub const fn uncounted_logins(&self, cap: u64) -> u64 {
        let since_count = self.logins.saturating_sub(self.counted_at);
        cap.saturating_sub(self.counted).saturating_sub(since_count)
    }

    /// The pending verification token, if there is one.
    #[must_use]
    pub fn pending_verification(&self) -> Option<PendingToken<'_>> {
        pending(self.verify_hash.as_deref(), self.verify_until, self.verify_row)
    }

    /// The pending reset token, if there is one.
    #[must_use]
    pub fn pending_reset(&self) -> Option<PendingToken<'_>> {
        pending(self.reset_hash.as_deref(), self.reset_until, self.reset_row)
    }
}

const fn first() -> u32 {
    1
}

fn pending(hash: Option<&str>, expires_at: Option<Timestamp>, row: Option<RowId>) -> Option<PendingToken<'_>> {
    Some(PendingToken { hash: hash?, expires_at: expires_at?, row: row? })
}

/// Neither the hash nor the address is shown.
impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("id", &self.id).field("status", &self.status).finish_non_exhaustive()
    }
}
