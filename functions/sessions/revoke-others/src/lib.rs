//! DELETE `/api/v1/auth/sessions/others`: ends every session of the caller but this one.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use shared::environment::{Environment, StartError};
use shared::http::{Caller, Endpoint, Meta, Problem};
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
    Ok(Endpoint::bearer(&routes::SESSIONS_REVOKE_OTHERS, handler, sessions, &environment.authenticator()))
}

async fn handler(State(sessions): State<Sessions>, Meta(meta): Meta, caller: Caller) -> Result<Json<Answer>, Problem> {
    let revoked_count = sessions.revoke_others(&meta, &caller).await?;
    Ok(Json(Answer { message: "Every other session is ended.", revoked_count }))
}
