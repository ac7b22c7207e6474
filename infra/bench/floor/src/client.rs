//! A client of `DynamoDB`, made as ours are, and a call of three keys in three tables, as GET me makes it.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Config, Credentials, Region};
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use lambda_http::Error;

/// A client.
pub fn open() -> Client {
    let variable = |name| std::env::var(name).unwrap_or_default();
    let session = std::env::var("AWS_SESSION_TOKEN").ok();
    let role = (
        variable("AWS_ACCESS_KEY_ID"),
        variable("AWS_SECRET_ACCESS_KEY"),
    );
    let mut config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(
            Builder::new()
                .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
                .build_https(),
        )
        .region(Region::new(variable("AWS_REGION")))
        .credentials_provider(Credentials::new(
            role.0,
            role.1,
            session,
            None,
            "environment",
        ));
    config.set_endpoint_url(std::env::var("AWS_ENDPOINT_URL_DYNAMODB").ok());
    Client::from_conf(config.build())
}

/// Reads an account, a session of it and the service's record: as much as GET me reads.
pub async fn read(client: &Client) -> Result<(), Error> {
    let variable = |name| std::env::var(name).unwrap_or_default();
    let (user, session) = (
        format!("USER#{}", variable("FLOOR_USER")),
        format!("SESSION#{}", variable("FLOOR_SESSION")),
    );
    let mut wanted = HashMap::new();
    for (table, pk, sk) in [
        ("users", &*user, None),
        ("tokens", &*user, Some(session)),
        ("security", "SECURITY#0", None),
    ] {
        let sk = sk.map(|sk| ("sk".to_owned(), AttributeValue::S(sk)));
        let key = [("pk".to_owned(), AttributeValue::S(pk.to_owned()))]
            .into_iter()
            .chain(sk)
            .collect();
        let keys = KeysAndAttributes::builder()
            .keys(key)
            .consistent_read(true)
            .build()?;
        wanted.insert(format!("dashtam-local-{table}"), keys);
    }
    let answer = client
        .batch_get_item()
        .set_request_items(Some(wanted))
        .send()
        .await?;
    let found = answer.responses.unwrap_or_default();
    if found.values().all(|items| items.len() == 1) && found.len() == 3 {
        Ok(())
    } else {
        Err("not all is there".into())
    }
}
