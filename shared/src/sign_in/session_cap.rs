//! The session cap: where a user has more live sessions than the cap allows, the least recently active ones end.
//!
//! Active means a login, a refresh or a verified password. By age, the session that is used every day would be the first to
//! go. The session that has just begun never ends, or a login would give tokens that are revoked already. A session that
//! was active since it was chosen stays, and another one is chosen. See `docs/adr/0004-session-cap-without-a-count-per-login.md`.

use std::cmp::Reverse;

use crate::audit_event::Cause;
use crate::config::TokenConfig;
use crate::domain::{Liveness, Session};
use crate::ground::error_chain;
use crate::request::RequestMeta;
use crate::store::{RACE_TRIES, Store, StoreError};
use crate::tokens::SecurityRecord;

/// Enforces the cap.
pub struct SessionCap<'a> {
    /// The tables.
    pub store: &'a Store,
    /// The cap, and what makes a session live.
    pub tokens: &'a TokenConfig,
}

impl SessionCap<'_> {
    /// Ends the sessions above the cap, of the user whose session `begun` has just begun. A failure is logged: the session
    /// has begun, the old count stays, and so the next login counts again.
    pub async fn enforce(&self, meta: &RequestMeta, begun: &Session, security: &SecurityRecord) {
        if let Err(error) = self.try_enforce(meta, begun, security).await {
            tracing::warn!(error = error_chain(&error), "sessions could not be counted");
        }
    }

    async fn try_enforce(
        &self,
        meta: &RequestMeta,
        begun: &Session,
        security: &SecurityRecord,
    ) -> Result<(), StoreError> {
        let cap = usize::try_from(self.tokens.session_cap).unwrap_or(usize::MAX);
        for attempt in 0..RACE_TRIES {
            self.store.before_try(attempt).await;
            let Some(user) = self.store.user(begun.user_id).await? else {
                return Ok(());
            };
            let (idle, now) = (self.tokens.session_idle, self.store.now());
            let liveness = Liveness {
                user: user.level(),
                global: security.level(),
                idle,
                now,
            };
            let mut live = self.store.sessions(user.id).await?;
            live.retain(|session| session.is_live(&liveness));
            let (count, surplus) = (live.len(), surplus(live, begun, cap));
            let mut left = count - surplus.len();
            for session in surplus {
                let entry = self
                    .store
                    .entry(meta)
                    .by_owner(user.id)
                    .session(session.id)
                    .reason(Cause::SessionCap);
                if !self.store.end_inactive_session(&session, &entry).await? {
                    left += 1;
                }
            }
            // One that could not be ended may have been active since, or have ended otherwise: count again.
            if left <= cap {
                return self
                    .store
                    .set_session_count(
                        user.id,
                        user.logins,
                        u64::try_from(left).unwrap_or(u64::MAX),
                    )
                    .await;
            }
        }
        Ok(())
    }
}

/// The least recently active sessions of `live` above `cap`; never `begun`, whatever the clocks say.
fn surplus(mut live: Vec<Session>, begun: &Session, cap: usize) -> Vec<Session> {
    live.sort_by_key(|session| {
        Reverse((
            session.id == begun.id,
            session.last_activity_at,
            session.created_at,
            session.id,
        ))
    });
    live.into_iter().skip(cap.max(1)).collect()
}
