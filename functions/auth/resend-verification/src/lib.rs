//! POST `/api/v1/auth/resend-verification`: sends another verification mail. The answer never tells whether anybody has the
//! address.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use shared::accounts::verification::Verification;
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
    let verification = Verification::new(
        environment.store(),
        environment.limiter(),
        environment.config(),
    );
    Ok(Endpoint::public(
        &routes::AUTH_RESEND_VERIFICATION,
        handler,
        verification,
        &environment.store(),
    ))
}

/// What it takes and answers.
#[must_use]
pub fn operation() -> Operation {
    Operation::of(&routes::AUTH_RESEND_VERIFICATION, "Send the verification email again").explained("Sends another verification email if the address is still to be verified. The answer is always the same.")
        .body::<Request>()
        .answers::<Message>(
            StatusCode::ACCEPTED,
            "An email is on its way if the address is still to be verified; the answer is the same if not.",
        )
}

async fn handler(
    State(verification): State<Verification>,
    Meta(meta): Meta,
    Body(Request(email)): Body<Request>,
) -> Result<(StatusCode, Json<Message>), Problem> {
    verification.resend(&meta, &email).await?;
    let message = "If this address is still to be verified, a new email is on its way.";
    Ok((StatusCode::ACCEPTED, Json(Message { message })))
}
