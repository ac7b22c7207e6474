//! The AWS clients' common ground: one HTTP client, credentials and region as Lambda hands them over, tight timeouts.
//!
//! `aws-config` is left out on purpose: in Lambda everything stands in the environment, and the provider chain costs
//! start-up time and a third of the dependencies.

mod unopened;

use std::time::Duration;

use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region, SharedHttpClient};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;

use crate::config::Settings;
use crate::telemetry::TraceCalls;
use unopened::Unopened;

pub(crate) use unopened::address;

/// What every AWS client of this process shares.
#[derive(Clone)]
pub struct AwsBase {
    settings: Settings,
    http: SharedHttpClient,
    unopened: Unopened,
}

impl AwsBase {
    /// From `AWS_*` settings.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let http = Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
            .build_https();
        Self {
            settings,
            http,
            unopened: Unopened::default(),
        }
    }

    /// The same for a caller with another access key.
    #[must_use]
    pub fn with_access_key(&self, id: &str) -> Self {
        Self {
            settings: self.settings.clone().with("AWS_ACCESS_KEY_ID", id),
            ..self.clone()
        }
    }

    /// The same with another HTTP client, such as one that reaches its servers without a socket.
    #[must_use]
    pub fn with_http(&self, http: SharedHttpClient) -> Self {
        Self {
            http,
            ..self.clone()
        }
    }

    /// The HTTP client.
    #[must_use]
    pub fn http(&self) -> SharedHttpClient {
        self.http.clone()
    }

    /// Where its clients have not called yet.
    pub(crate) fn unopened(&self) -> &Unopened {
        &self.unopened
    }

    /// `AWS_REGION`.
    #[must_use]
    pub fn region(&self) -> Region {
        Region::new(
            self.settings
                .get("AWS_REGION")
                .unwrap_or("us-east-1")
                .to_owned(),
        )
    }

    /// The credentials of the function's role.
    #[must_use]
    pub fn credentials(&self) -> Credentials {
        let text = |name| self.settings.get(name).unwrap_or_default().to_owned();
        let session = self.settings.get("AWS_SESSION_TOKEN").map(str::to_owned);
        Credentials::new(
            text("AWS_ACCESS_KEY_ID"),
            text("AWS_SECRET_ACCESS_KEY"),
            session,
            None,
            "environment",
        )
    }

    /// `AWS_ENDPOINT_URL_<SERVICE>` or `AWS_ENDPOINT_URL`: another address than AWS's own.
    #[must_use]
    pub fn endpoint(&self, service: &str) -> Option<String> {
        let own = self.settings.get(&format!("AWS_ENDPOINT_URL_{service}"));
        own.or_else(|| self.settings.get("AWS_ENDPOINT_URL"))
            .map(str::to_owned)
    }

    /// Together below the request's own deadline: a store that hangs is a 503 and not a time-out of the function.
    #[must_use]
    pub fn timeouts() -> TimeoutConfig {
        TimeoutConfig::builder()
            .connect_timeout(Duration::from_millis(1_000))
            .operation_attempt_timeout(Duration::from_millis(1_500))
            .operation_timeout(Duration::from_millis(4_000))
            .build()
    }

    /// Three tries with short pauses; what is still throttled then is the client's to retry.
    #[must_use]
    pub fn retries() -> RetryConfig {
        RetryConfig::standard()
            .with_max_attempts(3)
            .with_initial_backoff(Duration::from_millis(25))
            .with_max_backoff(Duration::from_millis(200))
    }
}

/// A `DynamoDB` client.
#[must_use]
pub fn client(base: &AwsBase) -> aws_sdk_dynamodb::Client {
    let mut config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(base.http())
        .region(base.region())
        .credentials_provider(base.credentials())
        .timeout_config(AwsBase::timeouts())
        .retry_config(AwsBase::retries())
        .interceptor(TraceCalls);
    config.set_endpoint_url(base.endpoint("DYNAMODB"));
    aws_sdk_dynamodb::Client::from_conf(config.build())
}
