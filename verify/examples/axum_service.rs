//! A service with one route for everybody and one for those who show a good access token.
//!
//! `ISSUER` and `AUDIENCE` are those of the sign-in service. With `JWKS_URL` keys come from there; without, state and keys
//! come from the tables whose names begin with `TABLE_PREFIX`, by the usual `AWS_*` variables.
//!
//! ```sh
//! ISSUER=http://127.0.0.1:9000 AUDIENCE=dashtam JWKS_URL=http://127.0.0.1:9000/.well-known/jwks.json \
//!     cargo run -p dashtam-verify --all-features --example axum_service
//! ```

use std::error::Error;

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use axum::Router;
use axum::routing::get;
use dashtam_verify::{SettingsError, VerifiedCaller, Verifier};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let router = Router::new()
        .route("/", get(async || "Everybody may read this.\n"))
        .route("/greeting", get(greet))
        .with_state(verifier()?);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 9_100)).await?;
    println!("http://{}/greeting", listener.local_addr()?);
    Ok(axum::serve(listener, router).await?)
}

async fn greet(VerifiedCaller(caller): VerifiedCaller) -> String {
    format!(
        "Hello, {}, in session {}.\n",
        caller.user_id(),
        caller.session_id()
    )
}

fn verifier() -> Result<Verifier, SettingsError> {
    let builder = Verifier::builder()
        .issuer(variable("ISSUER"))
        .audience(variable("AUDIENCE"));
    let jwks = variable("JWKS_URL");
    if jwks.is_empty() {
        builder.tables(client(), variable("TABLE_PREFIX"))
    } else {
        builder.jwks(jwks)
    }
    .build()
}

/// A client by the variables that Lambda sets; elsewhere `aws-config` finds credentials in more places.
fn client() -> aws_sdk_dynamodb::Client {
    let [key, secret, token] = [
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
    ]
    .map(variable);
    let token = (!token.is_empty()).then_some(token);
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
        .build_https();
    let mut config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(http)
        .region(Region::new(variable("AWS_REGION")))
        .credentials_provider(Credentials::new(key, secret, token, None, "environment"));
    config.set_endpoint_url(std::env::var("AWS_ENDPOINT_URL_DYNAMODB").ok());
    aws_sdk_dynamodb::Client::from_conf(config.build())
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}
