//! AUTH: from an access token to the caller it stands for.
//!
//! One strongly consistent read fetches user, session and security record together. The public keys come with it, so a
//! function that only verifies holds no secret, and a key that was dropped is refused at once. No answer is cached: a
//! revocation acts on the next request.

use std::sync::Arc;
use std::time::Duration;

use crate::audit_event::{Cause, Refusal};
use crate::clock::MAX_CLOCK_SKEW;
use crate::config::Config;
use crate::domain::{Liveness, Role, Session, SessionId, Timestamp, User, UserId};
use crate::limits::Limiter;
use crate::sign_in::issuer::role_of;
use crate::sign_in::{AccessError, ReauthenticationRequired};
use crate::store::Store;
use crate::tokens::{Claims, PresentedAccessToken, SecurityRecord};

/// So long a password proof counts as recent (contract of the endpoints that ask for one).
const RECENT: Duration = Duration::from_secs(900);

/// Somebody who has shown a good access token.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The account.
    pub user: User,
    /// The session that the token belongs to.
    pub session: Session,
    /// What the token says.
    pub claims: Claims,
    /// The service's version level and keys.
    pub security: SecurityRecord,
    /// What decides whether the user's sessions are live.
    pub liveness: Liveness,
}

impl Caller {
    /// Whether the password was verified in the last 15 minutes, as both the session and the presented token say: for what a
    /// stolen token alone must not do. By the session alone, an attacker with an older token of it would gain what its owner's
    /// password has opened for another one.
    ///
    /// # Errors
    /// [`ReauthenticationRequired`].
    pub fn recently_proved(&self) -> Result<(), ReauthenticationRequired> {
        let now = self.liveness.now;
        let token_says = Timestamp::from_millis(self.claims.auth_time.saturating_mul(1_000));
        // A later time was written by a clock that was ahead, and would count for as long as that clock was wrong.
        let is_recent = |verified: Timestamp| {
            verified <= now.plus(MAX_CLOCK_SKEW) && now.since(verified) < RECENT
        };
        if is_recent(self.session.auth_time) && is_recent(token_says) {
            return Ok(());
        }
        let refusal = Refusal::new(Cause::ReauthenticationRequired)
            .user(self.user.id)
            .session(self.session.id);
        Err(ReauthenticationRequired(Box::new(refusal)))
    }

    /// When what the presented token obtains must end: with the grace that still lets the token in. `None` for a token under
    /// the present versions.
    #[must_use]
    pub fn grace_end(&self) -> Option<Timestamp> {
        let by_user = self.liveness.user.end_of(self.claims.user_ver);
        let by_service = self.liveness.global.end_of(self.claims.global_ver);
        by_user.into_iter().chain(by_service).min()
    }

    /// Whether the caller is an admin now, whatever the token says, and has proved the password recently.
    fn may_administer(&self, config: &Config) -> Result<(), AccessError> {
        if role_of(&self.user, config) != Role::Admin {
            let refusal = Refusal::new(Cause::NotAnAdmin)
                .user(self.user.id)
                .actor(self.user.id)
                .session(self.session.id);
            return Err(AccessError::NotAdmin(Box::new(refusal)));
        }
        Ok(self.recently_proved()?)
    }
}

/// Turns access tokens into callers.
#[derive(Clone)]
pub struct Authenticator {
    store: Store,
    config: Arc<Config>,
}

impl Authenticator {
    /// An authenticator over `store`.
    #[must_use]
    pub const fn new(store: Store, config: Arc<Config>) -> Self {
        Self { store, config }
    }

    /// The store that it reads from.
    #[must_use]
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// Charges the buckets of those whom it has let in.
    #[must_use]
    pub(crate) fn limiter(&self) -> Limiter {
        Limiter::new(self.store.clone(), Arc::clone(&self.config))
    }

    /// The caller, if they may administer.
    ///
    /// # Errors
    /// Those of [`Self::caller`]; also without the role, and without a recent password proof.
    pub async fn admin(&self, token: &str) -> Result<Caller, AccessError> {
        let caller = self.caller(token).await?;
        caller.may_administer(&self.config)?;
        Ok(caller)
    }

    /// What decides whether sessions of a user are live now.
    #[must_use]
    pub fn liveness(&self, user: &User, security: &SecurityRecord) -> Liveness {
        let idle: Option<Duration> = self.config.tokens.session_idle;
        Liveness {
            user: user.level(),
            global: security.level(),
            idle,
            now: self.store.now(),
        }
    }

    /// The caller whom an access token stands for.
    ///
    /// # Errors
    /// [`AccessError`], told apart as the contract says.
    pub async fn caller(&self, token: &str) -> Result<Caller, AccessError> {
        let presented = PresentedAccessToken::parse(token)?;
        let (user_id, session_id) = presented.subject();
        let (user_id, session_id) = (UserId::new(user_id), SessionId::new(session_id));
        let read = self.store.authentication(user_id, session_id).await?;
        let security = read.security;
        let tokens = &self.config.tokens;
        let claims = presented.verify(
            &security.keys,
            &tokens.issuer,
            &tokens.audience,
            self.store.now(),
        )?;
        // From here on the token is one that we made, so a refusal says something about the account. Of a token that is
        // shown over and over the trail learns once in ten minutes.
        let refusal = |cause| {
            let once = format!("token#{cause}#{session_id}");
            Refusal::new(cause)
                .user(user_id)
                .session(session_id)
                .once(once)
        };
        let ended = |cause| AccessError::SessionEnded(Box::new(refusal(cause)));
        let user = read.user.ok_or_else(|| ended(Cause::UnknownUser))?;
        let liveness = self.liveness(&user, &security);
        if !liveness.accepts(claims.user_ver, claims.global_ver) {
            let refusal = rejected_by_rotation(
                refusal(Cause::TokenRejectedDueToRotation),
                &claims,
                &liveness,
            );
            return Err(AccessError::Outdated(Box::new(refusal)));
        }
        let session = read.session.ok_or_else(|| ended(Cause::SessionEnded))?;
        if !session.is_live(&liveness) {
            return Err(ended(Cause::SessionEnded));
        }
        if !user.is_active() {
            return Err(ended(Cause::AccountDisabled));
        }
        if !user.email_verified {
            return Err(ended(Cause::EmailNotVerified));
        }
        Ok(Caller {
            user,
            session,
            claims,
            security,
            liveness,
        })
    }
}

/// Which rotation it was: the token's versions beside those in force.
fn rejected_by_rotation(refusal: Refusal, claims: &Claims, liveness: &Liveness) -> Refusal {
    let by_user = !liveness.user.accepts(claims.user_ver, liveness.now);
    refusal
        .text("scope", if by_user { "user" } else { "global" })
        .text("user_ver", claims.user_ver)
        .text("user_least", liveness.user.least(liveness.now))
        .text("global_ver", claims.global_ver)
        .text("global_least", liveness.global.least(liveness.now))
}
