//! GET `/api/v1/auth/me/export`: everything that is stored about the caller, as a file. The look is recorded.

use axum::Json;
use axum::extract::State;
use axum::http::header::CONTENT_DISPOSITION;
use axum::http::{HeaderName, StatusCode};
use shared::accounts::export::{Export, PersonalData};
use shared::description::Operation;
use shared::domain::Device;
use shared::http::problem::{Code, Problem};
use shared::http::{Endpoint, Meta};
use shared::routes;
use shared::runtime::environment::{Environment, StartError};
use shared::sign_in::authentication::Caller;

/// A browser offers to save it.
const AS_FILE: [(HeaderName, &str); 1] =
    [(CONTENT_DISPOSITION, "attachment; filename=\"account.json\"")];

/// Builds the endpoint.
///
/// # Errors
/// [`StartError::Keys`] if the cursor key is not at hand.
pub async fn endpoint(environment: &Environment) -> Result<Endpoint, StartError> {
    // Starting is cheaper than answering.
    Device::prepare();
    let export = environment.export().await?;
    Ok(Endpoint::bearer(
        &routes::AUTH_EXPORT_ME,
        handler,
        export,
        &environment.authenticator(),
    ))
}

/// What it takes and answers.
#[must_use]
pub fn operation() -> Operation {
    Operation::of(&routes::AUTH_EXPORT_ME, "Export the account's data")
        .explained("Returns everything that is stored about the caller, except hashes of passwords and tokens.")
        .answers::<PersonalData>(StatusCode::OK, "Everything about the caller, but hashes of passwords and tokens.")
        .refuses(&[Code::ReauthenticationRequired])
}

async fn handler(
    State(export): State<Export>,
    Meta(meta): Meta,
    caller: Caller,
) -> Result<([(HeaderName, &'static str); 1], Json<PersonalData>), Problem> {
    Ok((AS_FILE, Json(export.of_caller(&meta, &caller).await?)))
}
