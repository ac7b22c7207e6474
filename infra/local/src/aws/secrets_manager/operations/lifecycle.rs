//! A secret's life: made, described, scheduled for deletion, restored.

use std::time::Duration;

use serde_json::{Map, Value, json};
use shared::ground::entropy::{self, Entropy};

use super::{Account, answer, answer_of, epoch_seconds, invalid, parse, password};
use crate::aws::protocol::ApiError;
use crate::aws::secrets_manager::requests::{
    self, CreateSecret, DeleteSecret, OneSecret, required,
};
use crate::aws::secrets_manager::secret::{Deletion, Secret, token_reused};
use crate::aws::secrets_manager::value::SecretValue;
use crate::aws::secrets_manager::vault::{Vault, marked_for_deletion};
use crate::secrets::SecretDefinition;

const DAY: Duration = Duration::from_hours(24);
const ARN_PREFIX: &str = "arn:aws:secretsmanager:us-east-1:000000000000:secret:";

pub(super) fn create_secret(
    account: &Account,
    vault: &mut Vault,
    body: &[u8],
) -> Result<Value, ApiError> {
    let mut request: CreateSecret = parse(body)?;
    let value = request.take_value()?;
    let now = account.clock.now();
    let name = required("name", request.name.as_deref())?;
    requests::name(name)?;
    let token = value
        .is_some()
        .then(|| requests::token(request.client_request_token.as_deref()))
        .transpose()?;
    if let Ok(existing) = vault.find(name, now) {
        return repeat_creation(existing, token, value.as_ref());
    }
    let mut secret = Secret {
        name: name.to_owned(),
        arn: new_arn(name, &*account.entropy),
        description: request.description.clone(),
        kms_key_id: request.kms_key_id.clone(),
        tags: request.tags.clone(),
        created: now,
        changed: now,
        rotation: None,
        deletion: None,
        versions: Vec::new(),
    };
    if let Some((token, value)) = token.zip(value) {
        secret.put(token, value, None, now)?;
    }
    let answer = answer_of(&secret, token);
    vault.insert(secret);
    Ok(answer)
}

/// Makes a secret with a generated value, unless there is one of that name.
pub(in crate::aws::secrets_manager) fn make_missing(
    account: &Account,
    vault: &mut Vault,
    name: &str,
    definition: &SecretDefinition,
) -> Result<(), ApiError> {
    if vault.find(name, account.clock.now()).is_ok() {
        return Ok(());
    }
    let password = password::generate(
        &parse(definition.password.to_string().as_bytes())?,
        &*account.entropy,
    )?;
    let mut value = definition.members.clone();
    value.insert(definition.generated.clone(), password.into());
    let token = entropy::uuid_v4(&*account.entropy);
    let body = json!({ "Name": name, "ClientRequestToken": token, "SecretString": Value::from(value).to_string() });
    create_secret(account, vault, body.to_string().as_bytes()).map(drop)
}

/// The same token with the same value repeats a creation; all else meets a taken name.
fn repeat_creation(
    existing: &Secret,
    token: Option<&str>,
    value: Option<&SecretValue>,
) -> Result<Value, ApiError> {
    if existing.deletion.is_some() {
        return Err(ApiError::new(
            "InvalidRequestException",
            "You can't create this secret because a secret with this name is already scheduled for \
             deletion.",
        ));
    }
    match token.and_then(|token| existing.version(token)) {
        Some(version) if version.value.as_ref() == value => Ok(answer_of(existing, token)),
        Some(_) => Err(token_reused()),
        None => Err(ApiError::new(
            "ResourceExistsException",
            format!(
                "The operation failed because the secret {} already exists.",
                existing.name
            ),
        )),
    }
}

