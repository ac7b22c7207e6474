//! Refresh: one lineage under any parallelism, the same successor for a retry, and theft ends the session.
//!
//! By the presented token's hash: it is the current one (the session moves on), its parent within the grace (the answer
//! got lost or two tabs were quick: the same successor again), or another one of the family: an ancestor, and since
//! nobody keeps those, somebody who should not have it.

use std::sync::Arc;

use crate::audit::{Outcome, Refusal};
use crate::config::{Config, Rule, TheftScope};
use crate::digest;
use crate::domain::{Liveness, Session, User};
use crate::entropy;
use crate::http::{Authenticator, Code, Problem};
use crate::issuer::{Issuer, TokenPair};
use crate::limits::Limiter;
use crate::locator::Locator;
use crate::request::RequestMeta;
use crate::store::{Advanced, MailKind, Store};
use crate::telemetry::{self, Metric};
use crate::tokens::{RefreshToken, SecurityRecord};

/// Lost races before a client is asked to come back.
const TRIES: u32 = 5;

/// Refreshes.
#[derive(Clone)]
pub struct Refresh {
    /// The tables.
    pub store: Store,
    /// Knows what makes a session live.
    pub authenticator: Authenticator,
    /// The tokens.
    pub issuer: Issuer,
    /// The session's bucket.
    pub limiter: Limiter,
    /// Where an address is.
    pub locator: Locator,
    /// The settings.
    pub config: Arc<Config>,
}

/// What a presented token turned out to be.
enum Standing {
    Current,
    /// The current token's parent, still within the grace, with the nonce of its successor.
    Retried(Vec<u8>),
    Ancestor,
}

impl Refresh {
    /// The next token pair of the session that `presented` belongs to.
    ///
    /// # Errors
    /// 401 `invalid_refresh_token`, whatever the reason; 429, and the token is not spent; 503.
    pub async fn refresh(&self, meta: &RequestMeta, presented: &str) -> Result<TokenPair, Problem> {
        // A mistyped or cut token is refused without a call, and so without a record.
        let token = RefreshToken::parse(presented).ok_or_else(|| Problem::new(Code::InvalidRefreshToken))?;
        let read = self.store.authentication(token.user(), token.session()).await?;
        let refused = |reason| refused(&token, reason);
        let user = read.user.ok_or_else(|| refused("unknown_user"))?;
        let mut found = read.session;
        for _ in 0..TRIES {
            let session = found.ok_or_else(|| refused("session_ended"))?;
            let liveness = self.authenticator.liveness(&user, &read.security);
            check(&session, &token, &user, &liveness).map_err(refused)?;
            match self.standing(&session, &token, &liveness) {
                Standing::Retried(nonce) => {
                    return self.issuer.issue(&user, &session, &read.security, &token.successor(&nonce)).await;
                }
                Standing::Ancestor => return Err(self.end_for_theft(meta, &token).await?),
                Standing::Current => match self.advance(meta, &token, session, &user, &read.security).await? {
                    Ok(pair) => return Ok(pair),
                    Err(moved) => found = moved,
                },
            }
        }
        Err(Problem::new(Code::ServiceUnavailable).retry_after(std::time::Duration::from_secs(1)))
    }

    fn standing(&self, session: &Session, token: &RefreshToken, liveness: &Liveness) -> Standing {
        let hash = token.hash();
        let same = |stored: &str| digest::equal(stored.as_bytes(), hash.as_bytes());
        if same(&session.current) {
            return Standing::Current;
        }
        let grace_ends = session.rotated_at.map(|rotated| rotated.plus(self.config.tokens.refresh_grace));
        let in_grace = grace_ends.is_some_and(|end| liveness.now < end);
        let nonce = session.nonce.as_deref().and_then(digest::decode);
        match nonce {
            Some(nonce) if in_grace && session.parent.as_deref().is_some_and(same) => Standing::Retried(nonce),
            _ => Standing::Ancestor,
        }
    }

    /// Moves the session on. The inner error is the session as somebody else left it.
    async fn advance(
        &self,
        meta: &RequestMeta,
        token: &RefreshToken,
        session: Session,
        user: &User,
        security: &SecurityRecord,
    ) -> Result<Result<TokenPair, Option<Session>>, Problem> {
        // The bucket moves in the write that moves the token, on the condition that nobody else moved it: it is exact.
        let tat = self.limiter.admit_session(Rule::Refresh, &session)?;
        let nonce = entropy::bytes::<16>(self.store.entropy());
        let successor = token.successor(&nonce);
        let entry = self.store.entry(meta).by_owner(session.user_id).session(session.id);
        let next = Session {
            current: successor.hash(),
            nonce: Some(digest::encode(&nonce)),
            last_activity_at: entry.occurred_at,
            ip_address: meta.client.to_string(),
            user_agent: meta.user_agent.as_str().to_owned(),
            place: self.locator.place(meta),
            tat: Some(tat),
            ..session
        };
        match self.store.advance_session(&token.hash(), &next, &entry).await? {
            Advanced::Done => self.issuer.issue(user, &next, security, &successor).await.map(Ok),
            Advanced::Lost(moved) => Ok(Err(moved.map(|moved| *moved))),
        }
    }

    /// Ends what the stolen token reaches and tells the owner. Record and mail are committed with the end, so the refusal
    /// itself is not recorded again.
    async fn end_for_theft(&self, meta: &RequestMeta, token: &RefreshToken) -> Result<Problem, Problem> {
        let mut entry =
            self.store.entry(meta).user(token.user()).session(token.session()).reason("refresh_token_reused");
        entry.outcome = Outcome::Refused;
        let row = self.store.row(Some(MailKind::TheftDetected), Some(token.user())).asked_by(meta);
        let ended = match self.config.tokens.theft_scope {
            TheftScope::Session => {
                self.store
                    .end_session_of_family(token.user(), token.session(), &token.family().hash(), &entry, Some(&row))
                    .await?
            }
            TheftScope::User => {
                self.store.rotate_user(token.user(), &entry, &row.sweeping()).await?;
                true
            }
        };
        if !ended {
            return Ok(refused(token, "session_ended"));
        }
        telemetry::count(Metric::Theft);
        Ok(Problem::new(Code::InvalidRefreshToken))
    }
}

/// What a session must be for any of its tokens to count.
fn check(session: &Session, token: &RefreshToken, user: &User, liveness: &Liveness) -> Result<(), &'static str> {
    if !digest::equal(session.family.as_bytes(), token.family().hash().as_bytes()) {
        return Err("unknown_token");
    }
    if !user.is_active() {
        return Err("account_disabled");
    }
    if !session.stamp().is_in_time(liveness) {
        return Err("expired");
    }
    if !liveness.accepts(session.user_ver, session.global_ver) {
        return Err("token_version_too_old");
    }
    Ok(())
}

fn refused(token: &RefreshToken, reason: &'static str) -> Problem {
    // Of a token that is shown over and over the trail learns once in ten minutes.
    let once = format!("refresh#{reason}#{}", token.session());
    let refusal = Refusal::new(reason).user(token.user()).session(token.session()).once(once);
    Problem::new(Code::InvalidRefreshToken).refused(refusal)
}
