//! POST `/api/v1/auth/reauthenticate`: renews the password proof of the caller's session (RFC 9470). The refresh token stays.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use shared::environment::{Environment, StartError};
use shared::http::{Caller, Endpoint, Fields, Meta, Problem};
use shared::reauthentication::{Reauthentication, Renewed};
use shared::routes;

/// The answer.
#[derive(Serialize)]
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
    Ok(Endpoint::bearer(&routes::AUTH_REAUTHENTICATE, handler, reauthentication, &authenticator))
}

async fn handler(
    State(reauthentication): State<Reauthentication>,
    Meta(meta): Meta,
    caller: Caller,
    mut fields: Fields,
) -> Result<Json<Answer>, Problem> {
    let password = fields.required("password");
    let password = fields.complete(password)?;
    let renewed = Box::pin(reauthentication.renew(&meta, &caller, &password)).await?;
    Ok(Json(Answer { message: "The password is proved again.", renewed }))
}
