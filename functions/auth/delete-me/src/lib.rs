//! DELETE `/api/v1/auth/me`: erases the caller's account for good.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use shared::accounts::profile::Profile;
use shared::description::Operation;
use shared::domain::Password;
use shared::http::problem::{Code, Problem};
use shared::http::{Body, Endpoint, Fields, FromFields, Meta};
use shared::routes;
use shared::runtime::environment::{Environment, StartError};
use shared::sign_in::authentication::Caller;

/// The request.
struct Proof(Password);

impl FromFields for Proof {
    type Rules = ();

    fn read(fields: &mut Fields, _rules: &()) -> Option<Self> {
        fields.required("password").map(Self)
    }
}

/// The answer.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct Answer {
    message: &'static str,
}

/// Builds the endpoint.
///
/// # Errors
/// [`StartError`] if the password hash cannot be set up.
#[expect(clippy::unused_async, reason = "all endpoints are built alike")]
pub async fn endpoint(environment: &Environment) -> Result<Endpoint, StartError> {
    let profile = Profile::new(
        environment.store(),
        environment.password_proof()?,
        environment.limiter(),
    );
    Ok(Endpoint::bearer(
        &routes::AUTH_DELETE_ME,
        handler,
        profile,
        &environment.authenticator(),
    ))
}

/// What it takes and answers.
#[must_use]
pub fn operation() -> Operation {
    Operation::of(&routes::AUTH_DELETE_ME, "Delete the account")
        .explained("Deletes the caller's account and its sessions for good; requires the password. It is refused for an admin, and while a former address can take the account back.")
        .body::<Proof>()
        .answers::<Answer>(
            StatusCode::OK,
            "The account is gone, and nothing that was issued to it is accepted any more.",
        )
        .refuses(&[Code::InvalidCredentials, Code::AccountLocked, Code::ReauthenticationRequired, Code::Conflict])
}

async fn handler(
    State(profile): State<Profile>,
    Meta(meta): Meta,
    caller: Caller,
    Body(Proof(password)): Body<Proof>,
) -> Result<Json<Answer>, Problem> {
    profile.erase(&meta, &caller, &password).await?;
    Ok(Json(Answer {
        message: "The account is erased.",
    }))
}
