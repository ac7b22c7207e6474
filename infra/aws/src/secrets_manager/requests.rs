//! The requests of the operations, as the SDKs send them. Members that are not here are ignored, as
//! AWS ignores what it does not know; missing ones are found by [`required`].

use serde::Deserialize;

use super::schedule::RotationRules;
use super::secret::Tag;
use super::value::SecretValue;
use crate::protocol::ApiError;

/// `CreateSecret`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CreateSecret {
    pub(super) name: Option<String>,
    pub(super) client_request_token: Option<String>,
    pub(super) description: Option<String>,
    pub(super) kms_key_id: Option<String>,
    pub(super) tags: Option<Vec<Tag>>,
    secret_string: Option<String>,
    secret_binary: Option<String>,
}

/// `GetSecretValue`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetSecretValue {
    pub(super) secret_id: Option<String>,
    pub(super) version_id: Option<String>,
    pub(super) version_stage: Option<String>,
}

/// `PutSecretValue`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PutSecretValue {
    pub(super) secret_id: Option<String>,
    pub(super) client_request_token: Option<String>,
    pub(super) version_stages: Option<Vec<String>>,
    secret_string: Option<String>,
    secret_binary: Option<String>,
}

/// `UpdateSecretVersionStage`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UpdateSecretVersionStage {
    pub(super) secret_id: Option<String>,
    pub(super) version_stage: Option<String>,
    pub(super) remove_from_version_id: Option<String>,
    pub(super) move_to_version_id: Option<String>,
}

/// `RotateSecret`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RotateSecret {
    pub(super) secret_id: Option<String>,
    pub(super) client_request_token: Option<String>,
    #[serde(rename = "RotationLambdaARN")]
    pub(super) rotation_lambda_arn: Option<String>,
    pub(super) rotation_rules: Option<RotationRules>,
    pub(super) rotate_immediately: Option<bool>,
}

/// `DescribeSecret`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DescribeSecret {
    pub(super) secret_id: Option<String>,
}

impl CreateSecret {
    /// The value, if one is given.
    pub(super) fn take_value(&mut self) -> Result<Option<SecretValue>, ApiError> {
        SecretValue::from_request(self.secret_string.take(), self.secret_binary.take())
    }
}

impl PutSecretValue {
    /// The value, which must be given.
    pub(super) fn take_value(&mut self) -> Result<SecretValue, ApiError> {
        SecretValue::from_request(self.secret_string.take(), self.secret_binary.take())?.ok_or_else(
            || {
                ApiError::new(
                    "InvalidRequestException",
                    "You must provide either SecretString or SecretBinary.",
                )
            },
        )
    }
}

/// The value of a member that must be there and must not be empty.
pub(super) fn required<'a>(member: &str, value: Option<&'a str>) -> Result<&'a str, ApiError> {
    value.filter(|value| !value.is_empty()).ok_or_else(|| {
        ApiError::new(
            "ValidationException",
            format!("1 validation error detected: value at '{member}' must not be null or empty"),
        )
    })
}

/// A `ClientRequestToken`. The SDKs send one with every request; only a request made by hand can
/// lack it.
pub(super) fn token(value: Option<&str>) -> Result<&str, ApiError> {
    let token = value.ok_or_else(|| {
        ApiError::new(
            "InvalidRequestException",
            "You must provide a ClientRequestToken value. We recommend a UUID-type value.",
        )
    })?;
    if (32..=64).contains(&token.len()) {
        return Ok(token);
    }
    Err(ApiError::new(
        "InvalidParameterException",
        "ClientRequestToken must be 32 to 64 characters long.",
    ))
}

/// Checks the length of a staging label.
pub(super) fn stage(label: &str) -> Result<(), ApiError> {
    if (1..=256).contains(&label.len()) {
        return Ok(());
    }
    Err(ApiError::new(
        "InvalidParameterException",
        "A staging label must be 1 to 256 characters long.",
    ))
}

/// Checks the name of a new secret.
pub(super) fn name(name: &str) -> Result<(), ApiError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-/_+=.@!".contains(&byte);
    if name.len() <= 512 && name.bytes().all(allowed) {
        return Ok(());
    }
    Err(ApiError::new(
        "ValidationException",
        "Invalid name. Must be a valid name of at most 512 characters containing alphanumeric \
         characters, or any of the following: -/_+=.@!",
    ))
}
