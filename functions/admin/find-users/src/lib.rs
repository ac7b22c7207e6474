//! GET `/api/v1/admin/users?email=`: the account that has an address, or an empty list. The look is recorded.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use shared::administration::Administration;
use shared::description::Operation;
use shared::domain::EmailAddress;
use shared::environment::{Environment, StartError};
use shared::http::{Caller, Endpoint, Fields, FromFields, Meta, Problem, Query};
use shared::issuer::UserView;
use shared::rotations::Actor;
use shared::routes;

/// Whom to look for.
struct Sought(EmailAddress);

impl FromFields for Sought {
    type Rules = ();

    fn read(fields: &mut Fields, _rules: &()) -> Option<Self> {
        fields.required("email").map(Self)
    }
}

/// The answer.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct Answer {
    users: Vec<UserView>,
}

/// Builds the endpoint.
///
/// # Errors
/// None now.
#[expect(clippy::unused_async, reason = "all endpoints are built alike")]
pub async fn endpoint(environment: &Environment) -> Result<Endpoint, StartError> {
    let authenticator = environment.authenticator();
    Ok(Endpoint::admin(&routes::ADMIN_FIND_USERS, handler, environment.administration(), &authenticator))
}

/// What it takes and answers.
#[must_use]
pub fn operation() -> Operation {
    Operation::of(&routes::ADMIN_FIND_USERS, "Find an account by its address")
        .query::<Sought>()
        .answers::<Answer>(StatusCode::OK, "The account, or an empty list.")
        .leads_to_path("Unlock", &routes::ADMIN_UNLOCK_USER, "$response.body#/users/0/id")
}

async fn handler(
    State(administration): State<Administration>,
    Meta(meta): Meta,
    caller: Caller,
    Query(Sought(email)): Query<Sought>,
) -> Result<Json<Answer>, Problem> {
    let actor = Actor::Admin(caller.user.id, caller.session.id);
    let found = administration.find(&meta, actor, &email).await?;
    Ok(Json(Answer { users: found.into_iter().collect() }))
}
