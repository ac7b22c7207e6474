//! Values of a policy that are texts.

use serde_json::Value;

use super::error::{PolicyError, unsupported};

/// A text, or a number as one.
pub(super) fn text(value: &Value) -> Result<String, PolicyError> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        other => Err(unsupported("a text", &other.to_string())),
    }
}

/// A text or a list of texts.
pub(super) fn texts(value: &Value) -> Result<Vec<String>, PolicyError> {
    match value {
        Value::Array(items) => items.iter().map(text).collect(),
        one => Ok(vec![text(one)?]),
    }
}
