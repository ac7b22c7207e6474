//! AUTH: from an access token to the caller it stands for.
//!
//! One strongly consistent read fetches user, session and security record together. The public keys come with it, so a
//! function that only verifies holds no secret, and a key that was dropped is refused at once. No answer is cached: a
//! revocation acts on the next request.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRequestParts;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use http::request::Parts;

use super::code::Code;
use super::problem::Problem;
use crate::audit::Refusal;
use crate::config::Config;
use crate::domain::{Liveness, Session, User};
use crate::store::Store;
use crate::tokens::{AccessTokenError, Claims, PresentedAccessToken, SecurityRecord};

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

    /// What decides whether sessions of a user are live now.
    #[must_use]
    pub fn liveness(&self, user: &User, security: &SecurityRecord) -> Liveness {
        let idle: Option<Duration> = self.config.tokens.session_idle;
        Liveness { user: user.level(), global: security.level(), idle, now: self.store.now() }
    }

    /// The caller whom the `Authorization` header stands for.
    ///
    /// # Errors
    /// The 401 codes of RFC 6750 section 3.1, told apart as the contract says; 503 if the store cannot be read.
    pub async fn caller(&self, headers: &HeaderMap) -> Result<Caller, Problem> {
        let token = bearer(headers)?;
        let presented = PresentedAccessToken::parse(token).map_err(|_| Problem::new(Code::InvalidToken))?;
        let (user_id, session_id) = presented.subject();
        let read = self.store.authentication(user_id, session_id).await?;
        let security = read.security;
        let tokens = &self.config.tokens;
        let claims = presented.verify(&security, &tokens.issuer, &tokens.audience, self.store.now());
        let claims = claims.map_err(|error| match error {
            AccessTokenError::Invalid => Problem::new(Code::InvalidToken),
            AccessTokenError::Expired => Problem::new(Code::TokenExpired),
        })?;
        // From here on the token is one that we made, so a refusal says something about the account.
        let refused = |code, reason| Problem::new(code).refused(Refusal::new(reason).user(user_id).session(session_id));
        let user = read.user.ok_or_else(|| refused(Code::SessionRevoked, "unknown_user"))?;
        let liveness = self.liveness(&user, &security);
        let good_versions = liveness.user.accepts(claims.user_ver, liveness.now)
            && liveness.global.accepts(claims.global_ver, liveness.now);
        if !good_versions {
            return Err(refused(Code::TokenVersionTooOld, "token_version_too_old"));
        }
        let session = read.session.ok_or_else(|| refused(Code::SessionRevoked, "session_ended"))?;
        if !session.is_live(&liveness) {
            return Err(refused(Code::SessionRevoked, "session_ended"));
        }
        if !user.is_active() {
            return Err(refused(Code::SessionRevoked, "account_disabled"));
        }
        Ok(Caller { user, session, claims, security, liveness })
    }
}

/// The token of the `Authorization` header (RFC 6750 section 2.1); nowhere else is one looked for.
fn bearer(headers: &HeaderMap) -> Result<&str, Problem> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().ok_or_else(|| Problem::new(Code::MissingToken))?;
    if values.next().is_some() {
        return Err(Problem::new(Code::InvalidToken));
    }
    let text = value.to_str().map_err(|_| Problem::new(Code::InvalidToken))?;
    let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
    let token = token.trim_matches(' ');
    if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() {
        return Err(Problem::new(Code::MissingToken));
    }
    Ok(token)
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let caller = parts.extensions.get::<Arc<Self>>().cloned();
        // An endpoint that was not built as `Endpoint::bearer` has no caller: refuse rather than guess.
        caller.map(Arc::unwrap_or_clone).ok_or_else(|| Problem::new(Code::InternalError))
    }
}
