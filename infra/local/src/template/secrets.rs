//! The secrets, with a value that is generated once and seen by nobody.

use local_aws::secrets_manager::SecretDefinition;
use serde_json::Value;

use super::error::TemplateError;
use super::reading::{missing, text};

/// Reads a resource of the type `AWS::SecretsManager::Secret`.
pub(crate) fn read(id: &str, secret: &Value) -> Result<SecretDefinition, TemplateError> {
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
    Ok(SecretDefinition {
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use local_aws::secrets_manager::SecretsManager;

    use super::*;
    use crate::template::Template;
    use crate::testing;

    #[tokio::test]
    async fn a_secret_is_made_once_with_its_plain_members_and_a_generated_one() {
        let secrets = SecretsManager::open(None, testing::clock().1, testing::entropy()).unwrap();
        let definitions = Template::embedded().unwrap().secrets;
        let value = async |name: &str| {
            let body = json!({ "SecretId": format!("local/{name}") }).to_string();
            let (status, answer) =
                testing::send(secrets.router(), "secretsmanager.GetSecretValue", &body).await;
            assert_eq!(status, 200, "{answer}");
            serde_json::from_str::<Value>(answer["SecretString"].as_str().unwrap()).unwrap()
        };
        secrets.make_missing("local/", &definitions).await.unwrap();
        let (ring, key) = (value("signing-ring").await, value("mail-key").await);
        assert_eq!((&ring["keys"], &key["version"]), (&json!([]), &json!(1)));
        assert_eq!(key["key"].as_str().unwrap().len(), 64);
        secrets.make_missing("local/", &definitions).await.unwrap();
        assert_eq!(value("mail-key").await, key);
    }
}
