//! POST `/api/v1/admin/users/{id}/unlock`: lifts the lock that too many wrong passwords have put on an account.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use shared::accounts::administration::Administration;
use shared::audit_event::Actor;
use shared::description::{Message, Operation};
use shared::domain::{Reason, UserId};
use shared::http::problem::Problem;
use shared::http::{Body, Endpoint, Meta, PathId};
use shared::routes;
use shared::runtime::environment::{Environment, StartError};
use shared::sign_in::authentication::Caller;

/// Builds the endpoint.
#[expect(clippy::unused_async, reason = "all endpoints are built alike")]
pub async fn endpoint(environment: &Environment) -> Result<Endpoint, StartError> {
    let authenticator = environment.authenticator();
    Ok(Endpoint::admin(
        &routes::ADMIN_UNLOCK_USER,
        handler,
        environment.administration(),
        &authenticator,
    ))
}

/// What it takes and answers.
#[must_use]
pub fn operation() -> Operation {
    Operation::of(&routes::ADMIN_UNLOCK_USER, "Unlock an account")
        .explained("Removes the lock that too many wrong passwords have set.")
        .path::<UserId>()
        .body::<Reason>()
        .answers::<Message>(StatusCode::OK, "The lock is lifted.")
}

async fn handler(
    State(administration): State<Administration>,
    Meta(meta): Meta,
    caller: Caller,
    PathId(user): PathId<UserId>,
    Body(reason): Body<Reason>,
) -> Result<Json<Message>, Problem> {
    let actor = Actor::Admin(caller.user.id, caller.session.id);
    administration.unlock(&meta, actor, user, &reason).await?;
    Ok(Json(Message {
        message: "The account is unlocked.",
    }))
}
