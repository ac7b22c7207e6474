//! GET `/.well-known/openid-configuration`: issuer and key address, for gateways and libraries that read only this document.
//!
//! `OpenID` Connect Discovery 1.0 section 3 requires the other members, and some libraries fail without them. The service
//! issues no ID tokens: such libraries take the algorithms of the access tokens from here.

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

/// Discovery metadata, as far as it is true here.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OpenIdConfiguration")]
struct Document {
    /// The `iss` of every token.
    issuer: String,
    /// Where the public keys are.
    jwks_uri: String,
    /// None: there is no authorization endpoint.
    response_types_supported: Vec<&'static str>,
    /// `public`: the `sub` of a user is the same for every audience.
    subject_types_supported: Vec<&'static str>,
    /// The algorithm of every token.
    id_token_signing_alg_values_supported: Vec<&'static str>,
}

/// Builds the endpoint.
#[must_use]
pub fn endpoint(config: &Arc<Config>) -> Endpoint {
    Endpoint::open(
        &routes::WELL_KNOWN_OPENID_CONFIGURATION,
        handler,
        Arc::clone(config),
    )
}

/// What it takes and answers.
#[must_use]
pub fn operation() -> Operation {
    Operation::of(&routes::WELL_KNOWN_OPENID_CONFIGURATION, "Get issuer and key address").explained("Returns the same for libraries and gateways that read only OpenID Connect Discovery. The service issues no ID tokens.")
        .answers::<Document>(StatusCode::OK, "Issuer and key address.")
}

async fn handler(State(config): State<Arc<Config>>) -> Json<Document> {
    let issuer = config.tokens.issuer.clone();
    Json(Document {
        jwks_uri: format!("{issuer}{}", routes::WELL_KNOWN_JWKS.path),
        issuer,
        response_types_supported: Vec::new(),
        subject_types_supported: vec!["public"],
        id_token_signing_alg_values_supported: vec!["ES256"],
    })
}
