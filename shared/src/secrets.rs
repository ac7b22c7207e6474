//! Secrets Manager: versioned keys, read at start and when a key is asked for that is not at hand.

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::BehaviorVersion;
use aws_sdk_secretsmanager::error::SdkError;
use secrecy::{ExposeSecret, SecretString};

use crate::store::AwsBase;

/// A secret that could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("the secret {name} could not be {done}")]
pub struct SecretError {
    name: String,
    done: &'static str,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl SecretError {
    fn new(name: &str, done: &'static str, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self { name: name.to_owned(), done, source: Some(Box::new(source)) }
    }

    /// A secret whose text is not what it should be. The text is not repeated.
    #[must_use]
    pub fn malformed(name: &str) -> Self {
        Self { name: name.to_owned(), done: "understood", source: None }
    }
}

/// A Secrets Manager client.
#[derive(Clone)]
pub struct Secrets {
    client: Client,
    prefix: String,
}

impl Secrets {
    /// The secrets whose names begin with `prefix`.
    #[must_use]
    pub fn new(base: &AwsBase, prefix: &str) -> Self {
        let mut config = aws_sdk_secretsmanager::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(base.http())
            .region(base.region())
            .credentials_provider(base.credentials())
            .timeout_config(AwsBase::timeouts())
            .retry_config(AwsBase::retries());
        config.set_endpoint_url(base.endpoint("SECRETS_MANAGER"));
        Self { client: Client::from_conf(config.build()), prefix: prefix.to_owned() }
    }

    /// The current version of `name`; `None` if there is no such secret or it has no version.
    ///
    /// # Errors
    /// [`SecretError`].
    pub async fn get(&self, name: &str) -> Result<Option<SecretString>, SecretError> {
        let name = format!("{}{name}", self.prefix);
        match self.client.get_secret_value().secret_id(&name).send().await {
            Ok(answer) => Ok(answer.secret_string.map(SecretString::from)),
            Err(SdkError::ServiceError(error)) if error.err().is_resource_not_found_exception() => Ok(None),
            Err(error) => Err(SecretError::new(&name, "read", error)),
        }
    }

    /// Creates `name` with its first version, named `token`; `false` if it exists.
    ///
    /// # Errors
    /// [`SecretError`].
    pub async fn create(&self, name: &str, token: &str, value: &SecretString) -> Result<bool, SecretError> {
        let name = format!("{}{name}", self.prefix);
        let request = self.client.create_secret().name(&name).client_request_token(token);
        match request.secret_string(value.expose_secret()).send().await {
            Ok(_) => Ok(true),
            Err(SdkError::ServiceError(error)) if error.err().is_resource_exists_exception() => Ok(false),
            Err(error) => Err(SecretError::new(&name, "created", error)),
        }
    }

    /// Puts the version named `token`; `false` if that version exists with another value.
    ///
    /// # Errors
    /// [`SecretError`].
    pub async fn put_version(&self, name: &str, token: &str, value: &SecretString) -> Result<bool, SecretError> {
        let name = format!("{}{name}", self.prefix);
        let request = self.client.put_secret_value().secret_id(&name).client_request_token(token);
        match request.secret_string(value.expose_secret()).send().await {
            Ok(_) => Ok(true),
            Err(SdkError::ServiceError(error)) if error.err().is_resource_exists_exception() => Ok(false),
            Err(error) => Err(SecretError::new(&name, "written", error)),
        }
    }
}
