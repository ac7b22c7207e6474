//! A secret's rotation: configured and announced.
//!
//! AWS then calls the rotation function with the new version's id. Here nobody does: whoever tests a
//! rotation plays that part, from `PutSecretValue` to `UpdateSecretVersionStage`.

use serde_json::{Map, Value, json};

use super::{Account, answer, invalid, parse};
use crate::aws::protocol::ApiError;
use crate::aws::secrets_manager::requests::{self, RotateSecret, RotationRules, required};
use crate::aws::secrets_manager::secret::Rotation;
use crate::aws::secrets_manager::vault::Vault;

pub(super) fn rotate_secret(account: &Account, vault: &mut Vault, body: &[u8]) -> Result<Value, ApiError> {
    let request: RotateSecret = parse(body)?;
    let id = required("secretId", request.secret_id.as_deref())?;
    let token = requests::token(request.client_request_token.as_deref())?;
    let rules = request.rotation_rules.as_ref().map(rules).transpose()?;
    let now = account.clock.now();
    let secret = vault.find_live_mut(id, now)?;
    let former = secret.rotation.take();
    let lambda_arn = match request.rotation_lambda_arn {
        Some(arn) if account.functions.contains(&arn) => arn,
        Some(_) => {
            return Err(ApiError::new(
                "ResourceNotFoundException",
                "Secrets Manager can't find the specified Lambda function.",
            ));
        }
        None => former.as_ref().map(|rotation| rotation.lambda_arn.clone()).ok_or_else(|| {
            ApiError::new("InvalidRequestException", "No Lambda rotation function ARN is associated with this secret.")
        })?,
    };
    let rules = rules.or_else(|| former.and_then(|rotation| rotation.rules));
    secret.rotation = Some(Rotation { lambda_arn, rules });
    if !request.rotate_immediately.unwrap_or(true) {
        return Ok(answer(secret, []));
    }
    secret.begin_rotation(token, now)?;
    Ok(answer(secret, [("VersionId", Some(json!(token)))]))
}

fn rules(rules: &RotationRules) -> Result<Value, ApiError> {
    let days = rules.automatically_after_days;
    if days.is_some_and(|days| !(1..=1_000).contains(&days)) {
        return Err(invalid("AutomaticallyAfterDays must be 1 to 1000."));
    }
    if days.is_some() && rules.schedule_expression.is_some() {
        return Err(invalid("You can specify AutomaticallyAfterDays or ScheduleExpression, but not both."));
    }
    let mut recorded = Map::new();
    for (member, value) in [
        ("AutomaticallyAfterDays", days.map(|days| json!(days))),
        ("Duration", rules.duration.as_ref().map(|text| json!(text))),
        ("ScheduleExpression", rules.schedule_expression.as_ref().map(|text| json!(text))),
    ] {
        recorded.extend(value.map(|value| (member.to_owned(), value)));
    }
    Ok(Value::Object(recorded))
}
