//! DELETE `/api/v1/admin/invitations/{id}`: withdraws an invitation.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use shared::accounts::invitations::Invitations;
use shared::description::{Message, Operation};
use shared::domain::InvitationId;
use shared::http::problem::Problem;
use shared::http::{Endpoint, Meta, PathId};
use shared::routes;
use shared::runtime::environment::{Environment, StartError};
use shared::sign_in::authentication::Caller;

/// Builds the endpoint.
#[expect(clippy::unused_async, reason = "all endpoints are built alike")]
pub async fn endpoint(environment: &Environment) -> Result<Endpoint, StartError> {
    let (invitations, authenticator) = (environment.invitations(), environment.authenticator());
    Ok(Endpoint::admin(
        &routes::ADMIN_REVOKE_INVITATION,
        handler,
        invitations,
        &authenticator,
    ))
}

/// What it takes and answers.
#[must_use]
pub fn operation() -> Operation {
    Operation::of(&routes::ADMIN_REVOKE_INVITATION, "Withdraw an invitation")
        .explained("Ends an invitation. A link that has been sent no longer works.")
        .path::<InvitationId>()
        .answers::<Message>(
            StatusCode::OK,
            "The invitation cannot be accepted any more.",
        )
}

async fn handler(
    State(invitations): State<Invitations>,
    Meta(meta): Meta,
    caller: Caller,
    PathId(id): PathId<InvitationId>,
) -> Result<Json<Message>, Problem> {
    invitations.withdraw(&meta, &caller, id).await?;
    Ok(Json(Message {
        message: "The invitation is withdrawn.",
    }))
}
