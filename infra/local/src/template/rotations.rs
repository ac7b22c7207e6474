//! The rotations of the secrets.

use local_aws::secrets_manager::RotationRules;
use serde_json::Value;

use super::error::TemplateError;
use super::reading::{crate_name, missing, object, text};

/// The rotation of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateRotation {
    /// The name behind the stack's: `signing-ring` for `${AWS::StackName}/signing-ring`.
    pub secret: String,
    /// The crate of the function that rotates it.
    pub function: String,
    /// When it is rotated.
    pub rules: RotationRules,
}

/// Reads a resource of the type `AWS::SecretsManager::RotationSchedule`.
pub(crate) fn read(
    id: &str,
    schedule: &Value,
    document: &Value,
) -> Result<TemplateRotation, TemplateError> {
    let secret_id = text(schedule, id, "/Properties/SecretId/Ref")?;
    let function_id = text(schedule, id, "/Properties/RotationLambdaARN/Fn::GetAtt/0")?;
    let resources = object(document, "the document", "Resources")?;
    let there = |wanted: &str| {
        resources
            .get(wanted)
            .ok_or_else(|| missing("Resources", wanted))
    };
    let (secret, _) = (there(secret_id)?, there(function_id)?);
    let name = text(secret, secret_id, "/Properties/Name/Fn::Sub")?;
    let suffix = name
        .strip_prefix("${AWS::StackName}/")
        .ok_or_else(|| missing(secret_id, "Name of the form ${AWS::StackName}/<name>"))?;
    Ok(TemplateRotation {
        secret: suffix.to_owned(),
        function: crate_name(function_id)?,
        rules: rotation_rules(id, schedule, document)?,
    })
}

/// The rules of a rotation, with parameters replaced by their defaults.
fn rotation_rules(
    id: &str,
    schedule: &Value,
    document: &Value,
) -> Result<RotationRules, TemplateError> {
    let default = |value: &Value| {
        let parameter = value.get("Ref").and_then(Value::as_str)?;
        document
            .get("Parameters")?
            .get(parameter)?
            .get("Default")
            .cloned()
    };
    let part = "Properties/RotationRules with AutomaticallyAfterDays or ScheduleExpression";
    let members = schedule
        .pointer("/Properties/RotationRules")
        .and_then(Value::as_object);
    let members = members.ok_or_else(|| missing(id, part))?.iter();
    let members = members.map(|(member, value)| {
        (
            member.clone(),
            default(value).unwrap_or_else(|| value.clone()),
        )
    });
    let rules: RotationRules =
        serde_json::from_value(Value::Object(members.collect())).map_err(|_| missing(id, part))?;
    match rules.interval() {
        Ok(Some(_)) => Ok(rules),
        Ok(None) => Err(missing(id, part)),
        Err(error) => Err(TemplateError::Unsupported {
            place: id.to_owned(),
            part: format!("its RotationRules: {error}"),
        }),
    }
}
