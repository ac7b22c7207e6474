//! DELETE `/api/v1/auth/sessions/{id}`: ends one session of the caller, the current one included. One that is unknown, somebody
//! else's or over is 404 alike.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use shared::description::Operation;
use shared::domain::SessionId;
use shared::http::problem::Problem;
use shared::http::{Endpoint, Meta, PathId};
use shared::routes;
use shared::runtime::environment::{Environment, StartError};
use shared::sign_in::authentication::Caller;
use shared::sign_in::sessions::{Ended, Sessions};

/// Builds the endpoint.
#[expect(clippy::unused_async, reason = "all endpoints are built alike")]
pub async fn endpoint(environment: &Environment) -> Result<Endpoint, StartError> {
    let sessions = Sessions::new(environment.store(), environment.limiter());
    Ok(Endpoint::bearer(
        &routes::SESSIONS_REVOKE,
        handler,
        sessions,
        &environment.authenticator(),
    ))
}

/// What it takes and answers.
#[must_use]
pub fn operation() -> Operation {
    Operation::of(&routes::SESSIONS_REVOKE, "End a session").explained("Ends one session of the caller; the current one is allowed. An unknown, a foreign and an ended session get the same answer.")
        .path::<SessionId>()
        .answers::<Ended>(StatusCode::OK, "The session has ended.")
}

async fn handler(
    State(sessions): State<Sessions>,
    Meta(meta): Meta,
    caller: Caller,
    PathId(id): PathId<SessionId>,
) -> Result<Json<Ended>, Problem> {
    sessions.revoke(&meta, &caller, id).await?;
    Ok(Json(Ended {
        message: "The session is ended.",
        revoked_count: 1,
    }))
}
