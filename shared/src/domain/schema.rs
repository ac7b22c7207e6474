//! How values of the domain are described in JSON Schema.

use schemars::{Schema, SchemaGenerator, json_schema};

/// A moment, as [`super::Timestamp::rfc3339`] writes it.
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

/// A list of objects that no schema describes yet.
#[must_use]
pub fn object_list(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "items": { "type": "object" } })
}
