//! GET `/.well-known/openid-configuration`: issuer and key address, for gateways that only look here.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use shared::config::Config;
use shared::description::Operation;
use shared::environment::{Environment, StartError};
use shared::http::Endpoint;
use shared::routes;

/// The document.
#[derive(Serialize, JsonSchema)]
struct Document {
    issuer: String,
    jwks_uri: String,
}

/// Builds the endpoint.
///
/// # Errors
/// None now.
#[expect(clippy::unused_async, reason = "all endpoints are built alike")]
pub async fn endpoint(environment: &Environment) -> Result<Endpoint, StartError> {
    Ok(Endpoint::open(&routes::WELL_KNOWN_OPENID_CONFIGURATION, handler, environment.config()))
}

/// What it takes and answers.
#[must_use]
pub fn operation() -> Operation {
    Operation::of(&routes::WELL_KNOWN_OPENID_CONFIGURATION, "Show issuer and key address")
        .answers::<Document>(StatusCode::OK, "Issuer and key address.")
}

async fn handler(State(config): State<Arc<Config>>) -> Json<Document> {
    let issuer = config.tokens.issuer.clone();
    Json(Document { jwks_uri: format!("{issuer}{}", routes::WELL_KNOWN_JWKS.path), issuer })
}
