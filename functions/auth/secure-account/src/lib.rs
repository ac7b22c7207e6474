//! POST `/api/v1/auth/secure-account`: "this wasn't me". The link of a notice ends every session, makes the password useless
//! and has a reset mailed. A link that was used before is no error.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use shared::description::{Message, Operation};
use shared::environment::{Environment, StartError};
use shared::http::{Body, Code, Endpoint, Fields, FromFields, Meta, Problem, SentMailToken};
use shared::rescue::{Rescued, Rescuer};
use shared::routes;

/// The request.
struct Request(SentMailToken);

impl FromFields for Request {
    type Rules = ();

    fn read(fields: &mut Fields, _rules: &()) -> Option<Self> {
        fields.required("token").map(Self)
    }
}

/// Builds the endpoint.
///
/// # Errors
/// [`StartError`] if the mail key cannot be read.
pub async fn endpoint(environment: &Environment) -> Result<Endpoint, StartError> {
    let rescuer = environment.rescuer().await?;
    Ok(Endpoint::public(&routes::AUTH_SECURE_ACCOUNT, handler, rescuer, &environment.store()))
}

/// What it takes and answers.
#[must_use]
pub fn operation() -> Operation {
    Operation::of(&routes::AUTH_SECURE_ACCOUNT, "Report that it was not me")
        .body::<Request>()
        .answers::<Message>(StatusCode::OK, "Every session is ended and a reset is mailed.")
        .refuses(&[Code::InvalidOrExpiredToken, Code::Conflict])
}

async fn handler(
    State(rescuer): State<Rescuer>,
    Meta(meta): Meta,
    Body(Request(token)): Body<Request>,
) -> Result<Json<Message>, Problem> {
    let message = match Box::pin(rescuer.rescue(&meta, &token.0)).await? {
        Rescued::Done => "Every session is ended. Set a new password by the link that we have just mailed you.",
        Rescued::Before => {
            "This link was used already, and did what it is for. Set a new password by the link that we mailed you."
        }
    };
    Ok(Json(Message { message }))
}
