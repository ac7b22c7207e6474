//! A secret, made and described.

use serde_json::{Map, Value, json};

use super::{answer, answer_of, epoch_seconds, parse, password};
use crate::account;
use crate::inputs::Entropy;
use crate::protocol::ApiError;
use crate::secrets_manager::definition::SecretDefinition;
use crate::secrets_manager::requests::{self, CreateSecret, DescribeSecret, required};
use crate::secrets_manager::secret::{Secret, token_reused};
use crate::secrets_manager::state::Account;
use crate::secrets_manager::value::SecretValue;
use crate::secrets_manager::vault::Vault;

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
    if let Ok(existing) = vault.find(name) {
        return repeat_creation(existing, token, value.as_ref());
    }
    let mut secret = Secret {
        name: name.to_owned(),
        arn: new_arn(name, &account.entropy),
        description: request.description.clone(),
        kms_key_id: request.kms_key_id.clone(),
        tags: request.tags.clone(),
        created: now,
        changed: now,
        rotation: None,
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
pub(in crate::secrets_manager) fn make_missing(
    account: &Account,
    vault: &mut Vault,
    name: &str,
    definition: &SecretDefinition,
) -> Result<(), ApiError> {
    if vault.find(name).is_ok() {
        return Ok(());
    }
    let password = password::generate(
        &parse(definition.password.to_string().as_bytes())?,
        &account.entropy,
    )?;
    let mut value = definition.members.clone();
    value.insert(definition.generated.clone(), password.into());
    let token = account.entropy.uuid_v4();
    let body = json!({ "Name": name, "ClientRequestToken": token, "SecretString": Value::from(value).to_string() });
    create_secret(account, vault, body.to_string().as_bytes()).map(drop)
}

/// The same token with the same value repeats a creation; all else meets a taken name.
fn repeat_creation(
    existing: &Secret,
    token: Option<&str>,
    value: Option<&SecretValue>,
) -> Result<Value, ApiError> {
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

pub(super) fn describe_secret(_: &Account, vault: &Vault, body: &[u8]) -> Result<Value, ApiError> {
    let request: DescribeSecret = parse(body)?;
    let id = required("secretId", request.secret_id.as_deref())?;
    let secret = vault.find(id)?;
    let labelled = secret
        .versions
        .iter()
        .filter(|version| !version.stages.is_empty());
    let stages: Map<String, Value> = labelled
        .map(|version| (version.id.clone(), json!(version.stages)))
        .collect();
    let rotation = secret.rotation.as_ref();
    let rotated = rotation.and_then(|rotation| rotation.rotated);
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
            ("RotationEnabled", rotation.map(|_| json!(true))),
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

/// A new ARN. It ends in six random characters, so a later secret of the same name has another one.
fn new_arn(name: &str, entropy: &Entropy) -> String {
    let random = entropy.uuid_v4().simple().to_string();
    let ending: String = random.chars().take(6).collect();
    account::arn("secretsmanager", &format!("secret:{name}-{ending}"))
}
