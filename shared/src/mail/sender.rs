//! Sending through SES.

use aws_sdk_sesv2::Client;
use aws_sdk_sesv2::config::BehaviorVersion;
use aws_sdk_sesv2::config::endpoint::{DefaultResolver, Params, ResolveEndpoint as _};
use aws_sdk_sesv2::error::BuildError;
use aws_sdk_sesv2::types::{Body, Content, Destination, EmailContent, Message as SesMessage};

use super::compose::Message;
use super::postage::Postage;
use crate::aws::AwsBase;
use crate::telemetry::TraceCalls;

/// A mail that was not sent.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The mail could not be put together.
    #[error("the mail is incomplete")]
    Incomplete(#[from] BuildError),
    /// SES did not take it.
    #[error("SES did not take the mail")]
    Refused(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Sends mails.
#[derive(Clone)]
pub struct Sender {
    client: Client,
    from: String,
}

impl Sender {
    /// A sender in the name of `from`.
    #[must_use]
    pub fn new(base: &AwsBase, from: &str) -> Self {
        Self {
            client: client(base),
            from: from.to_owned(),
        }
    }

    /// Sends `message` to one address, once it is paid for.
    pub async fn send(
        &self,
        _postage: Postage,
        to: &str,
        message: &Message,
    ) -> Result<(), SendError> {
        let content = |text: &str| Content::builder().data(text).charset("UTF-8").build();
        let body = Body::builder()
            .text(content(&message.text)?)
            .html(content(&message.html)?)
            .build();
        let message = SesMessage::builder()
            .subject(content(message.subject)?)
            .body(body)
            .build();
        let request = self.client.send_email().from_email_address(&self.from);
        let request = request.destination(Destination::builder().to_addresses(to).build());
        let request = request.content(EmailContent::builder().simple(message).build());
        request
            .send()
            .await
            .map(|_| ())
            .map_err(|error| SendError::Refused(Box::new(error)))
    }
}

/// An SES client.
#[must_use]
pub fn client(base: &AwsBase) -> Client {
    let mut config = aws_sdk_sesv2::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(base.http())
        .region(base.region())
        .credentials_provider(base.credentials())
        .timeout_config(AwsBase::timeouts())
        .retry_config(AwsBase::retries())
        .interceptor(TraceCalls);
    let endpoint = base.endpoint("SESV2");
    if let Ok(place) = Params::builder()
        .region(base.region().to_string())
        .set_endpoint(endpoint.clone())
        .build()
    {
        base.unopened()
            .note(DefaultResolver::new().resolve_endpoint(&place));
    }
    config.set_endpoint_url(endpoint);
    Client::from_conf(config.build())
}
