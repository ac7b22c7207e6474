//! POST `/api/v1/auth/reset-password`: sets a new password by a mailed token and ends every session. It does not sign in.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use shared::domain::PasswordPolicy;
use shared::environment::{Environment, StartError};
use shared::http::{Endpoint, Fields, Meta, Problem};
use shared::passwords::PasswordHasher;
use shared::recovery::Recovery;
use shared::routes;

/// What the handler uses.
#[derive(Clone)]
struct Deps {
    recovery: Recovery,
    hasher: PasswordHasher,
    policy: PasswordPolicy,
}

/// The answer.
#[derive(Serialize)]
struct Answer {
    message: &'static str,
}

/// Builds the endpoint.
///
/// # Errors
/// [`StartError`] if the password hash cannot be set up.
#[expect(clippy::unused_async, reason = "all endpoints are built alike")]
pub async fn endpoint(environment: &Environment) -> Result<Endpoint, StartError> {
    let recovery = Recovery::new(environment.store(), environment.limiter());
    let deps = Deps { recovery, hasher: environment.hasher()?, policy: environment.password_policy() };
    Ok(Endpoint::public(&routes::AUTH_RESET_PASSWORD, handler, deps, &environment.store()))
}

async fn handler(State(deps): State<Deps>, Meta(meta): Meta, mut fields: Fields) -> Result<Json<Answer>, Problem> {
    let token = fields.required::<String>("token");
    let password = fields.required("new_password");
    fields.check_password("new_password", password.as_ref(), deps.policy, None);
    let (token, password) = fields.complete(token.zip(password))?;
    deps.recovery.reset(&meta, &token, &password, deps.policy, &deps.hasher).await?;
    Ok(Json(Answer { message: "The password is changed and every session is ended. Sign in with the new password." }))
}
