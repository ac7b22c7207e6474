//! POST `/api/v1/auth/verify-email`: proves an address, or confirms a change of address.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use shared::accounts::verification::Verification;
use shared::description::{Message, Operation};
use shared::http::problem::{Code, Problem};
use shared::http::{Body, Endpoint, Fields, FromFields, Meta, SentMailToken};
use shared::routes;
use shared::runtime::environment::{Environment, StartError};

/// The request.
struct Request(SentMailToken);

impl FromFields for Request {
    type Rules = ();

    fn read(fields: &mut Fields, _rules: &()) -> Option<Self> {
        fields.required("token").map(Self)
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
        &routes::AUTH_VERIFY_EMAIL,
        handler,
        verification,
        &environment.store(),
    ))
}

/// What it takes and answers.
#[must_use]
pub fn operation() -> Operation {
    Operation::of(&routes::AUTH_VERIFY_EMAIL, "Verify an email address")
        .explained(
            "Verifies the address of a registration, or confirms a change of address, with the token of the email. An address whose owner has to choose the password (contested, imported, invited, or an admin's by configuration) is verified by reset-password instead.",
        )
        .body::<Request>()
        .answers::<Message>(StatusCode::OK, "The address is confirmed.")
        .refuses(&[Code::InvalidOrExpiredToken])
}

async fn handler(
    State(verification): State<Verification>,
    Meta(meta): Meta,
    Body(Request(token)): Body<Request>,
) -> Result<Json<Message>, Problem> {
    verification.verify(&meta, &token.0).await?;
    Ok(Json(Message {
        message: "The address is confirmed. You can sign in.",
    }))
}
