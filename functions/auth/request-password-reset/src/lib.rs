//! POST `/api/v1/auth/request-password-reset`: sends a reset mail. The answer never tells whether anybody has the address.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use shared::accounts::recovery::Recovery;
use shared::description::{Message, Operation};
use shared::domain::EmailAddress;
use shared::http::problem::Problem;
use shared::http::{Body, Endpoint, Fields, FromFields, Meta};
use shared::routes;
use shared::runtime::environment::{Environment, StartError};

/// The request.
struct Request(EmailAddress);

impl FromFields for Request {
    type Rules = ();

    fn read(fields: &mut Fields, _rules: &()) -> Option<Self> {
        fields.required("email").map(Self)
    }
}

/// Builds the endpoint.
#[expect(clippy::unused_async, reason = "all endpoints are built alike")]
pub async fn endpoint(environment: &Environment) -> Result<Endpoint, StartError> {
    let recovery = Recovery::new(
        environment.store(),
        environment.limiter(),
        environment.config(),
    );
    Ok(Endpoint::public(
        &routes::AUTH_REQUEST_PASSWORD_RESET,
        handler,
        recovery,
        &environment.store(),
    ))
}

/// What it takes and answers.
#[must_use]
pub fn operation() -> Operation {
    Operation::of(&routes::AUTH_REQUEST_PASSWORD_RESET, "Request a password reset")
        .explained("Sends a reset email if there is an account or an open registration with this address; while a link has five minutes or more to live, the email repeats it. The answer is always the same.")
        .body::<Request>()
        .answers::<Message>(
            StatusCode::ACCEPTED,
            "If an account has the address, an email is on its way. The answer is the same if none has.",
        )
}

async fn handler(
    State(recovery): State<Recovery>,
    Meta(meta): Meta,
    Body(Request(email)): Body<Request>,
) -> Result<(StatusCode, Json<Message>), Problem> {
    recovery.request(&meta, &email).await?;
    let message =
        "If this address has an account, a mail with a link for a new password is on its way.";
    Ok((StatusCode::ACCEPTED, Json(Message { message })))
}
