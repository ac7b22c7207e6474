//! DELETE `/api/v1/auth/sessions/{id}`: ends one session of the caller, the current one included. One that is unknown, somebody
//! else's or over is 404 alike.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use shared::domain::SessionId;
use shared::environment::{Environment, StartError};
use shared::http::{Caller, Endpoint, Meta, PathId, Problem};
use shared::routes;
use shared::sessions::Sessions;

/// The answer.
#[derive(Serialize)]
struct Answer {
    message: &'static str,
    revoked_count: usize,
}

/// Builds the endpoint.
///
/// # Errors
/// None now.
#[expect(clippy::unused_async, reason = "all endpoints are built alike")]
pub async fn endpoint(environment: &Environment) -> Result<Endpoint, StartError> {
    let sessions = Sessions::new(environment.store(), environment.limiter());
    Ok(Endpoint::bearer(&routes::SESSIONS_REVOKE, handler, sessions, &environment.authenticator()))
}

async fn handler(
    State(sessions): State<Sessions>,
    Meta(meta): Meta,
    caller: Caller,
    PathId(id): PathId<SessionId>,
) -> Result<Json<Answer>, Problem> {
    sessions.revoke(&meta, &caller, id).await?;
    Ok(Json(Answer { message: "The session is ended.", revoked_count: 1 }))
}
