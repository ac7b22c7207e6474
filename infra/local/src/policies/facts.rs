//! What the template says of the resources that requests name.

use local_aws::iam::Facts;
use serde_json::{Value, json};

use super::intrinsic::Stack;
use crate::template::TemplateError;
use crate::template::reading::{property, text};

/// Reads the template.
pub(super) fn read(stack: Stack<'_>) -> Result<Facts, TemplateError> {
    let mut facts = Facts::default();
    for (id, secret) in stack.of_type("AWS::SecretsManager::Secret") {
        if let Some(key) = secret.pointer("/Properties/KmsKeyId") {
            facts
                .secret_keys
                .insert(stack.text(&json!({ "Ref": id }))?, stack.text(key)?);
        }
    }
    for (id, rotation) in stack.of_type("AWS::SecretsManager::RotationSchedule") {
        let secret = text(rotation, id, "/Properties/SecretId/Ref")?;
        let function = stack.text(property(rotation, id, "RotationLambdaARN")?)?;
        facts
            .rotations
            .insert(stack.text(&json!({ "Ref": secret }))?, function);
    }
    for (id, identity) in stack.of_type("AWS::SES::EmailIdentity") {
        let set = identity.pointer("/Properties/ConfigurationSetAttributes/ConfigurationSetName");
        let set = set.map(|set| stack.text(set)).transpose()?;
        facts.identity = Some((stack.text(property(identity, id, "EmailIdentity")?)?, set));
    }
    let signs = |key: &Value| {
        key.pointer("/Properties/KeyUsage").and_then(Value::as_str) == Some("SIGN_VERIFY")
    };
    for (id, _) in stack.of_type("AWS::KMS::Key").filter(|(_, key)| signs(key)) {
        facts.signing_key = stack.text(&json!({ "Fn::GetAtt": [id, "Arn"] }))?;
    }
    Ok(facts)
}
