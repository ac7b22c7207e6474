//! GET `/api/v1/admin/users`: accounts in pages, or the one that has an address. Each page is recorded.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use shared::accounts::directory::{Directory, UserPage};
use shared::description::Operation;
use shared::domain::EmailAddress;
use shared::http::problem::Problem;
use shared::http::{Endpoint, Fields, FromFields, ListSize, Meta, Query};
use shared::routes;
use shared::runtime::environment::{Environment, StartError};
use shared::sign_in::authentication::Caller;
use shared::tokens::PresentedCursor;

/// Which accounts, and which page of them.
struct Asked {
    email: Option<EmailAddress>,
    size: ListSize,
    cursor: Option<PresentedCursor>,
}

impl FromFields for Asked {
    type Rules = ();

    fn read(fields: &mut Fields, _rules: &()) -> Option<Self> {
        let email = fields.optional("email");
        let size = fields.optional("limit").unwrap_or_default();
        Some(Self {
            email,
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
        &routes::ADMIN_FIND_USERS,
        handler,
        directory,
        &environment.authenticator(),
    ))
}

/// What it takes and answers.
#[must_use]
pub fn operation() -> Operation {
    Operation::of(&routes::ADMIN_FIND_USERS, "List users")
        .explained("Lists the accounts a page at a time, or, with `email`, the one that has exactly this address.")
        .query::<Asked>()
        .answers::<UserPage>(StatusCode::OK, "The accounts, by identifier; with `email` the one that has the address.")
}

async fn handler(
    State(directory): State<Directory>,
    Meta(meta): Meta,
    caller: Caller,
    Query(Asked {
        email,
        size,
        cursor,
    }): Query<Asked>,
) -> Result<Json<UserPage>, Problem> {
    Ok(Json(
        directory
            .users(&meta, &caller, email.as_ref(), size.0, cursor.as_ref())
            .await?,
    ))
}
