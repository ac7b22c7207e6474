//! A user's sessions: listing them and ending them.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use crate::audit_event::Entry;
use crate::domain::{Device, Liveness, Place, Session, SessionId, Timestamp, UserId};
use crate::limits::{LimitError, Limiter};
use crate::request::RequestMeta;
use crate::routes::{MailKind, Rule};
use crate::sign_in::SignInError;
use crate::sign_in::authentication::Caller;
use crate::store::{MOST_ENDED_AT_ONCE, RACE_TRIES, Store, StoreError};
use crate::tokens::RefreshToken;

/// Lists and ends sessions.
#[derive(Clone)]
pub struct Sessions {
    store: Store,
    limiter: Limiter,
}

/// A session as its owner sees it; nothing of a token.
#[derive(Serialize, JsonSchema)]
pub struct SessionView {
    id: SessionId,
    /// The device that signed in.
    device: Device,
    /// Where the last login or refresh came from.
    ip_address: String,
    /// The place of that address; null where it is unknown.
    location: Option<Place>,
    #[serde(serialize_with = "Timestamp::rfc3339")]
    #[schemars(schema_with = "crate::domain::schema::timestamp")]
    created_at: Timestamp,
    #[serde(serialize_with = "Timestamp::rfc3339")]
    #[schemars(schema_with = "crate::domain::schema::timestamp")]
    last_activity_at: Timestamp,
    #[serde(serialize_with = "Timestamp::rfc3339")]
    #[schemars(schema_with = "crate::domain::schema::timestamp")]
    expires_at: Timestamp,
    /// Whether it is the session of this request.
    is_current: bool,
    /// Whether the device is trusted.
    is_trusted: bool,
}

/// How many sessions were ended.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RevokedSessions")]
pub struct Ended {
    /// What was done, for people. Its words may change.
    pub message: &'static str,
    /// How many sessions were ended.
    pub revoked_count: usize,
}

impl Sessions {
    /// The sessions in `store`.
    #[must_use]
    pub const fn new(store: Store, limiter: Limiter) -> Self {
        Self { store, limiter }
    }

    /// The caller's live sessions, newest activity first.
    ///
    /// # Errors
    /// [`SignInError`].
    pub async fn list(
        &self,
        meta: &RequestMeta,
        caller: &Caller,
    ) -> Result<Vec<SessionView>, SignInError> {
        self.limiter
            .admit_user(Rule::Sessions, meta, caller.user.id)
            .await?;
        let mut live = self.live(caller.user.id, &caller.liveness).await?;
        live.sort_by_key(|session| std::cmp::Reverse((session.last_activity_at, session.id)));
        Ok(live
            .into_iter()
            .map(|session| SessionView::new(session, Some(caller.session.id)))
            .collect())
    }

    /// Ends one session of the caller, the current one included.
    ///
    /// # Errors
    /// [`SignInError`], also for a session that is unknown, somebody else's or over.
    pub async fn revoke(
        &self,
        meta: &RequestMeta,
        caller: &Caller,
        id: SessionId,
    ) -> Result<(), SignInError> {
        self.limiter
            .admit_user(Rule::Sessions, meta, caller.user.id)
            .await?;
        let entry = self.store.entry(meta).by_owner(caller.user.id).session(id);
        let ended = self
            .store
            .end_live_session(caller.user.id, id, &caller.liveness, &entry)
            .await?;
        if ended {
            Ok(())
        } else {
            Err(SignInError::UnknownSession)
        }
    }

    /// Ends every session of the caller but the current one; how many this call has ended. Sessions that end concurrently are
    /// left to whoever ends them, and those that are left are read again.
    ///
    /// # Errors
    /// [`SignInError`].
    pub async fn revoke_others(
        &self,
        meta: &RequestMeta,
        caller: &Caller,
    ) -> Result<usize, SignInError> {
        self.limiter
            .admit_user(Rule::Sessions, meta, caller.user.id)
            .await?;
        let mut ended = 0;
        for attempt in 0..RACE_TRIES {
            self.store.before_try(attempt).await;
            let live = self.live(caller.user.id, &caller.liveness).await?;
            let others: Vec<_> = live
                .into_iter()
                .map(|session| session.id)
                .filter(|id| *id != caller.session.id)
                .collect();
            if others.is_empty() && ended == 0 {
                let entry = self.own_entry(meta, caller).text("ended", 0);
                self.store.record(&entry).await?;
            }
            let mut is_done = true;
            for part in others.chunks(MOST_ENDED_AT_ONCE) {
                let entry = self.own_entry(meta, caller).text("ended", part.len());
                if self
                    .store
                    .end_sessions(caller.user.id, part, &entry)
                    .await?
                {
                    ended += part.len();
                } else {
                    is_done = false;
                }
            }
            if is_done {
                return Ok(ended);
            }
        }
        Err(SignInError::Contended)
    }

