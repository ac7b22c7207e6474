//! POST `/api/v1/auth/reauthenticate`: renews the password proof of the caller's session (RFC 9470). The refresh token stays.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use shared::description::Operation;
use shared::domain::Password;
use shared::http::problem::{Code, Problem};
use shared::http::{Body, Endpoint, Fields, FromFields, Meta};
use shared::routes;
use shared::runtime::environment::{Environment, StartError};
use shared::sign_in::authentication::Caller;
use shared::sign_in::reauthentication::{Reauthentication, Renewed};

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
    #[serde(flatten)]
    renewed: Renewed,
}

/// Builds the endpoint.
///
/// # Errors
/// [`StartError`] if keys or password hash cannot be set up.
pub async fn endpoint(environment: &Environment) -> Result<Endpoint, StartError> {
    let reauthentication = Reauthentication {
        store: environment.store(),
        proof: environment.password_proof()?,
        limiter: environment.limiter(),
        issuer: environment.issuer().await?,
    };
    let authenticator = environment.authenticator();
    Ok(Endpoint::bearer(
        &routes::AUTH_REAUTHENTICATE,
        handler,
        reauthentication,
        &authenticator,
    ))
}

/// What it takes and answers.
#[must_use]
pub fn operation() -> Operation {
    Operation::of(&routes::AUTH_REAUTHENTICATE, "Verify the password again").explained("Verifies the caller's password and returns a new access token, for endpoints that require a recent password verification.")
        .body::<Proof>()
        .answers::<Answer>(StatusCode::OK, "The proof is renewed; go on with this access token.")
        .refuses(&[Code::InvalidCredentials, Code::AccountLocked, Code::Conflict])
}

async fn handler(
    State(reauthentication): State<Reauthentication>,
    Meta(meta): Meta,
    caller: Caller,
    Body(Proof(password)): Body<Proof>,
) -> Result<Json<Answer>, Problem> {
    let renewed = Box::pin(reauthentication.renew(&meta, &caller, &password)).await?;
    Ok(Json(Answer {
        message: "The password is verified.",
        renewed,
    }))
}
