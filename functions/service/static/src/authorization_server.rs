//! GET `/.well-known/oauth-authorization-server`: authorization server metadata (RFC 8414).
//!
//! It claims only what is so: this service has no OAuth endpoints, so it lists no grant and no response type.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use shared::config::Config;
use shared::description::Operation;
use shared::http::Endpoint;
use shared::routes;

/// Authorization server metadata (RFC 8414 section 2).
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AuthorizationServerMetadata")]
struct Metadata {
    /// The `iss` of every token.
    issuer: String,
    /// Where the public keys are.
    jwks_uri: String,
    /// None: there is no authorization endpoint. Without the member, clients would assume a default.
    response_types_supported: Vec<&'static str>,
    /// None, for the same reason.
    grant_types_supported: Vec<&'static str>,
    /// None, for the same reason.
    token_endpoint_auth_methods_supported: Vec<&'static str>,
}

/// Builds the endpoint.
#[must_use]
pub fn endpoint(config: &Arc<Config>) -> Endpoint {
    Endpoint::open(
        &routes::WELL_KNOWN_AUTHORIZATION_SERVER,
        handler,
        Arc::clone(config),
    )
}

/// What it takes and answers.
#[must_use]
pub fn operation() -> Operation {
    Operation::of(&routes::WELL_KNOWN_AUTHORIZATION_SERVER, "Get the authorization server metadata").explained("Returns the metadata of RFC 8414: issuer and key address. It names no endpoint, since the service offers no OAuth flow.")
        .answers::<Metadata>(StatusCode::OK, "Authorization server metadata (RFC 8414).")
}

async fn handler(State(config): State<Arc<Config>>) -> Json<Metadata> {
    let issuer = config.tokens.issuer.clone();
    let jwks_uri = format!("{issuer}{}", routes::WELL_KNOWN_JWKS.path);
    Json(Metadata {
        issuer,
        jwks_uri,
        response_types_supported: Vec::new(),
        grant_types_supported: Vec::new(),
        token_endpoint_auth_methods_supported: Vec::new(),
    })
}
