//! A session as it is stored: one login, its device, and the refresh token that continues it.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Place, SessionId, Timestamp, UserId, VersionLevel};

/// The SESSION item (table `tokens`).
#[derive(Clone, Serialize, Deserialize)]
pub struct Session {
    /// Which session it is.
    pub id: SessionId,
    /// Whose it is.
    pub user_id: UserId,
    /// SHA-256 of the family secret: every refresh token of this session carries that secret, so
    /// an ancestor is known without a list of ancestors.
    pub family: String,
    /// SHA-256 of the refresh token that is good now.
    pub current: String,
    /// SHA-256 of the one before it, while it may still be retried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// With the spent token this gives its successor again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// When the parent was spent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotated_at: Option<Timestamp>,
    /// The user's version when the password was proved.
    pub user_ver: u64,
    /// The service's version when the password was proved.
    pub global_ver: u64,
    /// When the password was proved.
    pub auth_time: Timestamp,
    /// When the session began.
    pub created_at: Timestamp,
    /// The last login or refresh.
    pub last_activity_at: Timestamp,
    /// The absolute end; nothing moves it.
    pub expires_at: Timestamp,
    /// The client's address at the last login or refresh.
    pub ip_address: String,
    /// The client's `User-Agent`, bounded.
    pub user_agent: String,
    /// Where the address is, if anything knew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// Clean-up only; see [`Self::expires_at`].
    pub ttl: i64,
}

/// What decides whether a session is live.
#[derive(Debug, Clone, Copy)]
pub struct Liveness {
    /// The user's level.
    pub user: VersionLevel,
    /// The service's level.
    pub global: VersionLevel,
    /// A session without activity for this long is over, if set.
    pub idle: Option<Duration>,
    /// The moment of the question.
    pub now: Timestamp,
}

impl Session {
    /// Whether the session has neither ended by time nor been outdated by a rotation.
    #[must_use]
    pub fn is_live(&self, liveness: &Liveness) -> bool {
        self.is_in_time(liveness) && self.has_good_versions(liveness)
    }

    /// Whether neither its absolute nor its idle limit has passed.
    #[must_use]
    pub fn is_in_time(&self, liveness: &Liveness) -> bool {
        let idle_end = liveness.idle.map(|idle| self.last_activity_at.plus(idle));
        liveness.now < self.expires_at && idle_end.is_none_or(|end| liveness.now < end)
    }

    /// Whether both levels still accept the versions it was made under.
    #[must_use]
    pub fn has_good_versions(&self, liveness: &Liveness) -> bool {
        liveness.user.accepts(self.user_ver, liveness.now) && liveness.global.accepts(self.global_ver, liveness.now)
    }
}

/// No hash is shown.
impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("id", &self.id).field("user_id", &self.user_id).finish_non_exhaustive()
    }
}
