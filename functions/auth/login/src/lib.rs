//! POST `/api/v1/auth/login`: proves a password and begins a session.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use shared::description::Operation;
use shared::domain::{EmailAddress, Password};
use shared::http::problem::{Code, Problem};
use shared::http::{Body, Endpoint, Fields, FromFields, Meta};
use shared::routes;
use shared::runtime::environment::{Environment, StartError};
use shared::sign_in::issuer::{TokenPair, UserView};
use shared::sign_in::login::Login;

/// The request.
struct Credentials {
    email: EmailAddress,
    password: Password,
}

impl FromFields for Credentials {
    type Rules = ();

    fn read(fields: &mut Fields, _rules: &()) -> Option<Self> {
        let email = fields.required("email");
        let password = fields.required("password");
        Some(Self {
            email: email?,
            password: password?,
        })
    }
}

/// The answer.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct Answer {
    #[serde(flatten)]
    tokens: TokenPair,
    user: UserView,
}

/// Builds the endpoint.
///
/// # Errors
/// [`StartError`] if keys, password hash or `GeoIP` file cannot be set up.
pub async fn endpoint(environment: &Environment) -> Result<Endpoint, StartError> {
    let login = Login {
        store: environment.store(),
        proof: environment.password_proof()?,
        limiter: environment.limiter(),
        issuer: environment.issuer().await?,
        locator: environment.locator()?,
        config: environment.config(),
    };
    Ok(Endpoint::public(
        &routes::AUTH_LOGIN,
        handler,
        login,
        &environment.store(),
    ))
}

/// What it takes and answers.
#[must_use]
pub fn operation() -> Operation {
    Operation::of(&routes::AUTH_LOGIN, "Sign in with email address and password")
        .explained(
            "Verifies the password and starts a session. An unknown address and a wrong password get the same answer.",
        )
        .body::<Credentials>()
        .answers::<Answer>(StatusCode::OK, "A session has begun.")
        .refuses(&[Code::InvalidCredentials, Code::EmailNotVerified, Code::AccountDisabled, Code::AccountLocked])
}

async fn handler(
    State(login): State<Login>,
    Meta(meta): Meta,
    Body(Credentials { email, password }): Body<Credentials>,
) -> Result<Json<Answer>, Problem> {
    let signed_in = Box::pin(login.login(&meta, &email, &password)).await?;
    Ok(Json(Answer {
        tokens: signed_in.tokens,
        user: signed_in.user,
    }))
}
