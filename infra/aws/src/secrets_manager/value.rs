//! A secret's value, which can be stored and handed out but not printed.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::protocol::ApiError;

/// The most that AWS stores in one version, in bytes.
const MAX_BYTES: usize = 65_536;

/// Text, or bytes in their base64 form (RFC 4648 section 4, canonical, so that equal bytes are equal
/// values). `Debug` prints the kind alone.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum SecretValue {
    /// `SecretString`.
    #[serde(rename = "SecretString")]
    Text(String),
    /// `SecretBinary`.
    #[serde(rename = "SecretBinary")]
    Binary(String),
}

impl SecretValue {
    /// The value of a request that may give text, or bytes, or neither.
    pub(super) fn from_request(
        text: Option<String>,
        binary: Option<String>,
    ) -> Result<Option<Self>, ApiError> {
        match (text, binary) {
            (Some(_), Some(_)) => Err(ApiError::new(
                "InvalidParameterException",
                "You can't specify both a binary secret value and a string secret value in the same secret.",
            )),
            (None, None) => Ok(None),
            (Some(text), None) => {
                check_length("secretString", text.len())?;
                Ok(Some(Self::Text(text)))
            }
            (None, Some(encoded)) => {
                let bytes = STANDARD.decode(encoded).map_err(|_| {
                    ApiError::new("SerializationException", "SecretBinary is not base64.")
                })?;
                check_length("secretBinary", bytes.len())?;
                Ok(Some(Self::Binary(STANDARD.encode(bytes))))
            }
        }
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text(_) => "SecretValue::Text(..)",
            Self::Binary(_) => "SecretValue::Binary(..)",
        })
    }
}

fn check_length(member: &str, bytes: usize) -> Result<(), ApiError> {
    if (1..=MAX_BYTES).contains(&bytes) {
        return Ok(());
    }
    Err(ApiError::new(
        "ValidationException",
        format!("Value at '{member}' must have a length of 1 to {MAX_BYTES} bytes."),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> Result<Option<SecretValue>, ApiError> {
        SecretValue::from_request(Some(value.to_owned()), None)
    }

    #[test]
    fn a_value_is_not_printed() {
        let shown = format!("{:?}", text("hunter2").unwrap());
        assert_eq!(shown, "Some(SecretValue::Text(..))");
    }

    #[test]
    fn a_value_has_one_byte_to_64_kib() {
        assert!(text("").is_err());
        assert!(text(&"x".repeat(MAX_BYTES)).is_ok());
        assert!(text(&"x".repeat(MAX_BYTES + 1)).is_err());
    }

    #[test]
    fn text_and_bytes_together_are_refused() {
        let refusal = SecretValue::from_request(Some("a".into()), Some("YQ==".into())).unwrap_err();
        assert_eq!(refusal.code(), "InvalidParameterException");
    }

    #[test]
    fn bytes_that_are_not_base64_are_refused() {
        let refusal = SecretValue::from_request(None, Some("*".into())).unwrap_err();
        assert_eq!(refusal.code(), "SerializationException");
    }
}
