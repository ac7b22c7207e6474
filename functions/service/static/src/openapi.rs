//! GET `/openapi.json`: the description of the interface (`OpenAPI` 3.1), which is true of every answer.
//!
//! The document is stored beside this file, so that a change of the interface is seen in review. A test makes it again from the
//! functions and compares; `UPDATE_DOCS=1` makes the test write it. What is served also names the server, for generated
//! clients: without it, some of them send passwords to a host that they make up.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use serde_json::{Map, Value, json};
use shared::config::Config;
use shared::description::Operation;
use shared::http::Endpoint;
use shared::routes;

/// The document.
pub const DOCUMENT: &str = include_str!("openapi.json");

/// Builds the endpoint.
#[must_use]
pub fn endpoint(config: &Arc<Config>) -> Endpoint {
    let document = Bytes::from(with_server(&config.tokens.issuer));
    Endpoint::open(&routes::SERVICE_OPENAPI, handler, document)
}

/// What it takes and answers.
#[must_use]
pub fn operation() -> Operation {
    Operation::of(&routes::SERVICE_OPENAPI, "Get this description")
        .explained("Returns the OpenAPI description of the interface.")
        .answers::<Map<String, Value>>(StatusCode::OK, "This document.")
}

async fn handler(State(document): State<Bytes>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], document)
}

/// The document with the issuer as its server. Members are spliced in as text: parsing it would slow down each cold start.
fn with_server(issuer: &str) -> String {
    let servers = json!([{ "url": issuer, "description": "The issuer of the tokens." }]);
    let members = DOCUMENT.trim_start().strip_prefix('{').unwrap_or_default();
    format!("{{\n  \"servers\": {servers},{members}")
}
