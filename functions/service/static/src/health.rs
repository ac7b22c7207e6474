//! GET `/api/v1/health`: whether the service answers. It asks nothing of anything else.

use axum::Json;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use shared::description::Operation;
use shared::http::Endpoint;
use shared::routes;

/// Whether the service answers.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "HealthStatus")]
struct Health {
    /// `ok`.
    status: &'static str,
    /// The version of the service.
    version: &'static str,
}

/// Builds the endpoint.
#[must_use]
pub fn endpoint() -> Endpoint {
    Endpoint::open(&routes::SERVICE_HEALTH, handler, ())
}

/// What it takes and answers.
#[must_use]
pub fn operation() -> Operation {
    Operation::of(&routes::SERVICE_HEALTH, "Check the service's health")
        .explained("Answers while the service runs. It reads nothing, so it says nothing about the tables.")
        .answers::<Health>(StatusCode::OK, "The service is running.")
}

async fn handler() -> Json<Health> {
    Json(Health {
        status: "ok",
        version: env!("CARGO_PKG_VERSION"),
    })
}
