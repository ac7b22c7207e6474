//! GET `/api/v1/admin/invitations`: the invitations that can still be accepted, in pages. Each page is recorded.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use shared::accounts::directory::{Directory, InvitationPage};
use shared::description::Operation;
use shared::http::problem::Problem;
use shared::http::{Endpoint, Fields, FromFields, ListSize, Meta, Query};
use shared::routes;
use shared::runtime::environment::{Environment, StartError};
use shared::sign_in::authentication::Caller;
use shared::tokens::PresentedCursor;

/// Which page.
struct Asked {
    size: ListSize,
    cursor: Option<PresentedCursor>,
}

impl FromFields for Asked {
    type Rules = ();

    fn read(fields: &mut Fields, _rules: &()) -> Option<Self> {
        let size = fields.optional("limit").unwrap_or_default();
        Some(Self {
            size,
            cursor: fields.optional("cursor"),
        })
    }
}

/// Builds the endpoint.
///
/// # Errors
/// [`StartError::Keys`] if the cursor key is not available.
pub async fn endpoint(environment: &Environment) -> Result<Endpoint, StartError> {
    let directory = environment.directory().await?;
    Ok(Endpoint::admin(
        &routes::ADMIN_LIST_INVITATIONS,
        handler,
        directory,
        &environment.authenticator(),
    ))
}

/// What it takes and answers.
#[must_use]
pub fn operation() -> Operation {
    Operation::of(&routes::ADMIN_LIST_INVITATIONS, "List invitations")
        .explained("Lists the invitations that can still be accepted, a page at a time.")
        .query::<Asked>()
        .answers::<InvitationPage>(StatusCode::OK, "The invitations, oldest first.")
}

async fn handler(
    State(directory): State<Directory>,
    Meta(meta): Meta,
    caller: Caller,
    Query(Asked { size, cursor }): Query<Asked>,
) -> Result<Json<InvitationPage>, Problem> {
    Ok(Json(
        directory
            .invitations(&meta, &caller, size.0, cursor.as_ref())
            .await?,
    ))
}
