//! The operations: each takes the request's body and the vault, and gives the answer's JSON.
//!
//! An operation that returns an error may have changed its copy of the vault; the caller throws that
//! copy away.

mod lifecycle;
mod rotation;
mod versions;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

pub(super) use self::lifecycle::make_missing;
pub(super) use self::rotation::{begin_due, set_rotation};
use super::password;
use super::secret::Secret;
use super::state::Account;
use super::vault::Vault;
use crate::protocol::{self, ApiError};

/// An operation, by what it does to the vault.
#[derive(Clone, Copy)]
pub(super) enum Operation {
    Read(fn(&Account, &Vault, &[u8]) -> Result<Value, ApiError>),
    Write(fn(&Account, &mut Vault, &[u8]) -> Result<Value, ApiError>),
}

/// The operation of that name.
pub(super) fn named(name: &str) -> Option<Operation> {
    Some(match name {
        "CreateSecret" => Operation::Write(lifecycle::create_secret),
        "DescribeSecret" => Operation::Read(lifecycle::describe_secret),
        "GetSecretValue" => Operation::Read(versions::get_secret_value),
        "PutSecretValue" => Operation::Write(versions::put_secret_value),
        "RotateSecret" => Operation::Write(rotation::rotate_secret),
        "UpdateSecretVersionStage" => Operation::Write(versions::update_secret_version_stage),
        _ => return None,
    })
}

/// An answer that begins with the secret's ARN and name, as all do; what is `None` is left out.
fn answer<const N: usize>(secret: &Secret, members: [(&str, Option<Value>); N]) -> Value {
    let mut answer = Map::new();
    answer.insert("ARN".to_owned(), json!(secret.arn));
    answer.insert("Name".to_owned(), json!(secret.name));
    for (member, value) in members {
        answer.extend(value.map(|value| (member.to_owned(), value)));
    }
    Value::Object(answer)
}

/// An answer that shows a version with its labels.
fn answer_of(secret: &Secret, version: Option<&str>) -> Value {
    let version = version.and_then(|id| secret.version(id));
    answer(
        secret,
        [
            ("VersionId", version.map(|version| json!(version.id))),
            (
                "VersionStages",
                version.map(|version| json!(version.stages)),
            ),
        ],
    )
}

#[expect(
    clippy::cast_precision_loss,
    reason = "milliseconds are exact below 2^53"
)]
fn epoch_seconds(moment: Timestamp) -> Value {
    json!(moment.as_millisecond() as f64 / 1_000.0)
}

fn parse<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    protocol::parse(body, "SerializationException")
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new("InvalidParameterException", message)
}
