//! GET `/api/v1/auth/activity?limit=&cursor=`: what happened to the caller's account, newest first. The look is recorded.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use shared::audit::trail::{Page, Trail};
use shared::description::Operation;
use shared::http::problem::Problem;
use shared::http::{Endpoint, Fields, FromFields, Meta, PageSize, Query};
use shared::routes;
use shared::runtime::environment::{Environment, StartError};
use shared::sign_in::authentication::Caller;
use shared::tokens::PresentedCursor;

/// Which page.
struct Place {
    size: PageSize,
    cursor: Option<PresentedCursor>,
}

impl FromFields for Place {
    type Rules = ();

    fn read(fields: &mut Fields, _rules: &()) -> Option<Self> {
        Some(Self {
            size: fields.optional("limit").unwrap_or_default(),
            cursor: fields.optional("cursor"),
        })
    }
}

/// Builds the endpoint.
///
/// # Errors
/// [`StartError::Keys`] if the cursor key is not at hand.
pub async fn endpoint(environment: &Environment) -> Result<Endpoint, StartError> {
    let trail = environment.trail().await?;
    Ok(Endpoint::bearer(
        &routes::AUTH_ACTIVITY,
        handler,
        trail,
        &environment.authenticator(),
    ))
}

/// What it takes and answers.
#[must_use]
pub fn operation() -> Operation {
    Operation::of(&routes::AUTH_ACTIVITY, "List the account's activity")
        .explained("Returns the audit records of the caller's own account, newest first, one page at a time.")
        .query::<Place>()
        .answers::<Page>(StatusCode::OK, "The records of the caller's account, newest first.")
}

async fn handler(
    State(trail): State<Trail>,
    Meta(meta): Meta,
    caller: Caller,
    Query(Place { size, cursor }): Query<Place>,
) -> Result<Json<Page>, Problem> {
    Ok(Json(
        trail
            .of_caller(&meta, &caller, size.0, cursor.as_ref())
            .await?,
    ))
}
