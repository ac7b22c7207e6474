//! The secrets of the template, made as `CloudFormation` makes them: with a value that is generated once and seen by nobody.

use serde_json::{Map, Value};

use crate::aws::secrets_manager::{MakeError, SecretsManager};
use crate::template::{TemplateError, missing, text};

/// A secret, as the template defines it.
#[derive(Debug, Clone, PartialEq)]
pub struct SecretDefinition {
    /// The name behind the stack's: `mail-key` for `${AWS::StackName}/mail-key`.
    pub suffix: String,
    /// The members of the value that are not secret.
    pub members: Map<String, Value>,
    /// The member whose value is generated.
    pub generated: String,
    /// How it is generated: a request for a random password.
    pub password: Value,
}

impl SecretDefinition {
    /// Reads a resource of the type `AWS::SecretsManager::Secret`.
    pub(crate) fn read(id: &str, secret: &Value) -> Result<Self, TemplateError> {
        let name = text(secret, id, "/Properties/Name/Fn::Sub")?;
        let suffix = name
            .strip_prefix("${AWS::StackName}/")
            .ok_or_else(|| missing(id, "Properties/Name"))?;
        let members = text(
            secret,
            id,
            "/Properties/GenerateSecretString/SecretStringTemplate",
        )?;
        let members = serde_json::from_str(members);
        Ok(Self {
            suffix: suffix.to_owned(),
            members: members
                .map_err(|_| missing(id, "Properties/GenerateSecretString/SecretStringTemplate"))?,
            generated: text(
                secret,
                id,
                "/Properties/GenerateSecretString/GenerateStringKey",
            )?
            .to_owned(),
            password: secret
                .pointer("/Properties/GenerateSecretString")
                .cloned()
                .unwrap_or_default(),
        })
    }
}

/// Makes the secrets that are not there yet. Their names begin with `prefix`.
///
/// # Errors
/// [`MakeError`] for one that cannot be generated or stored.
pub async fn make_missing(
    secrets: &SecretsManager,
    prefix: &str,
    definitions: &[SecretDefinition],
) -> Result<(), MakeError> {
    for definition in definitions {
        secrets
            .make_missing(&format!("{prefix}{}", definition.suffix), definition)
            .await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;
    use shared::ground::entropy::OsEntropy;

    use super::*;
    use crate::aws::testing;
    use crate::template::Template;

    #[tokio::test]
    async fn a_secret_is_made_once_with_its_plain_members_and_a_generated_one() {
        let secrets = SecretsManager::open(None, testing::clock(), Arc::new(OsEntropy)).unwrap();
        let definitions = Template::embedded().unwrap().secrets;
        let value = async |name: &str| {
            let body = json!({ "SecretId": format!("local/{name}") }).to_string();
            let (status, answer) =
                testing::send(secrets.router(), "secretsmanager.GetSecretValue", &body).await;
            assert_eq!(status, 200, "{answer}");
            serde_json::from_str::<Value>(answer["SecretString"].as_str().unwrap()).unwrap()
        };
        make_missing(&secrets, "local/", &definitions)
            .await
            .unwrap();
        let (ring, key) = (value("signing-ring").await, value("mail-key").await);
        assert_eq!((&ring["keys"], &key["version"]), (&json!([]), &json!(1)));
        assert_eq!(key["key"].as_str().unwrap().len(), 64);
        make_missing(&secrets, "local/", &definitions)
            .await
            .unwrap();
        assert_eq!(value("mail-key").await, key);
    }
}
