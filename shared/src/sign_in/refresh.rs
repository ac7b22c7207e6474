//! Refresh: one lineage under any parallelism, the same successor for a retry, and theft ends the session.
//!
//! [`presented`] says what a token is: the current one (the session moves on), the one before it and still to be answered
//! (the answer was lost, or two tabs were quick: the same successor again), or another one of the family. That is an
//! ancestor, and since no client keeps those, an attacker has it.
//!
//! The access token is signed before anything is written: an error after the commit would leave a client with a spent
//! token and without its successor. A refused token is charged to the client's bucket before the refusal is recorded, and
//! the record names the owner only if the token carries the secret of the session's family: anybody can write a victim's
//! identifier into a token.

pub mod presented;
mod retry;

use std::sync::Arc;
use std::time::Duration;

use self::presented::{Presented, RetryKey};
use crate::audit_event::{Cause, Outcome, Refusal};
use crate::config::{Config, TheftScope};
use crate::domain::{RetiredToken, Session, User};
use crate::ground::{digest, entropy};
use crate::limits::Limiter;
use crate::request::RequestMeta;
use crate::request::locator::Locator;
use crate::routes::{MailKind, Rule};
use crate::sign_in::SignInError;
use crate::sign_in::authentication::Authenticator;
use crate::sign_in::issuer::{Issuer, TokenPair};
use crate::store::{RACE_TRIES, Refreshed, Store};
use crate::telemetry::{self, Metric};
use crate::tokens::{RefreshToken, SecurityRecord};

/// Retries after the grace are recorded once in this time: a flood must not fill the audit log.
const RECORD_INTERVAL: Duration = Duration::from_secs(600);

/// Refreshes.
#[derive(Clone)]
pub struct Refresh {
    /// The tables.
    pub store: Store,
    /// Knows what makes a session live.
    pub authenticator: Authenticator,
    /// The tokens.
    pub issuer: Issuer,
    /// The session's bucket, and the client's.
    pub limiter: Limiter,
    /// Where an address is.
    pub locator: Locator,
    /// The settings.
    pub config: Arc<Config>,
}

/// A call: what the client sent, and what AUTH has read for it.
struct Call<'a> {
    meta: &'a RequestMeta,
    token: &'a RefreshToken,
    key: Option<&'a str>,
    user: User,
    security: SecurityRecord,
}

/// The tokens; `None` if another write of the session was first.
type Attempt = Option<TokenPair>;

impl Refresh {
    /// The next token pair of the session that `presented` belongs to; `key` lets a client whose answer is lost have the same
    /// pair again.
    ///
    /// # Errors
    /// [`SignInError`]; the token is not spent then.
    pub async fn refresh(
        &self,
        meta: &RequestMeta,
        presented: &str,
        key: Option<&RetryKey>,
    ) -> Result<TokenPair, SignInError> {
        // A mistyped or cut token is refused without a call, and so without a record.
        let token = RefreshToken::parse(presented).ok_or(SignInError::InvalidRefreshToken)?;
        let key = key.map(RetryKey::hash);
        let tokens = self.tokens(meta, &token, key.as_deref()).await;
        if let Err(SignInError::RefusedRefreshToken(_)) = tokens {
            self.limiter.admit_client(Rule::RefusedTokens, meta).await?;
        }
        tokens
    }

    async fn tokens(
        &self,
        meta: &RequestMeta,
        token: &RefreshToken,
        key: Option<&str>,
    ) -> Result<TokenPair, SignInError> {
        for attempt in 0..RACE_TRIES {
            self.store.before_try(attempt).await;
            let read = self
                .store
                .authentication(token.user(), token.session())
                .await?;
            let session = owned(read.session.map(Box::new), token, meta)?;
            let user = read
                .user
                .ok_or_else(|| refused(token, Cause::UnknownUser))?;
            let call = Call {
                meta,
                token,
                key,
                user,
                security: read.security,
            };
            self.check(&call, &session)?;
            if let Some(pair) = self.attempt(&call, session).await? {
                return Ok(pair);
            }
        }
        Err(SignInError::Contended)
    }

    async fn attempt(
        &self,
        call: &Call<'_>,
        session: Box<Session>,
    ) -> Result<Attempt, SignInError> {
        match presented::judge(
            &session,
            call.token,
            call.key,
            self.store.now(),
            &self.config.tokens,
        ) {
            Presented::Current => self.advance(call, *session).await,
            Presented::RetriedWithinGrace(retired) => self.retry(call, *session, retired).await,
            Presented::RetriedLate(retired) => self.retry_late(call, *session, retired).await,
            Presented::RetriesUsedUp(left) => {
                let (most, grace) = (
                    presented::MAX_RETRIES_IN_GRACE,
                    self.config.tokens.refresh_grace,
                );
                let exceeded = Limiter::retries_used_up(&session, most, grace, left);
                Err(SignInError::RetriesUsedUp(Box::new(exceeded)))
            }
            Presented::Ancestor => Err(self.end_for_theft(call).await?),
        }
    }

