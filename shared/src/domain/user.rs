//! An account as it is stored.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{
    DisplayName, EmailAddress, PasswordScheme, Role, RowId, Timestamp, UserId, VersionLevel,
};

/// Whether an account may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// In use.
    Active,
    /// Closed by an admin; every sign-in is refused.
    Disabled,
}

/// How the owner of an unverified address verifies it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// By a link that confirms the address. The password that was chosen at the registration stays.
    #[default]
    Confirmation,
    /// By a link that sets the password as well: who chose the stored one, if there is one, is not known to be the owner.
    NewPassword,
}

/// An address that the account had before, and whose owner can still take the account back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormerAddress {
    /// [`EmailAddress::fingerprint`]; the address itself is in its EMAIL item.
    pub key: String,
    /// When the claim ends. Nothing moves it.
    pub until: Timestamp,
    /// [`User::recovery_level`] when the account left the address: links of an earlier level are dead.
    pub level: u64,
}

/// A mailed token as the table knows it: by its hash alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PendingToken<'a> {
    /// SHA-256 of the token, base64url.
    pub hash: &'a str,
    /// From then on the token is refused, whether or not the item is still there.
    pub expires_at: Timestamp,
    /// The service's version when the token was made: a global rotation outdates it as it does sessions.
    pub global_ver: u64,
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
    /// How the password is kept; for readers that need not see the hash.
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
    /// How an unverified address is verified.
    #[serde(default)]
    pub proof: Proof,
    /// When the registration of an unverified address ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registered_until: Option<Timestamp>,
    /// The addresses before the present one, earliest first. Some may have expired.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub former: Vec<FormerAddress>,
    /// Raised by each recovery: a finished reset and a used "this wasn't me" link. A notice carries the level at which it was
    /// written, and its link is dead once a recovery through the same or an earlier address has raised it.
    #[serde(default)]
    pub recovery_level: u64,
    /// How often the account was taken back; what its holder had granted to others before is void.
    #[serde(default)]
    pub taken_back: u64,
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
    /// Hash, expiry and level of the pending verification token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify_hash: Option<String>,
    /// See [`PendingToken::expires_at`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify_until: Option<Timestamp>,
    /// See [`PendingToken::global_ver`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify_global: Option<u64>,
    /// The row of the pending verification token; earlier rows make none any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify_row: Option<RowId>,
    /// Hash, expiry and level of the pending reset token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reset_hash: Option<String>,
    /// See [`PendingToken::expires_at`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reset_until: Option<Timestamp>,
    /// See [`PendingToken::global_ver`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reset_global: Option<u64>,
    /// The row of the pending reset token; earlier rows make none any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reset_row: Option<RowId>,
    /// Hash, expiry and level of the reset token before it, which keeps the rest of its life.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prior_reset_hash: Option<String>,
    /// See [`PendingToken::expires_at`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prior_reset_until: Option<Timestamp>,
    /// See [`PendingToken::global_ver`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prior_reset_global: Option<u64>,
    /// Clean-up of an unfinished registration; see [`Self::registered_until`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<i64>,
}

impl User {
    /// A new account, with an unverified address.
    #[must_use]
    pub fn fresh(
        id: UserId,
        email: &EmailAddress,
        name: &DisplayName,
        password_hash: &str,
        now: Timestamp,
    ) -> Self {
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
            proof: Proof::Confirmation,
            registered_until: None,
            former: Vec::new(),
            recovery_level: 0,
            taken_back: 0,
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
            verify_global: None,
            verify_row: None,
            reset_hash: None,
            reset_until: None,
            reset_global: None,
            reset_row: None,
            prior_reset_hash: None,
            prior_reset_until: None,
            prior_reset_global: None,
            ttl: None,
        }
    }

    /// The user's version level.
    #[must_use]
    pub const fn level(&self) -> VersionLevel {
        VersionLevel {
            current: self.ver_current,
            floor: self.ver_floor,
            until: self.ver_until,
        }
    }

    /// The former addresses whose owners can take the account back at `now`, earliest first.
    #[must_use]
    pub fn claims(&self, now: Timestamp) -> impl DoubleEndedIterator<Item = &FormerAddress> {
        self.former.iter().filter(move |former| now < former.until)
    }

    /// The claim of the former address with this fingerprint at `now`.
    #[must_use]
    pub fn claim_of(&self, key: &str, now: Timestamp) -> Option<&FormerAddress> {
        self.claims(now).find(|former| former.key == key)
    }

    /// [`EmailAddress::fingerprint`] of the present address.
    #[must_use]
    pub fn address_key(&self) -> String {
        EmailAddress::parse(&self.email)
            .map(|email| email.fingerprint())
            .unwrap_or_default()
    }

    /// Whether an unfinished registration has ended by `now`.
    #[must_use]
    pub fn has_lapsed(&self, now: Timestamp) -> bool {
        !self.email_verified && self.registered_until.is_some_and(|until| until <= now)
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
        pending(
            self.verify_hash.as_deref(),
            self.verify_until,
            self.verify_global,
        )
    }

    /// The newest pending reset token, if there is one.
    #[must_use]
    pub fn pending_reset(&self) -> Option<PendingToken<'_>> {
        pending(
            self.reset_hash.as_deref(),
            self.reset_until,
            self.reset_global,
        )
    }

    /// The reset token before it, if there is one.
    #[must_use]
    pub fn prior_reset(&self) -> Option<PendingToken<'_>> {
        pending(
            self.prior_reset_hash.as_deref(),
            self.prior_reset_until,
            self.prior_reset_global,
        )
    }
}

fn pending(
    hash: Option<&str>,
    expires_at: Option<Timestamp>,
    global_ver: Option<u64>,
) -> Option<PendingToken<'_>> {
    Some(PendingToken {
        hash: hash?,
        expires_at: expires_at?,
        global_ver: global_ver?,
    })
}

/// Neither the hash nor the address is shown.
impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User")
            .field("id", &self.id)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}
