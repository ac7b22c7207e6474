//! A secret's versions: stored, read, relabelled.

use serde_json::{Value, json};

use super::{answer, answer_of, epoch_seconds, invalid, parse};
use crate::protocol::ApiError;
use crate::secrets_manager::requests::{
    self, GetSecretValue, PutSecretValue, UpdateSecretVersionStage, required,
};
use crate::secrets_manager::secret::CURRENT;
use crate::secrets_manager::state::Account;
use crate::secrets_manager::value::SecretValue;
use crate::secrets_manager::vault::Vault;

pub(super) fn get_secret_value(_: &Account, vault: &Vault, body: &[u8]) -> Result<Value, ApiError> {
    let request: GetSecretValue = parse(body)?;
    let id = required("secretId", request.secret_id.as_deref())?;
    let secret = vault.find(id)?;
    let stage = request.version_stage.as_deref();
    let (version, sought) = match (request.version_id.as_deref(), stage) {
        (Some(id), stage) => {
            let version = secret.version(id);
            if version
                .zip(stage)
                .is_some_and(|(version, stage)| !version.stages.contains(stage))
            {
                return Err(ApiError::new(
                    "InvalidRequestException",
                    "You provided a VersionStage that is not associated to the provided VersionId.",
                ));
            }
            (version, format!("VersionId: {id}"))
        }
        (None, stage) => {
            let stage = stage.unwrap_or(CURRENT);
            (secret.holder(stage), format!("staging label: {stage}"))
        }
    };
    let Some((version, value)) =
        version.and_then(|version| Some((version, version.value.as_ref()?)))
    else {
        return Err(ApiError::new(
            "ResourceNotFoundException",
            format!("Secrets Manager can't find the specified secret value for {sought}"),
        ));
    };
    let (text, binary) = match value {
        SecretValue::Text(text) => (Some(json!(text)), None),
        SecretValue::Binary(encoded) => (None, Some(json!(encoded))),
    };
    Ok(answer(
        secret,
        [
            ("VersionId", Some(json!(version.id))),
            ("VersionStages", Some(json!(version.stages))),
            ("CreatedDate", Some(epoch_seconds(version.created))),
            ("SecretString", text),
            ("SecretBinary", binary),
        ],
    ))
}

pub(super) fn put_secret_value(
    account: &Account,
    vault: &mut Vault,
    body: &[u8],
) -> Result<Value, ApiError> {
    let mut request: PutSecretValue = parse(body)?;
    let value = request.take_value()?;
    let id = required("secretId", request.secret_id.as_deref())?;
    let token = requests::token(request.client_request_token.as_deref())?;
    if let Some(stages) = &request.version_stages {
        if stages.is_empty() {
            return Err(invalid("VersionStages must name 1 to 20 staging labels."));
        }
        stages.iter().try_for_each(|stage| requests::stage(stage))?;
    }
    let now = account.clock.now();
    let secret = vault.find_mut(id)?;
    secret.put(token, value, request.version_stages.as_deref(), now)?;
    Ok(answer_of(secret, Some(token)))
}

pub(super) fn update_secret_version_stage(
    account: &Account,
    vault: &mut Vault,
    body: &[u8],
) -> Result<Value, ApiError> {
    let request: UpdateSecretVersionStage = parse(body)?;
    let id = required("secretId", request.secret_id.as_deref())?;
    let stage = required("versionStage", request.version_stage.as_deref())?;
    requests::stage(stage)?;
    let now = account.clock.now();
    let secret = vault.find_mut(id)?;
    let from = request.remove_from_version_id.as_deref();
    secret.update_stage(stage, from, request.move_to_version_id.as_deref(), now)?;
    Ok(answer(secret, []))
}
