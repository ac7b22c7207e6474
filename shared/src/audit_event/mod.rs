//! The audit trail's records.
//!
//! A success is written in the transaction of its change: the store's write functions take an [`Entry`], so a silent
//! change does not compile. A refusal is declared by whoever refuses, as a [`Refusal`] in the error, and written by
//! the one wrapper in `http/record.rs`. Nothing in a record is a secret.

mod action;
mod cause;
mod refusal;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use uuid::Uuid;

use crate::domain::{EventId, Reason, SessionId, Timestamp, UserId};
use crate::ground::digest;
use crate::request::RequestMeta;

pub use action::Action;
pub use cause::Cause;
pub use refusal::{Refusal, RefusalNotice};

/// How an operation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was done.
    Success,
    /// It was refused.
    Refused,
}

/// One record, as it is stored.
#[derive(Debug, Clone, Serialize)]
pub struct Entry {
    /// Names the record; sorts by time.
    pub event_id: EventId,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// What was tried.
    pub action: &'static str,
    /// How it ended.
    pub outcome: Outcome,
    /// Why it was refused, or what led to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Cow<'static, str>>,
    /// Whose account it concerns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    /// Who did it; `None` for somebody who has not signed in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor_id: Option<UserId>,
    /// Which session it concerns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<SessionId>,
    /// The request that did it.
    pub request_id: Uuid,
    /// The trace it belongs to.
    pub trace_id: String,
    /// The HTTP method.
    pub method: String,
    /// The endpoint's path, parameters in braces.
    pub endpoint: String,
    /// The client's address.
    pub ip_address: String,
    /// The client's program.
    pub user_agent: String,
    /// SHA-256 of address and program.
    pub fingerprint: String,
    /// Anything else worth knowing: numbers and names, never values a user typed.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub details: BTreeMap<&'static str, String>,
    /// When the table lets go of it, in seconds since 1970.
    pub ttl: i64,
}

impl Entry {
    /// A record of the request's own action, which is kept for `retention`.
    #[must_use]
    pub fn new(
        meta: &RequestMeta,
        outcome: Outcome,
        event_id: EventId,
        occurred_at: Timestamp,
        retention: Duration,
    ) -> Self {
        let ip_address = meta.client.to_string();
        let user_agent = meta.user_agent.as_str().to_owned();
        Self {
            event_id,
            occurred_at,
            action: meta.action(),
            outcome,
            reason: None,
            user_id: None,
            actor_id: None,
            session_id: None,
            request_id: meta.id,
            trace_id: meta.trace_id.clone(),
            method: meta.method.to_string(),
            endpoint: meta.endpoint().to_owned(),
            fingerprint: digest::fingerprint(format!("{ip_address}\n{user_agent}").as_bytes()),
            ip_address,
            user_agent,
            details: BTreeMap::new(),
            ttl: occurred_at.plus(retention).as_secs(),
        }
    }

    /// It concerns this account.
    #[must_use]
    pub const fn user(mut self, user_id: UserId) -> Self {
        self.user_id = Some(user_id);
        self
    }

    /// The owner of the account did it.
    #[must_use]
    pub const fn by_owner(mut self, user_id: UserId) -> Self {
        self.user_id = Some(user_id);
        self.actor_id = Some(user_id);
        self
    }

    /// It concerns this session.
    #[must_use]
    pub const fn session(mut self, session_id: SessionId) -> Self {
        self.session_id = Some(session_id);
        self
    }

    /// Somebody else did it: an admin.
    #[must_use]
    pub const fn actor(mut self, actor_id: UserId) -> Self {
        self.actor_id = Some(actor_id);
        self
    }

    /// Why.
    #[must_use]
    pub fn reason(mut self, cause: Cause) -> Self {
        self.reason = Some(cause.into());
        self
    }

    /// Why, in the words of whoever does it.
    #[must_use]
    pub fn stated(mut self, reason: &Reason) -> Self {
        self.reason = Some(reason.as_str().to_owned().into());
        self
    }

    /// One more thing worth knowing.
    #[must_use]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "numbers and names stand where they are used"
    )]
    pub fn text(mut self, name: &'static str, value: impl ToString) -> Self {
        self.details.insert(name, value.to_string());
        self
    }
}

/// Who does something to accounts that are not their own.
#[derive(Debug, Clone, Copy)]
pub enum Actor<'a> {
    /// An admin, in a session.
    Admin(UserId, SessionId),
    /// Somebody with access to the tables: the operator's command, in the name that the system gives.
    Operator(&'a str),
}

impl Actor<'_> {
    /// The entry with the actor in it.
    #[must_use]
    pub fn sign(self, entry: Entry) -> Entry {
        match self {
            Self::Admin(user, session) => entry.actor(user).session(session),
            Self::Operator(name) => entry.text("operator", name),
        }
    }

    /// The admin's account, if it is one.
    #[must_use]
    pub const fn account(self) -> Option<UserId> {
        match self {
            Self::Admin(user, _) => Some(user),
            Self::Operator(_) => None,
        }
    }
}
