//! Catching mail, through the real SDK client over loopback.

use aws_sdk_sesv2::config::retry::RetryConfig;
use aws_sdk_sesv2::error::ProvideErrorMetadata;
use aws_sdk_sesv2::operation::send_email::builders::SendEmailFluentBuilder;
use aws_sdk_sesv2::types::{
    Body as EmailBody, Content, Destination, EmailContent, Message as Simple,
};
use aws_sdk_sesv2::{Client, Config};
use axum::http::Request;
use tower::ServiceExt as _;

use super::*;
use crate::testing::{self, TempDir};

mod failures;
mod messages;

const SENDER: &str = "Service <no-reply@example.com>";

struct Local {
    client: Client,
    mailbox: Mailbox,
    server: Ses,
}

async fn start_with(mailbox: Mailbox, retry: RetryConfig) -> Local {
    let (clock, entropy) = (testing::clock().reader(), testing::entropy());
    let identities = Identities::verified(["example.com"]);
    let server = Ses::new(mailbox.clone(), identities, clock, entropy);
    let config = Config::builder()
        .behavior_version(testing::behavior())
        .endpoint_url(testing::serve(server.router()).await)
        .credentials_provider(testing::credentials())
        .region(testing::region())
        .http_client(testing::http_client())
        .retry_config(retry)
        .build();
    Local {
        client: Client::from_conf(config),
        mailbox,
        server,
    }
}

/// Without retries, so that one call meets one fault.
async fn start() -> Local {
    start_with(Mailbox::open(None).unwrap(), RetryConfig::disabled()).await
}

fn text(data: &str) -> Content {
    Content::builder().data(data).build().unwrap()
}

fn simple(subject: &str) -> EmailContent {
    let body = EmailBody::builder()
        .text(text("plain"))
        .html(text("<p>rich</p>"))
        .build();
    let message = Simple::builder().subject(text(subject)).body(body).build();
    EmailContent::builder().simple(message).build()
}

fn to(address: &str) -> Destination {
    Destination::builder().to_addresses(address).build()
}

async fn code(send: SendEmailFluentBuilder) -> Result<(), String> {
    match send.send().await {
        Ok(_) => Ok(()),
        Err(error) => Err(error.code().unwrap_or("no answer").to_owned()),
    }
}

impl Local {
    fn mail(&self, from: &str, content: EmailContent) -> SendEmailFluentBuilder {
        let send = self.client.send_email().from_email_address(from);
        send.destination(to("ann@example.org")).content(content)
    }

    fn good(&self) -> SendEmailFluentBuilder {
        self.mail(SENDER, simple("Hi"))
    }

    fn caught(&self) -> usize {
        self.mailbox.messages(None).len()
    }

    fn only(&self) -> Message {
        let messages = self.mailbox.messages(None);
        assert_eq!(messages.len(), 1);
        messages[0].clone()
    }
}