pub(super) fn describe_secret(
    account: &Account,
    vault: &Vault,
    body: &[u8],
) -> Result<Value, ApiError> {
    let request: OneSecret = parse(body)?;
    let id = required("secretId", request.secret_id.as_deref())?;
    let secret = vault.find(id, account.clock.now())?;
    let labelled = secret
        .versions
        .iter()
        .filter(|version| !version.stages.is_empty());
    let stages: Map<String, Value> = labelled
        .map(|version| (version.id.clone(), json!(version.stages)))
        .collect();
    let rotation = secret.rotation.as_ref();
    let rotated = secret
        .active_rotation()
        .and_then(|rotation| rotation.rotated);
    let deletion = secret.deletion.as_ref();
    Ok(answer(
        secret,
        [
            (
                "Description",
                secret.description.as_ref().map(|text| json!(text)),
            ),
            (
                "KmsKeyId",
                secret.kms_key_id.as_ref().map(|text| json!(text)),
            ),
            ("Tags", secret.tags.as_ref().map(|tags| json!(tags))),
            ("CreatedDate", Some(epoch_seconds(secret.created))),
            ("LastChangedDate", Some(epoch_seconds(secret.changed))),
            (
                "DeletedDate",
                deletion.map(|deletion| epoch_seconds(deletion.requested)),
            ),
            (
                "RotationEnabled",
                rotation.map(|rotation| json!(!rotation.cancelled)),
            ),
            (
                "RotationLambdaARN",
                rotation.map(|rotation| json!(rotation.lambda_arn)),
            ),
            (
                "RotationRules",
                rotation
                    .and_then(|rotation| rotation.rules.as_ref())
                    .map(|rules| json!(rules)),
            ),
            ("LastRotatedDate", rotated.map(epoch_seconds)),
            (
                "NextRotationDate",
                secret.next_rotation().map(epoch_seconds),
            ),
            ("VersionIdsToStages", Some(Value::Object(stages))),
        ],
    ))
}

pub(super) fn delete_secret(
    account: &Account,
    vault: &mut Vault,
    body: &[u8],
) -> Result<Value, ApiError> {
    let request: DeleteSecret = parse(body)?;
    let id = required("secretId", request.secret_id.as_deref())?;
    let force = request.force_delete_without_recovery.unwrap_or(false);
    let window = request.recovery_window_in_days;
    if force && window.is_some() {
        return Err(invalid(
            "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.",
        ));
    }
    let days = window.unwrap_or(30);
    if !(7..=30).contains(&days) {
        return Err(invalid("RecoveryWindowInDays must be 7 to 30 days."));
    }
    let now = account.clock.now();
    if force {
        // A forced deletion of a missing secret succeeds, so that it can be repeated.
        let (name, arn) = match vault.find(id, now) {
            Ok(secret) => (secret.name.clone(), secret.arn.clone()),
            Err(_) => (id.to_owned(), new_arn(id, &*account.entropy)),
        };
        vault.remove(&name);
        return Ok(json!({ "ARN": arn, "Name": name, "DeletionDate": epoch_seconds(now) }));
    }
    let secret = vault.find_mut(id, now)?;
    if secret.deletion.is_some() {
        return Err(marked_for_deletion());
    }
    let due = now.plus(DAY * days);
    secret.deletion = Some(Deletion {
        requested: now,
        due,
    });
    Ok(answer(secret, [("DeletionDate", Some(epoch_seconds(due)))]))
}

pub(super) fn restore_secret(
    account: &Account,
    vault: &mut Vault,
    body: &[u8],
) -> Result<Value, ApiError> {
    let request: OneSecret = parse(body)?;
    let id = required("secretId", request.secret_id.as_deref())?;
    let secret = vault.find_mut(id, account.clock.now())?;
    secret.deletion = None;
    Ok(answer(secret, []))
}

/// A new ARN. It ends in six random characters, so a later secret of the same name has another one.
fn new_arn(name: &str, entropy: &dyn Entropy) -> String {
    let random = entropy::uuid_v4(entropy).simple().to_string();
    let ending: String = random.chars().take(6).collect();
    format!("{ARN_PREFIX}{name}-{ending}")
}
