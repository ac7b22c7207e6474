//! POST `/api/v1/auth/secure-account`: "this wasn't me". The link of a notice ends every session, makes the password useless
//! and has a reset mailed to the address that the notice went to. A link that was used before is no error.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use shared::accounts::secure_account::{SecureAccount, Secured};
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
///
/// # Errors
/// [`StartError`] if the mail key cannot be read.
pub async fn endpoint(environment: &Environment) -> Result<Endpoint, StartError> {
    let secure_account = environment.secure_account().await?;
    Ok(Endpoint::public(
        &routes::AUTH_SECURE_ACCOUNT,
        handler,
        secure_account,
        &environment.store(),
    ))
}

/// What it takes and answers.
#[must_use]
pub fn operation() -> Operation {
    Operation::of(&routes::AUTH_SECURE_ACCOUNT, "Report an unauthorised change").explained("Secures the account with the token of a notice (\"this wasn't me\"): restores the address that the notice went to, ends every session, makes the password unusable and sends a reset email to that address alone, unless the account is disabled.")
        .body::<Request>()
        .sample("token", "dsa_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
        .answers::<Message>(StatusCode::OK, "Every session is ended, and a reset email is on its way; `message` says so if there is none because the account is disabled.")
        .refuses(&[Code::InvalidOrExpiredToken, Code::Conflict])
}

async fn handler(
    State(secure_account): State<SecureAccount>,
    Meta(meta): Meta,
    Body(Request(token)): Body<Request>,
) -> Result<Json<Message>, Problem> {
    let message = match Box::pin(secure_account.secure(&meta, &token.0)).await? {
        Secured::Done => {
            "Every session is ended. Set a new password by the link that we have just mailed you."
        }
        Secured::DoneWhileDisabled => {
            "Every session is ended and the password no longer works. The account is disabled: once it is enabled again, reset your password on the sign-in page."
        }
        Secured::Before => {
            "This link was used already, and did what it is for. Set a new password by the link that we mailed you, or reset it on the sign-in page."
        }
    };
    Ok(Json(Message { message }))
}
