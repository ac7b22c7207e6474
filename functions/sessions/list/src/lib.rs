//! GET `/api/v1/auth/sessions`: the caller's live sessions, newest activity first.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use shared::description::Operation;
use shared::domain::Device;
use shared::http::problem::Problem;
use shared::http::{Endpoint, Meta};
use shared::routes;
use shared::runtime::environment::{Environment, StartError};
use shared::sign_in::authentication::Caller;
use shared::sign_in::sessions::{SessionView, Sessions};

/// The answer.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct Answer {
    /// How many sessions there are.
    total_count: usize,
    /// The sessions, newest activity first.
    sessions: Vec<SessionView>,
}

/// Builds the endpoint.
#[expect(clippy::unused_async, reason = "all endpoints are built alike")]
pub async fn endpoint(environment: &Environment) -> Result<Endpoint, StartError> {
    // Starting is cheaper than answering.
    Device::prepare();
    let sessions = Sessions::new(environment.store(), environment.limiter());
    Ok(Endpoint::bearer(
        &routes::SESSIONS_LIST,
        handler,
        sessions,
        &environment.authenticator(),
    ))
}

/// What it takes and answers.
#[must_use]
pub fn operation() -> Operation {
    Operation::of(&routes::SESSIONS_LIST, "List the sessions")
        .explained("Returns the caller's live sessions, the one with the newest activity first.")
        .answers::<Answer>(
            StatusCode::OK,
            "The live sessions of the caller, newest activity first.",
        )
}

async fn handler(
    State(sessions): State<Sessions>,
    Meta(meta): Meta,
    caller: Caller,
) -> Result<Json<Answer>, Problem> {
    let sessions = sessions.list(&meta, &caller).await?;
    Ok(Json(Answer {
        total_count: sessions.len(),
        sessions,
    }))
}
