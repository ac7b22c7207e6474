//! A secret's rotation: set up and begun. What comes after its beginning is in `driver.rs`.

use serde_json::{Value, json};

use super::{answer, invalid, parse};
use crate::protocol::ApiError;
use crate::secrets_manager::requests::{self, RotateSecret, required};
use crate::secrets_manager::schedule::{Rotation, RotationRules};
use crate::secrets_manager::state::Account;
use crate::secrets_manager::vault::Vault;

pub(super) fn rotate_secret(
    account: &Account,
    vault: &mut Vault,
    body: &[u8],
) -> Result<Value, ApiError> {
    let request: RotateSecret = parse(body)?;
    let id = required("secretId", request.secret_id.as_deref())?;
    let token = requests::token(request.client_request_token.as_deref())?;
    request.rotation_rules.as_ref().map_or(Ok(()), followed)?;
    let now = account.clock.now();
    let secret = vault.find_mut(id)?;
    let (former_arn, former_rules) = secret
        .rotation
        .clone()
        .map(|rotation| (rotation.lambda_arn, rotation.rules))
        .unzip();
    let lambda_arn = request
        .rotation_lambda_arn
        .or(former_arn)
        .ok_or_else(no_function)?;
    known(account, &lambda_arn)?;
    secret.set_rotation(
        lambda_arn,
        request.rotation_rules.or(former_rules.flatten()),
        now,
    );
    if !request.rotate_immediately.unwrap_or(true) {
        return Ok(answer(secret, []));
    }
    // Also when it is refused: then the unfinished rotation is what goes on. The driver waits for the
    // vault's lock, so it finds what became of this.
    account.rotations.ask(&secret.arn);
    secret.begin_rotation(token, now)?;
    Ok(answer(secret, [("VersionId", Some(json!(token)))]))
}

/// Begins the rotations that are due and whose function is there. Where the last one is unfinished, that one
/// is taken up again instead, and the interval begins anew all the same.
pub(in crate::secrets_manager) fn begin_due(
    account: &Account,
    vault: &mut Vault,
) -> Result<(), ApiError> {
    let now = account.clock.now();
    for secret in vault.all_mut() {
        if secret.next_rotation().is_none_or(|due| due > now) {
            continue;
        }
        let Some(rotation) = secret
            .rotation
            .as_mut()
            .filter(|rotation| account.rotations.has(&rotation.lambda_arn))
        else {
            continue;
        };
        rotation.since = Some(now);
        if secret.unfinished().is_none() {
            secret.begin_rotation(&account.entropy.uuid_v4().to_string(), now)?;
        }
        account.rotations.ask(&secret.arn);
    }
    Ok(())
}

/// Has the secret `id` rotated by the function and the rules, for the first time when the interval is over. A
/// secret that is not there is left out; one that has this rotation already keeps it.
pub(in crate::secrets_manager) fn set_rotation(
    account: &Account,
    vault: &mut Vault,
    id: &str,
    lambda_arn: String,
    rules: RotationRules,
) -> Result<(), ApiError> {
    known(account, &lambda_arn)?;
    followed(&rules)?;
    let now = account.clock.now();
    let Ok(secret) = vault.find_mut(id) else {
        return Ok(());
    };
    let is_same = |former: &Rotation| {
        former.lambda_arn == lambda_arn && former.rules.as_ref() == Some(&rules)
    };
    if !secret.rotation.as_ref().is_some_and(is_same) {
        secret.set_rotation(lambda_arn, Some(rules), now);
    }
    Ok(())
}

fn followed(rules: &RotationRules) -> Result<(), ApiError> {
    rules
        .interval()
        .map(|_| ())
        .map_err(|error| invalid(error.to_string()))
}

fn known(account: &Account, lambda_arn: &str) -> Result<(), ApiError> {
    if account.rotations.has(lambda_arn) {
        return Ok(());
    }
    Err(ApiError::new(
        "ResourceNotFoundException",
        "Secrets Manager can't find the specified Lambda function.",
    ))
}

fn no_function() -> ApiError {
    ApiError::new(
        "InvalidRequestException",
        "No Lambda rotation function ARN is associated with this secret.",
    )
}
