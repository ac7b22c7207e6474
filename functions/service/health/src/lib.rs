//! GET `/api/v1/health`: whether the service answers. It asks nothing of anything else.

use axum::Json;
use serde::Serialize;
use shared::environment::{Environment, StartError};
use shared::http::Endpoint;
use shared::routes;

/// The answer.
#[derive(Serialize)]
struct Health {
    status: &'static str,
    version: &'static str,
}

/// Builds the endpoint.
///
/// # Errors
/// None now.
#[expect(clippy::unused_async, reason = "all endpoints are built alike")]
pub async fn endpoint(_environment: &Environment) -> Result<Endpoint, StartError> {
    Ok(Endpoint::open(&routes::SERVICE_HEALTH, handler, ()))
}

async fn handler() -> Json<Health> {
    Json(Health { status: "ok", version: env!("CARGO_PKG_VERSION") })
}
