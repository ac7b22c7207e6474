//! A session as it is stored: one login, its device, and the refresh token that continues it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Liveness, Place, SessionId, SessionStamp, Timestamp, UserId};

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
    /// The token before it, for as long as it may be retried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retired: Option<RetiredToken>,
    /// The user's version when the password was proved.
    pub user_ver: u64,
    /// The service's version when the password was proved.
    pub global_ver: u64,
    /// When the password was proved.
    pub auth_time: Timestamp,
    /// When the session began.
    pub created_at: Timestamp,
    /// The last login, refresh, retry of a refresh, or verification of the password.
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
    /// Its bucket of refreshes: the theoretical arrival time in microseconds. It moves with the token, in the same write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tat: Option<i64>,
    /// Clean-up only; see [`Self::expires_at`].
    pub ttl: i64,
}

/// The refresh token that the current one has replaced.
#[derive(Clone, Serialize, Deserialize)]
pub struct RetiredToken {
    /// SHA-256 of it.
    pub hash: String,
    /// With the token itself this gives its successor again.
    pub nonce: String,
    /// When it was retired.
    pub at: Timestamp,
    /// SHA-256 of the retry key of the call that retired it. No later call sets or replaces it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// How often the grace has answered it.
    pub uses: u32,
    /// When a retry after the grace was last recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded: Option<Timestamp>,
    /// Names the last write of a retry, so that a retry knows its own one whose answer was lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub write: Option<String>,
}

impl Session {
    /// What it says about its own life.
    #[must_use]
    pub const fn stamp(&self) -> SessionStamp {
        SessionStamp {
            user_ver: self.user_ver,
            global_ver: self.global_ver,
            last_activity_at: self.last_activity_at,
            expires_at: self.expires_at,
        }
    }

    /// Whether it has neither ended by time nor been outdated by a rotation.
    #[must_use]
    pub fn is_live(&self, liveness: &Liveness) -> bool {
        self.stamp().is_live(liveness)
    }
}

/// No hash is shown.
impl fmt::Debug for RetiredToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetiredToken")
            .field("at", &self.at)
            .field("uses", &self.uses)
            .finish_non_exhaustive()
    }
}

/// No hash is shown.
impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("id", &self.id)
            .field("user_id", &self.user_id)
            .finish_non_exhaustive()
    }
}
