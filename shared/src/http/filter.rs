//! What the queries of long answers are made of: filters, the size of a page, a cursor.

use serde_json::{Value, json};
use uuid::Uuid;

use super::field::Whole;
use super::fields::{Field, FieldFault};
use crate::audit::trail::{MOST, PAGE};
use crate::audit_event::Action;
use crate::domain::{FieldCode, SessionId, Timestamp};
use crate::tokens::PresentedCursor;

/// How many records a page has at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageSize(pub u64);

impl Default for PageSize {
    fn default() -> Self {
        Self(PAGE)
    }
}

impl Field for PageSize {
    fn parse(text: String) -> Result<Self, FieldFault> {
        Whole::<1, MOST>::parse(text).map(|size| Self(size.0))
    }

    fn schema() -> Value {
        let description =
            "How many records a page has at most. It may have fewer, and yet there may be more.";
        json!({ "type": "integer", "minimum": 1, "maximum": MOST, "default": PAGE, "description": description })
    }
}

/// How many entries a page of a list of accounts or invitations has at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListSize(pub u64);

/// Most entries on a page of a list: what one read of the store answers.
const MOST_LISTED: u64 = 100;

impl Default for ListSize {
    fn default() -> Self {
        Self(PAGE)
    }
}

impl Field for ListSize {
    fn parse(text: String) -> Result<Self, FieldFault> {
        Whole::<1, MOST_LISTED>::parse(text).map(|size| Self(size.0))
    }

    fn schema() -> Value {
        let description = "How many entries a page has at most. It may have fewer, or none, and yet there may be more.";
        json!({ "type": "integer", "minimum": 1, "maximum": MOST_LISTED, "default": PAGE, "description": description })
    }
}

impl PresentedCursor {
    /// Why a cursor is refused; which of the reasons it is, is not told.
    #[must_use]
    pub fn fault() -> FieldFault {
        let detail = "Must be the cursor of the page before, unchanged, of the same search, and not a day old. Begin again without one.";
        FieldFault::new(FieldCode::InvalidCursor, detail)
    }
}

impl Field for PresentedCursor {
    fn parse(text: String) -> Result<Self, FieldFault> {
        Self::parse(&text).ok_or_else(Self::fault)
    }

    fn schema() -> Value {
        json!({
            "type": "string", "minLength": 76, "maxLength": 76, "pattern": "^[A-Za-z0-9_-]{76}$",
            "description": "The `next_cursor` of the page before. It is good for a day, for the caller who got it, and with the same other parameters except `limit`.",
        })
    }
}

impl Field for SessionId {
    fn parse(text: String) -> Result<Self, FieldFault> {
        text.parse().map_err(|_| not_an_id())
    }

    fn schema() -> Value {
        json!({
            "type": "string", "format": "uuid", "description": "Names a session.",
            "examples": ["7c9e6679-7425-40de-944b-e07fc1f90ae7"],
        })
    }
}

/// The identifier of a request.
impl Field for Uuid {
    fn parse(text: String) -> Result<Self, FieldFault> {
        text.parse().map(SessionId::uuid).map_err(|_| not_an_id())
    }

    fn schema() -> Value {
        json!({
            "type": "string", "format": "uuid", "description": "Names a request, as `X-Request-Id` of its answer does.",
            "examples": ["5f0a1c9e-7d2b-4c3a-9e8f-6b1d2c3a4e5f"],
        })
    }
}

fn not_an_id() -> FieldFault {
    FieldFault::new(
        FieldCode::InvalidFormat,
        "Must be a UUID in its hyphenated form.",
    )
}

impl Field for Timestamp {
    fn parse(text: String) -> Result<Self, FieldFault> {
        let detail = "Must be a moment as in RFC 3339, such as 2026-01-31T08:00:00Z. In a query, write + as %2B.";
        text.parse()
            .map_err(|_| FieldFault::new(FieldCode::InvalidFormat, detail))
    }

    fn schema() -> Value {
        json!({
            "type": "string", "format": "date-time", "description": "A moment as in RFC 3339.",
            "examples": ["2026-01-31T08:00:00Z"],
        })
    }
}

impl Field for Action {
    fn parse(text: String) -> Result<Self, FieldFault> {
        let detail = "Must be an action of the audit trail, such as auth.login.";
        Self::named(&text).ok_or_else(|| FieldFault::new(FieldCode::UnknownAction, detail))
    }

    fn schema() -> Value {
        let names: Vec<_> = Self::all().map(Self::name).collect();
        json!({ "type": "string", "enum": names, "description": "What was tried." })
    }
}
