//! What a function does before it asks for its first event: it opens the connections that its requests will need, and
//! touches what is slow at its first use. Lambda gives a start a whole processor and ten seconds that no client waits for
//! twice; a first request has neither.
//!
//! The tables are read, for nothing: that goes through every part of the client. Other services have no call that a function
//! may make and that does nothing. They get what a browser sends ahead of a call, a
//! [preflight](https://fetch.spec.whatwg.org/#cors-preflight-request): it has no credentials, so it can neither do anything
//! nor be refused anything, and the connection stays for the call that follows.
//!
//! Nothing here fails a start. What is not open then is opened by the first call, as it would have been.

use std::time::Duration;

use aws_sdk_dynamodb::config::BehaviorVersion;
use aws_sdk_dynamodb::config::endpoint::{DefaultResolver, Params, ResolveEndpoint as _};
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, OrchestratorError};
use aws_smithy_types::body::SdkBody;
use futures::future::join_all;

use crate::aws::{AwsBase, address};
use crate::ground::error_chain;
use crate::routes::Grant;
use crate::runtime::environment::Environment;

/// The longest that a start waits for AWS: it has to be over before Lambda begins it anew.
const PATIENCE: Duration = Duration::from_secs(4);

/// A preflight that cannot fail by its answer.
#[derive(Debug, thiserror::Error)]
#[error("an answer is an answer")]
struct Never;

impl Environment {
    /// Makes the process ready for its first event. `may` says which tables it may read, `calls_at_once` how many connections
    /// to them one request keeps busy.
    pub(crate) async fn prime(&self, may: &[Grant], calls_at_once: usize) {
        let unopened = self.base.unopened().take();
        let others = join_all(unopened.iter().map(|url| open(&self.base, url)));
        let hasher = async {
            if let Some(hasher) = self.hasher.get() {
                hasher.prepare().await;
            }
        };
        let primed =
            async { futures::join!(self.prime_tables(may, calls_at_once), others, hasher) };
        if tokio::time::timeout(PATIENCE, primed).await.is_err() {
            tracing::warn!("AWS does not answer; the first request opens its connections itself");
        }
    }

    async fn prime_tables(&self, may: &[Grant], calls_at_once: usize) {
        match self.store().prime(may, calls_at_once).await {
            Ok(true) => {}
            Ok(false) => {
                if let Some(url) = tables(&self.base) {
                    open(&self.base, &url).await;
                }
            }
            Err(error) => {
                tracing::warn!(
                    error = error_chain(&error),
                    "the tables do not answer a function that starts"
                );
            }
        }
    }
}

/// Where the tables are.
fn tables(base: &AwsBase) -> Option<String> {
    let place = Params::builder()
        .region(base.region().to_string())
        .set_endpoint(base.endpoint("DYNAMODB"))
        .build();
    address(DefaultResolver::new().resolve_endpoint(&place.ok()?))
}

/// Opens a connection to `url`.
async fn open(base: &AwsBase, url: &str) {
    let preflight = Operation::builder()
        .service_name("preflight")
        .operation_name("OPTIONS")
        .behavior_version(BehaviorVersion::latest())
        .http_client(base.http())
        .endpoint_url(url)
        .no_auth()
        .no_retry()
        // With others it would be another pool of connections.
        .timeout_config(AwsBase::timeouts())
        .serializer(|()| {
            let mut request = HttpRequest::new(SdkBody::empty());
            request.set_method("OPTIONS")?;
            request.set_uri("/")?;
            request.headers_mut().insert("origin", "https://localhost");
            request
                .headers_mut()
                .insert("access-control-request-method", "POST");
            Ok(request)
        })
        .deserializer(|_answer| Ok::<_, OrchestratorError<Never>>(()))
        .build();
    if let Err(error) = preflight.invoke(()).await {
        tracing::warn!(
            url,
            error = error_chain(&error),
            "a connection could not be opened ahead of its first call"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;

    #[test]
    fn the_addresses_are_those_that_the_clients_call() {
        for (region, suffix) in [
            ("eu-central-1", "amazonaws.com"),
            ("cn-north-1", "amazonaws.com.cn"),
        ] {
            let environment =
                Environment::new(&Settings::default().with("AWS_REGION", region)).expect("valid");
            let bucket = environment.config().audit.bucket.clone();
            let _clients = (
                environment.secrets(),
                environment.archive(),
                environment.audit_key(),
            );
            assert_eq!(
                tables(&environment.base),
                Some(format!("https://dynamodb.{region}.{suffix}"))
            );
            let noted = environment.base.unopened().take();
            let wanted = [
                format!("https://secretsmanager.{region}.{suffix}"),
                format!("https://{bucket}.s3.{region}.{suffix}"),
                format!("https://kms.{region}.{suffix}"),
            ];
            assert_eq!(noted, wanted.into());
        }
    }
}
