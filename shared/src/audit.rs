//! The audit trail's records.
//!
//! A success is written in the transaction of its change: the store's write functions take an [`Entry`], so a silent
//! change does not compile. A refusal is declared by whoever refuses, as a [`Refusal`] on the problem, and written by
//! the one wrapper in `http/record.rs`. Nothing in a record is a secret.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use uuid::Uuid;

use crate::digest;
use crate::domain::{EventId, SessionId, Timestamp, User, UserId};
use crate::request::RequestMeta;
use crate::routes;
use crate::store::MailKind;

/// An action that records are written of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Action(&'static str);

impl Action {
    /// The actions of jobs and of the operator's command that no endpoint has.
    const OF_TASKS: [&str; 13] = [
        "admin.end_claim",
        "keys.repair",
        "keys.rotate_data",
        "keys.rotate_signing",
        "admin.list_sessions",
        "admin.migrate",
        "admin.redrive_outbox",
        "admin.revoke_session",
        "admin.rotate_data_keys",
        "admin.set_role",
        "admin.delete_user",
        "admin.export_user",
        "admin.import_user",
    ];

    /// The action with this name; `None` if there is none.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::all().find(|action| action.name() == name)
    }

    /// All actions.
    pub fn all() -> impl Iterator<Item = Self> {
        routes::ALL.iter().filter_map(|route| route.action).chain(Self::OF_TASKS).map(Self)
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.0
    }
}

/// How an operation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was done.
    Success,
    /// It was refused.
    Refused,
}

/// The notice of a refusal.
#[derive(Debug, Clone)]
pub struct RefusalNotice {
    /// Which one.
    pub kind: MailKind,
    /// The fingerprint of the account's address.
    pub address: Option<String>,
    /// [`User::recovery_level`].
    pub level: u64,
}

/// A refusal that matters.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// Why, more exactly than the client is told.
    pub reason: &'static str,
    /// Whose account it concerns, where that is known.
    pub user_id: Option<UserId>,
    /// Which session it concerns.
    pub session_id: Option<SessionId>,
    /// Who was refused, where they are known and another account is concerned.
    pub actor_id: Option<UserId>,
    /// Refusals with the same key are recorded once; see [`Refusal::once`].
    pub once: Option<String>,
    /// The notice that its owner gets.
    pub notice: Option<Box<RefusalNotice>>,
    /// Anything else worth knowing.
    pub details: BTreeMap<&'static str, String>,
}

impl Refusal {
    /// A refusal for `reason`.
    #[must_use]
    pub const fn new(reason: &'static str) -> Self {
        Self {
            reason,
            user_id: None,
            session_id: None,
            actor_id: None,
            once: None,
            notice: None,
            details: BTreeMap::new(),
        }
    }

    /// They were refused.
    #[must_use]
    pub const fn actor(mut self, actor_id: UserId) -> Self {
        self.actor_id = Some(actor_id);
        self
    }

    /// The owner of the account gets a notice; without an account the same calls are made.
    #[must_use]
    pub fn notice(mut self, kind: MailKind, user: Option<&User>) -> Self {
        let (address, level) = (user.map(User::address_key), user.map_or(0, |user| user.recovery_level));
        self.notice = Some(Box::new(RefusalNotice { kind, address, level }));
        self
    }

    /// The owner of a former address of the account gets a mail.
    #[must_use]
    pub fn mailing(mut self, kind: MailKind, address: String) -> Self {
        self.notice = Some(Box::new(RefusalNotice { kind, address: Some(address), level: 0 }));
        self
    }

    /// One more thing worth knowing.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "numbers and names stand where they are used")]
    pub fn text(mut self, name: &'static str, value: impl ToString) -> Self {
        self.details.insert(name, value.to_string());
        self
    }

    /// It concerns this account.
    #[must_use]
    pub const fn user(mut self, user_id: UserId) -> Self {
        self.user_id = Some(user_id);
        self
    }

    /// It concerns this session.
    #[must_use]
    pub const fn session(mut self, session_id: SessionId) -> Self {
        self.session_id = Some(session_id);
        self
    }

    /// Only the first refusal with `key` is recorded: a flood must not fill the trail.
    #[must_use]
    pub fn once(mut self, key: String) -> Self {
        self.once = Some(key);
        self
    }
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
    pub fn reason(mut self, reason: impl Into<Cow<'static, str>>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// One more thing worth knowing.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "numbers and names stand where they are used")]
    pub fn text(mut self, name: &'static str, value: impl ToString) -> Self {
        self.details.insert(name, value.to_string());
        self
    }
}
