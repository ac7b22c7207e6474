//! POST `/api/v1/auth/verify-email`: proves an address, or confirms a change of address.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use shared::environment::{Environment, StartError};
use shared::http::{Endpoint, Fields, Meta, Problem};
use shared::routes;
use shared::verification::Verification;

/// The answer.
#[derive(Serialize)]
struct Answer {
    message: &'static str,
}

/// Builds the endpoint.
///
/// # Errors
/// None now.
#[expect(clippy::unused_async, reason = "all endpoints are built alike")]
pub async fn endpoint(environment: &Environment) -> Result<Endpoint, StartError> {
    let notice_ttl = environment.config().mail.notice_ttl;
    let verification = Verification::new(environment.store(), environment.limiter(), notice_ttl);
    Ok(Endpoint::public(&routes::AUTH_VERIFY_EMAIL, handler, verification, &environment.store()))
}

async fn handler(
    State(verification): State<Verification>,
    Meta(meta): Meta,
    mut fields: Fields,
) -> Result<Json<Answer>, Problem> {
    let token = fields.required::<String>("token");
    let token = fields.complete(token)?;
    verification.verify(&meta, &token).await?;
    Ok(Json(Answer { message: "The address is confirmed. You can sign in." }))
}
