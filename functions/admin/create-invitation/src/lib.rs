//! POST `/api/v1/admin/invitations`: invites the owner of an address to make an account.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use shared::accounts::invitations::{Invitations, Invited, Invitee, Inviter};
use shared::description::Operation;
use shared::http::problem::{Code, Problem};
use shared::http::{Body, DeliverableEmail, Endpoint, Fields, FromFields, Meta};
use shared::routes;
use shared::runtime::environment::{Environment, StartError};
use shared::sign_in::authentication::Caller;

/// The request.
struct Request(Invitee);

impl FromFields for Request {
    type Rules = ();

    fn read(fields: &mut Fields, _rules: &()) -> Option<Self> {
        let email = fields.required::<DeliverableEmail>("email");
        let name = fields.optional("name");
        let reason = fields.required("reason");
        Some(Self(Invitee {
            email: email?.0,
            name,
            reason: reason?,
        }))
    }
}

/// Builds the endpoint.
#[expect(clippy::unused_async, reason = "all endpoints are built alike")]
pub async fn endpoint(environment: &Environment) -> Result<Endpoint, StartError> {
    let (invitations, authenticator) = (environment.invitations(), environment.authenticator());
    Ok(Endpoint::admin(
        &routes::ADMIN_CREATE_INVITATION,
        handler,
        invitations,
        &authenticator,
    ))
}

/// What it takes and answers.
#[must_use]
pub fn operation() -> Operation {
    Operation::of(&routes::ADMIN_CREATE_INVITATION, "Invite a user")
        .explained("Sends an invitation to an address, also where registration is closed. Inviting the address again replaces the earlier invitation.")
        .body::<Request>()
        .answers::<Invited>(
            StatusCode::ACCEPTED,
            "The invitation is made, and its email is on its way unless the address has had too many. An earlier one to the address has ended.",
        )
        .refuses(&[Code::Conflict])
}

async fn handler(
    State(invitations): State<Invitations>,
    Meta(meta): Meta,
    caller: Caller,
    Body(Request(invitee)): Body<Request>,
) -> Result<(StatusCode, Json<Invited>), Problem> {
    Ok((
        StatusCode::ACCEPTED,
        Json(
            invitations
                .invite(&meta, Inviter::Admin(&caller), &invitee)
                .await?,
        ),
    ))
}
