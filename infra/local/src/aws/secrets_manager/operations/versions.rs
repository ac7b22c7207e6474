//! A secret's versions: stored, read, listed, relabelled.

use serde_json::{Value, json};

use super::{Account, answer, answer_of, epoch_seconds, invalid, parse};
use crate::aws::protocol::ApiError;
use crate::aws::secrets_manager::requests::{
    self, GetSecretValue, ListSecretVersionIds, PutSecretValue, UpdateSecretVersionStage, required,
};
use crate::aws::secrets_manager::secret::{CURRENT, Version};
use crate::aws::secrets_manager::value::SecretValue;
use crate::aws::secrets_manager::vault::Vault;

const MAX_PAGE: usize = 100;

pub(super) fn get_secret_value(
    account: &Account,
    vault: &Vault,
    body: &[u8],
) -> Result<Value, ApiError> {
    let request: GetSecretValue = parse(body)?;
    let id = required("secretId", request.secret_id.as_deref())?;
    let secret = vault.find_live(id, account.clock.now())?;
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
    let secret = vault.find_live_mut(id, now)?;
    secret.put(token, value, request.version_stages.as_deref(), now)?;
    Ok(answer_of(secret, Some(token)))
}

pub(super) fn list_secret_version_ids(
    account: &Account,
    vault: &Vault,
    body: &[u8],
) -> Result<Value, ApiError> {
    let request: ListSecretVersionIds = parse(body)?;
    let id = required("secretId", request.secret_id.as_deref())?;
    let secret = vault.find(id, account.clock.now())?;
    let page = request.max_results.unwrap_or(MAX_PAGE);
    if !(1..=MAX_PAGE).contains(&page) {
        return Err(invalid(format!("MaxResults must be 1 to {MAX_PAGE}.")));
    }
    let deprecated = request.include_deprecated.unwrap_or(false);
    let shown = |version: &&Version| deprecated || !version.stages.is_empty();
    let start = match &request.next_token {
        None => 0,
        // The token names the last version of the page before.
        Some(last) => {
            let place = secret
                .versions
                .iter()
                .position(|version| version.id == *last);
            1 + place
                .ok_or_else(|| ApiError::new("InvalidNextTokenException", "Invalid NextToken."))?
        }
    };
    let mut rest = secret.versions.iter().skip(start).filter(shown).peekable();
    let versions: Vec<&Version> = rest.by_ref().take(page).collect();
    let next = versions
        .last()
        .filter(|_| rest.peek().is_some())
        .map(|last| json!(last.id));
    let versions: Vec<Value> = versions
        .iter()
        .map(|version| {
            json!({
                "VersionId": version.id,
                "VersionStages": version.stages,
                "CreatedDate": epoch_seconds(version.created),
            })
        })
        .collect();
    Ok(answer(
        secret,
        [("Versions", Some(json!(versions))), ("NextToken", next)],
    ))
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
    let secret = vault.find_live_mut(id, now)?;
    let from = request.remove_from_version_id.as_deref();
    secret.update_stage(stage, from, request.move_to_version_id.as_deref(), now)?;
    Ok(answer(secret, []))
}
