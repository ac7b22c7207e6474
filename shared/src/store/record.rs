//! A record of the audit log, as it is read.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::schema::{Schema, Stored};
use crate::audit_event::Entry;
use crate::domain::{EventId, SessionId, Timestamp, UserId};

/// A record of the audit log.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "AuditRecord")]
pub struct Record {
    /// Names the record; later records have greater identifiers.
    pub event_id: EventId,
    /// When it happened.
    #[serde(serialize_with = "Timestamp::rfc3339")]
    #[schemars(schema_with = "crate::domain::schema::timestamp")]
    pub occurred_at: Timestamp,
    /// What was tried, such as `auth.login`.
    pub action: String,
    /// `success` or `refused`.
    pub outcome: String,
    /// Why it was refused, more exactly than the answer says.
    #[serde(default)]
    pub reason: Option<String>,
    /// The account that it concerns.
    #[serde(default)]
    pub user_id: Option<UserId>,
    /// Who did it, where that is not the owner of the account.
    #[serde(default)]
    pub actor_id: Option<UserId>,
    /// The session that it concerns.
    #[serde(default)]
    pub session_id: Option<SessionId>,
    /// The request, as `X-Request-Id` of its answer.
    pub request_id: Uuid,
    /// The trace (W3C Trace Context) of the request.
    pub trace_id: String,
    /// The HTTP method; `TASK` for a job or a command.
    pub method: String,
    /// The route, the job or the command.
    pub endpoint: String,
    /// The address of the client.
    #[serde(default)]
    pub ip_address: Option<String>,
    /// The `User-Agent` of the client.
    #[serde(default)]
    pub user_agent: Option<String>,
    /// SHA-256 of address and agent.
    #[serde(default)]
    pub fingerprint: Option<String>,
    /// Anything else worth knowing.
    #[serde(default)]
    pub details: BTreeMap<String, String>,
}

impl Stored for Record {
    const SCHEMA: Schema = Entry::SCHEMA;
}

impl Record {
    /// Whether it is of the account of the one who did it.
    pub(super) fn is_of_its_user(&self) -> bool {
        self.user_id.is_some()
            && self
                .actor_id
                .is_none_or(|actor| Some(actor) == self.user_id)
    }

    /// Leaves away from where it was done, if it was not `owner` who did it but an admin or the operator.
    pub fn withhold_others(&mut self, owner: UserId) {
        let by_operator = self.details.contains_key("operator");
        if by_operator || self.actor_id.is_some_and(|actor| actor != owner) {
            self.session_id = None;
            self.ip_address = None;
            self.user_agent = None;
            self.fingerprint = None;
        }
    }
}
