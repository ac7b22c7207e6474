//! The roles, and the policies of keys and buckets.

use local_aws::account::role_arn;
use local_aws::iam::{ResourceSource, RoleSource};
use serde_json::{Value, json};

use super::intrinsic::Stack;
use super::sources;
use crate::template::TemplateError;
use crate::template::reading::{crate_name, property, text};

/// The roles of all functions and pipes.
///
/// # Errors
/// [`TemplateError`] for a policy that is not written in the role.
pub(super) fn read(stack: Stack<'_>) -> Result<Vec<RoleSource>, TemplateError> {
    refuse_globals(stack.document())?;
    let mut roles = Vec::new();
    for (id, function) in stack.of_type("AWS::Serverless::Function") {
        let (caller, arn) = (crate_name(id)?, role_arn(&format!("{id}Role")));
        roles.push(role(stack, id, function, caller, arn)?);
    }
    for id in sources::pipe_roles(stack)? {
        let resource = stack.resource(&id)?;
        let (caller, arn) = (id.clone(), role_arn(&id));
        roles.push(role(stack, &id, resource, caller, arn)?);
    }
    Ok(roles)
}

/// The policies of keys and buckets.
///
/// # Errors
/// [`TemplateError`] for a key without one, or a reference that cannot be followed.
pub(super) fn read_resources(stack: Stack<'_>) -> Result<Vec<ResourceSource>, TemplateError> {
    let mut resources = Vec::new();
    for (id, key) in stack.of_type("AWS::KMS::Key") {
        resources.push(ResourceSource {
            arn: stack.text(&json!({ "Fn::GetAtt": [id, "Arn"] }))?,
            is_key: true,
            place: id.clone(),
            document: resolved(stack, property(key, id, "KeyPolicy")?)?,
        });
    }
    for (id, policy) in stack.of_type("AWS::S3::BucketPolicy") {
        let bucket = text(policy, id, "/Properties/Bucket/Ref")?;
        resources.push(ResourceSource {
            arn: stack.text(&json!({ "Fn::GetAtt": [bucket, "Arn"] }))?,
            is_key: false,
            place: id.clone(),
            document: resolved(stack, property(policy, id, "PolicyDocument")?)?,
        });
    }
    Ok(resources)
}

/// The policies that stand in a function or role, which must be inline: others cannot be read here.
fn role(
    stack: Stack<'_>,
    id: &str,
    resource: &Value,
    caller: String,
    arn: String,
) -> Result<RoleSource, TemplateError> {
    let properties = &resource["Properties"];
    for part in ["ManagedPolicyArns", "PermissionsBoundary", "Role"] {
        if properties.get(part).is_some() {
            return Err(TemplateError::Unsupported {
                place: id.to_owned(),
                part: part.to_owned(),
            });
        }
    }
    let policies = match properties.get("Policies") {
        None => &[],
        Some(Value::Array(policies)) => policies.as_slice(),
        Some(one) => std::slice::from_ref(one),
    };
    let documents = policies
        .iter()
        .map(|policy| resolved(stack, policy.get("PolicyDocument").unwrap_or(policy)));
    Ok(RoleSource {
        caller,
        arn,
        place: id.to_owned(),
        documents: documents.collect::<Result<_, _>>()?,
    })
}

/// A policy without references. Statements about services stay as they are: they concern no caller here, and may refer to
/// what the local run does not have.
fn resolved(stack: Stack<'_>, document: &Value) -> Result<Value, TemplateError> {
    let Some(statements) = document.get("Statement").and_then(Value::as_array) else {
        return Ok(document.clone());
    };
    let statements = statements.iter().map(|statement| {
        if statement.pointer("/Principal/Service").is_some() {
            Ok(statement.clone())
        } else {
            stack.resolve(statement)
        }
    });
    Ok(json!({ "Statement": statements.collect::<Result<Vec<_>, _>>()? }))
}

/// Refuses what would be added to all functions.
fn refuse_globals(document: &Value) -> Result<(), TemplateError> {
    for part in ["Policies", "Role", "PermissionsBoundary"] {
        if document
            .pointer(&format!("/Globals/Function/{part}"))
            .is_some()
        {
            return Err(TemplateError::Unsupported {
                place: "Globals".to_owned(),
                part: part.to_owned(),
            });
        }
    }
    Ok(())
}
