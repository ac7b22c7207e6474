//! POST `/api/v1/auth/change-password`: the caller goes on under fresh tokens, every other session ends.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use shared::domain::PasswordPolicy;
use shared::environment::{Environment, StartError};
use shared::http::{Caller, Endpoint, Fields, Meta, Problem};
use shared::issuer::{Issuer, TokenPair};
use shared::profile::Profile;
use shared::routes;

/// What the handler uses.
#[derive(Clone)]
struct Deps {
    profile: Profile,
    issuer: Issuer,
    policy: PasswordPolicy,
}

/// The answer.
#[derive(Serialize)]
struct Answer {
    message: &'static str,
    #[serde(flatten)]
    tokens: TokenPair,
}

/// Builds the endpoint.
///
/// # Errors
/// [`StartError`] if keys or password hash cannot be set up.
pub async fn endpoint(environment: &Environment) -> Result<Endpoint, StartError> {
    let profile = Profile::new(environment.store(), environment.password_proof()?, environment.limiter());
    let deps = Deps { profile, issuer: environment.issuer().await?, policy: environment.password_policy() };
    Ok(Endpoint::bearer(&routes::AUTH_CHANGE_PASSWORD, handler, deps, &environment.authenticator()))
}

async fn handler(
    State(deps): State<Deps>,
    Meta(meta): Meta,
    caller: Caller,
    mut fields: Fields,
) -> Result<Json<Answer>, Problem> {
    let current = fields.required("current_password");
    let new = fields.required("new_password");
    fields.check_password("new_password", new.as_ref(), deps.policy, Some(&caller.user.email));
    let (current, new) = fields.complete(current.zip(new))?;
    let tokens = deps.profile.change_password(&meta, &caller, &current, &new, &deps.issuer).await?;
    let message = "The password is changed. Every other session is ended; go on with these tokens.";
    Ok(Json(Answer { message, tokens }))
}
