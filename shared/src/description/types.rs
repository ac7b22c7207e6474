//! Types of answers that many endpoints share.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;

/// An answer that only says what was done.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Acknowledgement")]
pub struct Message {
    /// What was done, for people. Its words may change.
    #[schemars(example = &"Done.")]
    pub message: &'static str,
}

/// A moment, as [`crate::domain::Timestamp::rfc3339`] writes it.
#[must_use]
pub fn timestamp(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string", "format": "date-time", "description": "RFC 3339, in UTC with `Z`.",
        "examples": ["2026-01-31T09:30:00.000Z"],
    })
}

/// A moment that may be missing.
#[must_use]
pub fn timestamp_option(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": ["string", "null"], "format": "date-time", "description": "RFC 3339, in UTC with `Z`.",
        "examples": ["2026-01-31T09:30:00.000Z"],
    })
}

/// What an account may do.
#[must_use]
pub fn role(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": ["user", "admin"], "description": "What the account may do." })
}

/// A problem document.
#[must_use]
pub fn problem(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "$ref": "#/components/schemas/Problem" })
}

/// A list of objects that no schema describes yet.
#[must_use]
pub fn object_list(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "items": { "type": "object" } })
}