    /// What the account and the session must be for any token of the session to count.
    fn check(&self, call: &Call<'_>, session: &Session) -> Result<(), SignInError> {
        let liveness = self.authenticator.liveness(&call.user, &call.security);
        if !call.user.is_active() {
            return Err(refused(call.token, Cause::AccountDisabled));
        }
        if !call.user.email_verified {
            return Err(refused(call.token, Cause::EmailNotVerified));
        }
        if !session.stamp().is_in_time(&liveness) {
            return Err(refused(call.token, Cause::Expired));
        }
        if !liveness.accepts(session.user_ver, session.global_ver) {
            return Err(refused(call.token, Cause::TokenVersionTooOld));
        }
        Ok(())
    }

    /// Moves the session on.
    async fn advance(&self, call: &Call<'_>, session: Session) -> Result<Attempt, SignInError> {
        // A constant key would give a thief of a spent token its successor, too.
        if presented::is_key_of(session.retired.as_ref(), call.key) {
            return Err(SignInError::ReusedRetryKey);
        }
        // The bucket moves in the write that moves the token, on the condition that no other call has moved it.
        let tat = self.limiter.admit_session(Rule::Refresh, &session)?;
        let nonce = entropy::bytes::<12>(self.store.entropy());
        let successor = call.token.successor(&nonce);
        let entry = self
            .store
            .entry(call.meta)
            .by_owner(session.user_id)
            .session(session.id);
        let retired = RetiredToken {
            hash: session.current.clone(),
            nonce: digest::encode(&nonce),
            at: entry.occurred_at,
            key: call.key.map(str::to_owned),
            uses: 0,
            recorded: None,
            write: None,
        };
        let next = Session {
            current: successor.hash(),
            retired: Some(retired),
            ..self.seen(call, &session, tat)
        };
        let pair = self
            .issuer
            .issue(&call.user, &next, &call.security, &successor)
            .await?;
        Ok(won(
            pair,
            self.store.advance_session(&session, &next, &entry).await?,
        ))
    }

    /// `session` as the client of `call` leaves it.
    fn seen(&self, call: &Call<'_>, session: &Session, tat: i64) -> Session {
        Session {
            last_activity_at: self.store.now(),
            ip_address: call.meta.client.to_string(),
            user_agent: call.meta.user_agent.as_str().to_owned(),
            place: self.locator.place(call.meta),
            tat: Some(tat),
            ..session.clone()
        }
    }

    /// Ends what the stolen token reaches and tells the owner. Record and mail are committed with the end, so the refusal
    /// itself is not recorded again, and no client pays for it.
    async fn end_for_theft(&self, call: &Call<'_>) -> Result<SignInError, SignInError> {
        let token = call.token;
        let mut entry = self
            .store
            .entry(call.meta)
            .user(token.user())
            .session(token.session())
            .reason(Cause::RefreshTokenReused);
        entry.outcome = Outcome::Refused;
        let row = self
            .store
            .notice(&entry, MailKind::TheftDetected, &call.user)
            .asked_by(call.meta);
        let ended = match self.config.tokens.theft_scope {
            TheftScope::Session => {
                self.store
                    .end_session_of_family(
                        token.user(),
                        token.session(),
                        &token.family().hash(),
                        &entry,
                        Some(&row),
                    )
                    .await?
            }
            TheftScope::User => {
                self.store
                    .rotate_user(token.user(), &entry, &row.sweeping())
                    .await?;
                true
            }
        };
        if !ended {
            return Ok(refused(token, Cause::SessionEnded));
        }
        telemetry::count(Metric::Theft);
        Ok(SignInError::InvalidRefreshToken)
    }
}

/// The session, if `token` is one of its family. Whom any other token names is not known.
fn owned(
    found: Option<Box<Session>>,
    token: &RefreshToken,
    meta: &RequestMeta,
) -> Result<Box<Session>, SignInError> {
    let unknown = |cause| {
        let once = format!("refresh#{cause}#{}", meta.client_key());
        SignInError::RefusedRefreshToken(Box::new(Refusal::new(cause).once(once)))
    };
    let session = found.ok_or_else(|| unknown(Cause::SessionEnded))?;
    if digest::equal(session.family.as_bytes(), token.family().hash().as_bytes()) {
        return Ok(session);
    }
    Err(unknown(Cause::UnknownToken))
}

/// A refusal of a token that is one of the session's. Of one that is shown over and over, one record is made in ten minutes.
fn refused(token: &RefreshToken, cause: Cause) -> SignInError {
    let once = format!("refresh#{cause}#{}", token.session());
    SignInError::RefusedRefreshToken(Box::new(
        Refusal::new(cause)
            .user(token.user())
            .session(token.session())
            .once(once),
    ))
}

fn won(pair: TokenPair, written: Refreshed) -> Attempt {
    match written {
        Refreshed::Done => Some(pair),
        Refreshed::Lost => None,
    }
}
