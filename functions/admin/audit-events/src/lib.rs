//! GET `/api/v1/admin/audit-events`: records of the audit trail, newest first. The look is recorded.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use shared::audit::trail::{Page, Search, Trail};
use shared::description::Operation;
use shared::domain::FieldCode;
use shared::http::problem::Problem;
use shared::http::{Endpoint, FieldFault, Fields, FromFields, Meta, PageSize, Query};
use shared::routes;
use shared::runtime::environment::{Environment, StartError};
use shared::sign_in::authentication::Caller;
use shared::tokens::PresentedCursor;

/// What is looked for, and which page of it.
struct Asked {
    search: Search,
    size: PageSize,
    cursor: Option<PresentedCursor>,
}

impl FromFields for Asked {
    type Rules = ();

    fn read(fields: &mut Fields, _rules: &()) -> Option<Self> {
        let search = Search {
            user: fields.optional("user_id"),
            action: fields.optional("action"),
            request: fields.optional("request_id"),
            session: fields.optional("session_id"),
            from: fields.optional("from"),
            to: fields.optional("to"),
        };
        if search
            .from
            .zip(search.to)
            .is_some_and(|(from, to)| from > to)
        {
            fields.refuse(
                "from",
                FieldFault::new(FieldCode::OutOfRange, "Must not be later than `to`."),
            );
        }
        let size = fields.optional("limit").unwrap_or_default();
        Some(Self {
            search,
            size,
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
    Ok(Endpoint::admin(
        &routes::ADMIN_AUDIT_EVENTS,
        handler,
        trail,
        &environment.authenticator(),
    ))
}

/// What it takes and answers.
#[must_use]
pub fn operation() -> Operation {
    Operation::of(&routes::ADMIN_AUDIT_EVENTS, "Search the audit log")
        .explained(
            "Returns audit records of all accounts, newest first, one page at a time. The search itself is recorded.",
        )
        .query::<Asked>()
        .answers::<Page>(StatusCode::OK, "The records, newest first.")
}

async fn handler(
    State(trail): State<Trail>,
    Meta(meta): Meta,
    caller: Caller,
    Query(Asked {
        search,
        size,
        cursor,
    }): Query<Asked>,
) -> Result<Json<Page>, Problem> {
    Ok(Json(
        trail
            .search(&meta, &caller, &search, size.0, cursor.as_ref())
            .await?,
    ))
}
