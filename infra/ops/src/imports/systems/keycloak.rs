//! Keycloak: the `users` of a realm export.

use serde::Deserialize;
use serde_json::Value;
use shared::accounts::import::Newcomer;

use super::Parts;

/// An element of `users` in a realm that Keycloak has exported.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::imports) struct Keycloak {
    id: Option<String>,
    email: Option<String>,
    #[serde(default)]
    email_verified: bool,
    #[serde(default = "super::yes")]
    enabled: bool,
    first_name: Option<String>,
    last_name: Option<String>,
    created_timestamp: Option<i64>,
    #[serde(default)]
    credentials: Vec<Credential>,
}

/// A password or a second factor; its members are JSON in a string.
#[derive(Deserialize)]
struct Credential {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default, rename = "secretData")]
    secret: String,
    #[serde(default, rename = "credentialData")]
    parameters: String,
}

impl Credential {
    /// The hash as a PHC string.
    fn hash(&self) -> Result<String, String> {
        let unknown =
            || "the credential has no secretData and credentialData of Keycloak's form".to_owned();
        let secret: Value = serde_json::from_str(&self.secret).map_err(|_| unknown())?;
        let data: Value = serde_json::from_str(&self.parameters).map_err(|_| unknown())?;
        let text = |value: &Value, name: &str| {
            value
                .get(name)
                .and_then(Value::as_str)
                .map(str::to_owned)
                .ok_or_else(unknown)
        };
        // Numbers are strings in lists of one.
        let more = |name: &str| {
            let value = data.pointer(&format!("/additionalParameters/{name}/0"));
            value.and_then(Value::as_str).ok_or_else(unknown)
        };
        let passes = data
            .get("hashIterations")
            .and_then(Value::as_u64)
            .ok_or_else(unknown)?;
        let (salt, hash) = (text(&secret, "salt")?, text(&secret, "value")?);
        Ok(match text(&data, "algorithm")?.as_str() {
            "argon2" => {
                let costs = format!(
                    "m={},t={passes},p={}",
                    more("memory")?,
                    more("parallelism")?
                );
                let (salt, hash) = (salt.trim_end_matches('='), hash.trim_end_matches('='));
                format!("$argon2{}$v=19${costs}${salt}${hash}", more("type")?)
            }
            "pbkdf2" => format!("$pbkdf2-sha1$i={passes}${salt}${hash}"),
            other => format!("${other}$i={passes}${salt}${hash}"),
        })
    }
}

impl Keycloak {
    pub(in crate::imports) fn newcomer(self) -> Result<Newcomer, String> {
        let name = [self.first_name, self.last_name]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(" ");
        let password = self
            .credentials
            .iter()
            .find(|credential| credential.kind == "password");
        let created_at = self.created_timestamp.map(|millis| {
            jiff::Timestamp::from_millisecond(millis)
                .map(|at| at.to_string())
                .map_err(|_| "createdTimestamp is not a time")
        });
        Parts {
            id: self.id,
            email: self.email,
            email_verified: self.email_verified,
            name: Some(name),
            password_hash: password.map(Credential::hash).transpose()?,
            is_disabled: !self.enabled,
            created_at: created_at.transpose()?,
        }
        .newcomer()
    }
}
