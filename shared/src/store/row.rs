//! A row of the outbox: what is to be sent or swept.
//!
//! A row carries ids, and where it asks for a notice, who caused it; no token and no text of a mail, and an address only where
//! no account has that address any more.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::schema::{Schema, Stored};
use crate::domain::{InvitationId, Place, RowId, Timestamp, UserId};
use crate::request::RequestMeta;
use crate::routes::MailKind;

/// An address that no account has any more. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Addressee(String);

impl Addressee {
    /// The address.
    pub(super) fn new(address: &str) -> Self {
        Self(address.to_owned())
    }

    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Addressee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Addressee")
    }
}

/// Who asked for what a notice tells of, for its owner to recognise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The client's address.
    pub ip_address: String,
    /// The client's `User-Agent`, bounded.
    pub user_agent: String,
    /// Where the address is, if the trusted edge said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}

/// What is to be removed. A text like the mail, since the stream's filters look for texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SweepKind {
    /// The user's sessions that no longer count.
    Sessions,
}

/// An OUTBOX item.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Row {
    /// Which row it is; sorts by time.
    pub id: RowId,
    /// The mail to send, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail: Option<MailKind>,
    /// What is to be removed, if anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sweep: Option<SweepKind>,
    /// Whom it concerns; `None` for a request that concerned no account and must look like one that did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    /// Who asked for it, where a notice is to say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// Where its mail goes, if no account has the address any more; forgotten when the mail was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub addressee: Option<Addressee>,
    /// The fingerprint of the address that it concerns: a notice goes to the address that the account had when the event was
    /// committed, wherever the account has moved since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// [`recovery_level`](crate::domain::User::recovery_level) at the event: a later recovery kills the link.
    #[serde(default)]
    pub level: u64,
    /// The invitation to mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invitation: Option<InvitationId>,
    /// When its recipient's bucket was charged; a redelivery is not charged again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paid_at: Option<Timestamp>,
    /// The rows of the notices that a digest lists.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gathered: Vec<RowId>,
    /// How many notices of each kind a digest gathers, those that it does not list included.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub counts: BTreeMap<String, u64>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// The trace of the request that asked, which the row's work continues.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// When its "this wasn't me" link was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_at: Option<Timestamp>,
    /// Clean-up only.
    pub ttl: i64,
}

impl Stored for Row {
    const SCHEMA: Schema = Schema::NONE;
}

impl Row {
    /// It concerns the address with this fingerprint.
    #[must_use]
    pub fn about(mut self, fingerprint: impl Into<String>) -> Self {
        self.address = Some(fingerprint.into());
        self
    }

    /// It concerns an invitation.
    #[must_use]
    pub const fn inviting(mut self, invitation: InvitationId) -> Self {
        self.invitation = Some(invitation);
        self
    }

    /// Its mail goes to an address that no account has any more.
    #[must_use]
    pub fn mailed_to(mut self, address: &str) -> Self {
        self.addressee = Some(Addressee(address.to_owned()));
        self
    }

    /// Sessions that no longer count are to be removed as well.
    #[must_use]
    pub const fn sweeping(mut self) -> Self {
        self.sweep = Some(SweepKind::Sessions);
        self
    }

    /// A notice says who asked, from where and with what.
    #[must_use]
    pub fn asked_by(mut self, meta: &RequestMeta) -> Self {
        self.origin = Some(Origin {
            ip_address: meta.client.to_string(),
            user_agent: meta.user_agent.as_str().to_owned(),
            place: meta.place.clone(),
        });
        self
    }
}
