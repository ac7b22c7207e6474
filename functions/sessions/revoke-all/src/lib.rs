//! DELETE `/api/v1/auth/sessions/all`: ends every session of the caller, this one included.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use shared::description::Operation;
use shared::http::problem::Problem;
use shared::http::{Endpoint, Meta};
use shared::routes;
use shared::runtime::environment::{Environment, StartError};
use shared::sign_in::authentication::Caller;
use shared::sign_in::sessions::{Ended, Sessions};

/// Builds the endpoint.
#[expect(clippy::unused_async, reason = "all endpoints are built alike")]
pub async fn endpoint(environment: &Environment) -> Result<Endpoint, StartError> {
    let sessions = Sessions::new(environment.store(), environment.limiter());
    Ok(Endpoint::bearer(
        &routes::SESSIONS_REVOKE_ALL,
        handler,
        sessions,
        &environment.authenticator(),
    ))
}

/// What it takes and answers.
#[must_use]
pub fn operation() -> Operation {
    Operation::of(&routes::SESSIONS_REVOKE_ALL, "End all sessions")
        .explained("Ends every session of the caller, the current one included.")
        .answers::<Ended>(StatusCode::OK, "Every session has ended.")
}

async fn handler(
    State(sessions): State<Sessions>,
    Meta(meta): Meta,
    caller: Caller,
) -> Result<Json<Ended>, Problem> {
    let revoked_count = sessions.revoke_all(&meta, &caller).await?;
    Ok(Json(Ended {
        message: "Every session is ended.",
        revoked_count,
    }))
}
