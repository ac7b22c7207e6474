//! Secrets Manager: versioned keys, read at start and when a key is asked for that is not at hand.

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::BehaviorVersion;
use aws_sdk_secretsmanager::config::endpoint::{DefaultResolver, Params, ResolveEndpoint as _};
use aws_sdk_secretsmanager::error::SdkError;
use secrecy::{ExposeSecret, SecretString};

use crate::aws::AwsBase;
use crate::telemetry::TraceCalls;

/// The label of the version in use.
const CURRENT: &str = "AWSCURRENT";
/// The label of the version that a rotation is making.
const PENDING: &str = "AWSPENDING";

/// A secret that could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("the secret {name} could not be {done}")]
pub struct SecretError {
    name: String,
    done: &'static str,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl SecretError {
    fn new(
        name: &str,
        done: &'static str,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: name.to_owned(),
            done,
            source: Some(Box::new(source)),
        }
    }

    /// A secret whose text is not what it should be. The text is not repeated.
    #[must_use]
    pub fn malformed(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            done: "understood",
            source: None,
        }
    }
}

/// What a request for a rotation comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RotationOutcome {
    /// It has begun.
    Begun,
    /// An earlier one is under way, and goes on.
    UnderWay,
}

/// A Secrets Manager client.
#[derive(Clone)]
pub struct Secrets {
    client: Client,
    prefix: String,
    base: AwsBase,
    address: Option<String>,
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
            .retry_config(AwsBase::retries())
            .interceptor(TraceCalls);
        let endpoint = base.endpoint("SECRETS_MANAGER");
        let place = Params::builder()
            .region(base.region().to_string())
            .set_endpoint(endpoint.clone())
            .build()
            .ok();
        let address = place.and_then(|place| {
            base.unopened()
                .note(DefaultResolver::new().resolve_endpoint(&place))
        });
        config.set_endpoint_url(endpoint);
        let client = Client::from_conf(config.build());
        Self {
            client,
            prefix: prefix.to_owned(),
            base: base.clone(),
            address,
        }
    }

    /// The current version of `name`; `None` if there is no such secret or it has no version.
    pub async fn get(&self, name: &str) -> Result<Option<SecretString>, SecretError> {
        let name = format!("{}{name}", self.prefix);
        let answer = self.client.get_secret_value().secret_id(&name).send().await;
        self.base.unopened().forget(self.address.as_deref());
        match answer {
            Ok(answer) => Ok(answer.secret_string.map(SecretString::from)),
            Err(SdkError::ServiceError(error)) if error.err().is_resource_not_found_exception() => {
                Ok(None)
            }
            Err(error) => Err(SecretError::new(&name, "read", error)),
        }
    }

    /// Stores the version named `token` under a label, or as the current one; `false` if that version exists with
    /// another value.
    pub async fn put_version(
        &self,
        name: &str,
        token: &str,
        value: &SecretString,
        label: Option<&str>,
    ) -> Result<bool, SecretError> {
        let name = format!("{}{name}", self.prefix);
        let request = self
            .client
            .put_secret_value()
            .secret_id(&name)
            .client_request_token(token);
        let request = request.set_version_stages(label.map(|label| vec![label.to_owned()]));
        match request.secret_string(value.expose_secret()).send().await {
            Ok(_) => Ok(true),
            Err(SdkError::ServiceError(error)) if error.err().is_resource_exists_exception() => {
                Ok(false)
            }
            Err(error) => Err(SecretError::new(&name, "written", error)),
        }
    }

    /// The value of the version named `version`; `None` if there is none, or it has no value yet.
    pub async fn get_version(
        &self,
        name: &str,
        version: &str,
    ) -> Result<Option<SecretString>, SecretError> {
        let name = format!("{}{name}", self.prefix);
        match self
            .client
            .get_secret_value()
            .secret_id(&name)
            .version_id(version)
            .send()
            .await
        {
            Ok(answer) => Ok(answer.secret_string.map(SecretString::from)),
            Err(SdkError::ServiceError(error)) if error.err().is_resource_not_found_exception() => {
                Ok(None)
            }
            Err(error) => Err(SecretError::new(&name, "read", error)),
        }
    }

    /// The name of the current version; `None` if there is none.
    pub async fn current_version(&self, name: &str) -> Result<Option<String>, SecretError> {
        self.holder(name, CURRENT).await
    }

    /// Makes `version` the current one, if `holder` still is; `false` if another one has become it.
    pub async fn make_current(
        &self,
        name: &str,
        holder: &str,
        version: &str,
    ) -> Result<bool, SecretError> {
        let full = format!("{}{name}", self.prefix);
        let request = self
            .client
            .update_secret_version_stage()
            .secret_id(&full)
            .version_stage(CURRENT);
        match request
            .remove_from_version_id(holder)
            .move_to_version_id(version)
            .send()
            .await
        {
            Ok(_) => Ok(true),
            // Also where it was our own move, and its answer was lost.
            Err(SdkError::ServiceError(error)) if error.err().is_invalid_parameter_exception() => {
                Ok(self.current_version(name).await?.as_deref() == Some(version))
            }
            Err(error) => Err(SecretError::new(&full, "relabelled", error)),
        }
    }

    /// Takes the label of a rotation that is under way from its version, so that it is over and another one can begin.
    pub async fn drop_pending(&self, name: &str) -> Result<(), SecretError> {
        match self.holder(name, PENDING).await? {
            Some(pending) => self.call_off(name, &pending).await,
            None => Ok(()),
        }
    }

    /// Takes the label of a rotation from `version`, if it has it: what is unfinished is carried on for ever, also by those who
    /// ask for a new rotation.
    pub async fn call_off(&self, name: &str, version: &str) -> Result<(), SecretError> {
        let full = format!("{}{name}", self.prefix);
        let request = self
            .client
            .update_secret_version_stage()
            .secret_id(&full)
            .version_stage(PENDING);
        match request.remove_from_version_id(version).send().await {
            Ok(_) => Ok(()),
            // It has moved on meanwhile.
            Err(SdkError::ServiceError(error)) if error.err().is_invalid_parameter_exception() => {
                Ok(())
            }
            Err(error) => Err(SecretError::new(&full, "relabelled", error)),
        }
    }

    /// Asks Secrets Manager to rotate `name`; `token` names the version that the rotation makes.
    ///
    /// # Errors
    /// [`SecretError`], also where no rotation is configured.
    pub async fn rotate(&self, name: &str, token: &str) -> Result<RotationOutcome, SecretError> {
        let full = format!("{}{name}", self.prefix);
        // Another rotation may end between the refusal and the look at it; then the next attempt is taken.
        for _attempt in 0..3 {
            match self
                .client
                .rotate_secret()
                .secret_id(&full)
                .client_request_token(token)
                .send()
                .await
            {
                Ok(_) => return Ok(RotationOutcome::Begun),
                Err(SdkError::ServiceError(error))
                    if error.err().is_invalid_request_exception() =>
                {
                    let pending = self.holder(name, PENDING).await?;
                    // Our own one, where the answer was lost and the request sent again.
                    if pending.as_deref() == Some(token) {
                        return Ok(RotationOutcome::Begun);
                    }
                    if pending.is_some() && pending != self.current_version(name).await? {
                        return Ok(RotationOutcome::UnderWay);
                    }
                }
                Err(error) => return Err(SecretError::new(&full, "rotated", error)),
            }
        }
        Err(SecretError {
            name: full,
            done: "rotated",
            source: None,
        })
    }

    /// The version that carries `label`.
    async fn holder(&self, name: &str, label: &str) -> Result<Option<String>, SecretError> {
        let name = format!("{}{name}", self.prefix);
        match self.client.describe_secret().secret_id(&name).send().await {
            Ok(answer) => {
                let versions = answer.version_ids_to_stages.unwrap_or_default();
                let holder = versions
                    .into_iter()
                    .find(|(_, labels)| labels.iter().any(|other| other == label));
                Ok(holder.map(|(version, _)| version))
            }
            Err(SdkError::ServiceError(error)) if error.err().is_resource_not_found_exception() => {
                Ok(None)
            }
            Err(error) => Err(SecretError::new(&name, "described", error)),
        }
    }
}
