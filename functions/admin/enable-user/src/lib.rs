//! POST `/api/v1/admin/users/{id}/enable`: opens a closed account again; its old tokens stay worthless.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use shared::accounts::administration::Administration;
use shared::audit_event::Actor;
use shared::description::{Message, Operation};
use shared::domain::{Reason, UserId};
use shared::http::problem::{Code, Problem};
use shared::http::{Body, Endpoint, Meta, PathId};
use shared::routes;
use shared::runtime::environment::{Environment, StartError};
use shared::sign_in::authentication::Caller;

/// Builds the endpoint.
#[expect(clippy::unused_async, reason = "all endpoints are built alike")]
pub async fn endpoint(environment: &Environment) -> Result<Endpoint, StartError> {
    let authenticator = environment.authenticator();
    Ok(Endpoint::admin(
        &routes::ADMIN_ENABLE_USER,
        handler,
        environment.administration(),
        &authenticator,
    ))
}

/// What it takes and answers.
#[must_use]
pub fn operation() -> Operation {
    Operation::of(&routes::ADMIN_ENABLE_USER, "Enable a disabled account")
        .explained(
            "Lets the account sign in again. Sessions that ended when it was disabled stay ended.",
        )
        .path::<UserId>()
        .body::<Reason>()
        .answers::<Message>(StatusCode::OK, "The account is open.")
        .refuses(&[Code::Conflict])
}

async fn handler(
    State(administration): State<Administration>,
    Meta(meta): Meta,
    caller: Caller,
    PathId(user): PathId<UserId>,
    Body(reason): Body<Reason>,
) -> Result<Json<Message>, Problem> {
    let actor = Actor::Admin(caller.user.id, caller.session.id);
    administration.enable(&meta, actor, user, &reason).await?;
    Ok(Json(Message {
        message: "The account is enabled.",
    }))
}
