//! What the tables say of a token's user and session, and the verdict that follows from it.

use std::time::Duration;

use serde::Deserialize;

use crate::error::VerifyError;
use crate::key::PublicKey;
use crate::level::VersionLevel;
use crate::liveness::{Liveness, SessionStamp};
use crate::time::Timestamp;
use crate::token::Claims;

/// What USER says.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct UserState {
    ver_current: u64,
    ver_floor: u64,
    ver_until: Timestamp,
    status: String,
    email_verified: bool,
}

/// What SESSION says.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct SessionState {
    user_ver: u64,
    global_ver: u64,
    last_activity_at: Timestamp,
    expires_at: Timestamp,
}

/// What SECURITY says.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct SecurityState {
    ver_current: u64,
    ver_floor: u64,
    ver_until: Timestamp,
    /// Every key that may verify.
    pub keys: Vec<PublicKey>,
}

/// All three, read together.
#[derive(Debug, Clone)]
pub(crate) struct State {
    /// The account, if there is one.
    pub user: Option<UserState>,
    /// The session, if it has not ended. It may have expired.
    pub session: Option<SessionState>,
    /// The service's version level and keys.
    pub security: SecurityState,
}

impl State {
    /// Whether a token with these claims, signature and claims checked, is good at `now`: the rules of the service's own
    /// endpoints, in their order.
    pub fn judge(
        &self,
        claims: &Claims,
        idle: Option<Duration>,
        now: Timestamp,
    ) -> Result<(), VerifyError> {
        let user = self.user.as_ref().ok_or(VerifyError::SessionRevoked)?;
        let level = VersionLevel {
            current: user.ver_current,
            floor: user.ver_floor,
            until: user.ver_until,
        };
        let liveness = Liveness {
            user: level,
            global: self.security.level(),
            idle,
            now,
        };
        if !liveness.accepts(claims.user_ver, claims.global_ver) {
            return Err(VerifyError::TokenVersionTooOld);
        }
        let session = self.session.as_ref().ok_or(VerifyError::SessionRevoked)?;
        let may_sign_in = user.status == "active" && user.email_verified;
        if !session.stamp().is_live(&liveness) || !may_sign_in {
            return Err(VerifyError::SessionRevoked);
        }
        Ok(())
    }
}

impl SecurityState {
    const fn level(&self) -> VersionLevel {
        VersionLevel {
            current: self.ver_current,
            floor: self.ver_floor,
            until: self.ver_until,
        }
    }
}

impl SessionState {
    const fn stamp(&self) -> SessionStamp {
        SessionStamp {
            user_ver: self.user_ver,
            global_ver: self.global_ver,
            last_activity_at: self.last_activity_at,
            expires_at: self.expires_at,
        }
    }
}
