//! GET `/openapi.json`: the description of the interface (`OpenAPI` 3.1), which is true of every answer.
//!
//! The document stands beside this file, so that a change of the interface is seen in review. A test makes it anew from the
//! functions and compares; `UPDATE_DOCS=1` has the test write it.

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use serde_json::{Map, Value};
use shared::description::Operation;
use shared::environment::{Environment, StartError};
use shared::http::Endpoint;
use shared::routes;

/// The document.
pub const DOCUMENT: &str = include_str!("openapi.json");

/// Builds the endpoint.
///
/// # Errors
/// None now.
#[expect(clippy::unused_async, reason = "all endpoints are built alike")]
pub async fn endpoint(_environment: &Environment) -> Result<Endpoint, StartError> {
    Ok(Endpoint::open(&routes::SERVICE_OPENAPI, handler, ()))
}

/// What it takes and answers.
#[must_use]
pub fn operation() -> Operation {
    Operation::of(&routes::SERVICE_OPENAPI, "Show this description")
        .answers::<Map<String, Value>>(StatusCode::OK, "This document.")
}

async fn handler() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], DOCUMENT)
}
