//! GET `/api/v1/auth/me`: the caller's account.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use shared::config::Config;
use shared::description::Operation;
use shared::http::Endpoint;
use shared::routes;
use shared::runtime::environment::{Environment, StartError};
use shared::sign_in::authentication::Caller;
use shared::sign_in::issuer::UserView;

/// Builds the endpoint.
#[expect(clippy::unused_async, reason = "all endpoints are built alike")]
pub async fn endpoint(environment: &Environment) -> Result<Endpoint, StartError> {
    Ok(Endpoint::bearer(
        &routes::AUTH_ME,
        handler,
        environment.config(),
        &environment.authenticator(),
    ))
}

/// What it takes and answers.
#[must_use]
pub fn operation() -> Operation {
    Operation::of(&routes::AUTH_ME, "Get the account")
        .explained("Returns the caller's account.")
        .answers::<UserView>(StatusCode::OK, "The account of the caller.")
}

async fn handler(State(config): State<Arc<Config>>, caller: Caller) -> Json<UserView> {
    Json(UserView::new(&caller.user, &config))
}