    /// Ends every session of the caller; how many there were. The user's version is raised, so however many there are, and
    /// whatever begins concurrently under the old version, is refused at once; a consumer removes the items.
    ///
    /// # Errors
    /// [`SignInError`].
    pub async fn revoke_all(
        &self,
        meta: &RequestMeta,
        caller: &Caller,
    ) -> Result<usize, SignInError> {
        self.limiter
            .admit_user(Rule::Sessions, meta, caller.user.id)
            .await?;
        let (mut user, mut liveness) = (caller.user.clone(), caller.liveness);
        for attempt in 0..RACE_TRIES {
            if attempt > 0 {
                self.store.before_try(attempt).await;
                let read = self
                    .store
                    .authentication(user.id, caller.session.id)
                    .await?;
                // The account was erased concurrently, and its sessions with it.
                let Some(present) = read.user else {
                    return Ok(0);
                };
                liveness = Liveness {
                    user: present.level(),
                    now: self.store.now(),
                    ..liveness
                };
                user = present;
            }
            let count = self.live(user.id, &liveness).await?.len();
            let entry = self.own_entry(meta, caller).text("ended", count);
            let row = self
                .store
                .notice(&entry, MailKind::AllSessionsEnded, &user)
                .asked_by(meta)
                .sweeping();
            let level = user.level().rotated(entry.occurred_at, Duration::ZERO);
            // On the condition that no other call has raised it: that call has counted these sessions.
            if self
                .store
                .rotate_user_to(&user, level, &entry, &row)
                .await?
            {
                return Ok(count);
            }
        }
        Err(SignInError::Contended)
    }

    /// Ends the session of a refresh token, if the token is one of it. Any token of the session will do, also a spent one.
    /// With a caller, another user's token is left alone. A client whose tokens end nothing pays for it: such tokens can be
    /// made up.
    ///
    /// # Errors
    /// [`SignInError`].
    pub async fn log_out(
        &self,
        meta: &RequestMeta,
        caller: Option<&Caller>,
        token: Option<&RefreshToken>,
    ) -> Result<(), SignInError> {
        let own =
            |token: &&RefreshToken| caller.is_none_or(|caller| caller.user.id == token.user());
        let of_token = token.filter(own);
        let mut ended = false;
        if let Some(caller) = caller {
            let entry = self.own_entry(meta, caller);
            ended |= self
                .store
                .end_live_session(caller.user.id, caller.session.id, &caller.liveness, &entry)
                .await?;
        }
        if let Some(token) = of_token
            .filter(|token| caller.is_none_or(|caller| caller.session.id != token.session()))
        {
            let entry = self
                .store
                .entry(meta)
                .by_owner(token.user())
                .session(token.session());
            ended |= self
                .store
                .end_session_of_family(
                    token.user(),
                    token.session(),
                    &token.family().hash(),
                    &entry,
                    None,
                )
                .await?;
        }
        if ended {
            Ok(())
        } else {
            Ok(self.charge_refused(meta).await?)
        }
    }

    /// Takes a token of the client's bucket of logouts that end nothing.
    ///
    /// # Errors
    /// [`LimitError`].
    pub async fn charge_refused(&self, meta: &RequestMeta) -> Result<(), LimitError> {
        self.limiter.admit_client(Rule::Logout, meta).await?;
        Ok(())
    }

    async fn live(&self, user: UserId, liveness: &Liveness) -> Result<Vec<Session>, StoreError> {
        let mut sessions = self.store.sessions(user).await?;
        sessions.retain(|session| session.is_live(liveness));
        Ok(sessions)
    }

    /// A record of what the caller does in their session.
    fn own_entry(&self, meta: &RequestMeta, caller: &Caller) -> Entry {
        self.store
            .entry(meta)
            .by_owner(caller.user.id)
            .session(caller.session.id)
    }
}

impl SessionView {
    /// The view of `session` for whoever looks from `current`.
    #[must_use]
    pub fn new(session: Session, current: Option<SessionId>) -> Self {
        Self {
            id: session.id,
            device: Device::from_user_agent(&session.user_agent),
            ip_address: session.ip_address,
            location: session.place,
            created_at: session.created_at,
            last_activity_at: session.last_activity_at,
            expires_at: session.expires_at,
            is_current: Some(session.id) == current,
            is_trusted: false,
        }
    }
}
