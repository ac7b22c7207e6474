//! A user's sessions: listing them and ending them.

use schemars::JsonSchema;
use serde::Serialize;

use crate::domain::{Device, Place, Session, SessionId, Timestamp};
use crate::limits::Limiter;
use crate::problem::{Identifier, Problem};
use crate::request::RequestMeta;
use crate::routes::{MailKind, Rule};
use crate::sign_in::authentication::Caller;
use crate::store::Store;
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
    /// 429, 503.
    pub async fn list(
        &self,
        meta: &RequestMeta,
        caller: &Caller,
    ) -> Result<Vec<SessionView>, Problem> {
        self.limiter
            .admit_user(Rule::Sessions, meta, caller.user.id)
            .await?;
        let mut live = self.live(caller).await?;
        live.sort_by_key(|session| std::cmp::Reverse((session.last_activity_at, session.id)));
        Ok(live
            .into_iter()
            .map(|session| SessionView::new(session, Some(caller.session.id)))
            .collect())
    }

    /// Ends one session of the caller, the current one included.
    ///
    /// # Errors
    /// 404 for one that is unknown, somebody else's or over; 429; 503.
    pub async fn revoke(
        &self,
        meta: &RequestMeta,
        caller: &Caller,
        id: SessionId,
    ) -> Result<(), Problem> {
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
            Err(SessionId::unknown())
        }
    }

    /// Ends every session of the caller but the current one; how many there were.
    ///
    /// # Errors
    /// 429, 503.
    pub async fn revoke_others(
        &self,
        meta: &RequestMeta,
        caller: &Caller,
    ) -> Result<usize, Problem> {
        self.limiter
            .admit_user(Rule::Sessions, meta, caller.user.id)
            .await?;
        let mut others: Vec<_> = self
            .live(caller)
            .await?
            .into_iter()
            .map(|session| session.id)
            .collect();
        others.retain(|id| *id != caller.session.id);
        let entry = self
            .store
            .entry(meta)
            .by_owner(caller.user.id)
            .session(caller.session.id);
        self.store
            .end_sessions(caller.user.id, &others, &entry.text("ended", others.len()))
            .await?;
        Ok(others.len())
    }

    /// Ends every session of the caller; how many there were. The user's version is raised, so however many there are, and
    /// whatever begins at the same moment under the old version, is dead at once; a consumer clears the items away.
    ///
    /// # Errors
    /// 429, 503.
    pub async fn revoke_all(&self, meta: &RequestMeta, caller: &Caller) -> Result<usize, Problem> {
        self.limiter
            .admit_user(Rule::Sessions, meta, caller.user.id)
            .await?;
        let count = self.live(caller).await?.len();
        let entry = self
            .store
            .entry(meta)
            .by_owner(caller.user.id)
            .session(caller.session.id);
        let row = self
            .store
            .notice(&entry, MailKind::AllSessionsEnded, &caller.user)
            .asked_by(meta)
            .sweeping();
        self.store
            .rotate_user(caller.user.id, &entry.text("ended", count), &row)
            .await?;
        Ok(count)
    }

    /// Ends the session of a refresh token, if the token is one of it. Any token of the session will do, also a spent one.
    /// With a caller, another user's token is left alone. A client whose tokens end nothing pays for it: such tokens can be
    /// made up.
    ///
    /// # Errors
    /// 429, 503.
    pub async fn log_out(
        &self,
        meta: &RequestMeta,
        caller: Option<&Caller>,
        token: Option<&RefreshToken>,
    ) -> Result<(), Problem> {
        let own =
            |token: &&RefreshToken| caller.is_none_or(|caller| caller.user.id == token.user());
        let of_token = token.filter(own);
        let mut ended = false;
        if let Some(caller) = caller {
            let entry = self
                .store
                .entry(meta)
                .by_owner(caller.user.id)
                .session(caller.session.id);
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
            self.charge_refused(meta).await
        }
    }

    /// Takes a token of the client's bucket of logouts that end nothing.
    ///
    /// # Errors
    /// 429, 503.
    pub async fn charge_refused(&self, meta: &RequestMeta) -> Result<(), Problem> {
        self.limiter
            .admit_client(Rule::Logout, meta)
            .await
            .map(|_| ())
    }

    async fn live(&self, caller: &Caller) -> Result<Vec<Session>, Problem> {
        let mut sessions = self.store.sessions(caller.user.id).await?;
        sessions.retain(|session| session.is_live(&caller.liveness));
        Ok(sessions)
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
