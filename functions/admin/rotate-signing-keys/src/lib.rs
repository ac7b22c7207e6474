//! POST `/api/v1/admin/signing-keys/rotations`: replaces the signing keys. On `routine` what they signed stays good, after
//! `compromised` it is refused everywhere.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use shared::audit_event::Actor;
use shared::breach::key_replacement::{KeyChanges, Mode};
use shared::description::Operation;
use shared::domain::Reason;
use shared::http::problem::{Code, Problem};
use shared::http::{Body, Endpoint, Fields, FromFields, Meta};
use shared::routes;
use shared::runtime::environment::{Environment, StartError};
use shared::sign_in::authentication::Caller;

/// The request.
struct Change {
    mode: Mode,
    reason: Reason,
}

impl FromFields for Change {
    type Rules = ();

    fn read(fields: &mut Fields, _rules: &()) -> Option<Self> {
        let mode = fields.required("mode");
        let reason = fields.required("reason");
        Some(Self {
            mode: mode?,
            reason: reason?,
        })
    }
}

/// The answer.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct Answer {
    mode: &'static str,
    message: &'static str,
}

/// Builds the endpoint.
#[expect(clippy::unused_async, reason = "all endpoints are built alike")]
pub async fn endpoint(environment: &Environment) -> Result<Endpoint, StartError> {
    let (keys, authenticator) = (environment.key_changes(), environment.authenticator());
    Ok(Endpoint::admin(
        &routes::ADMIN_ROTATE_SIGNING_KEYS,
        handler,
        keys,
        &authenticator,
    ))
}

/// What it takes and answers.
#[must_use]
pub fn operation() -> Operation {
    Operation::of(&routes::ADMIN_ROTATE_SIGNING_KEYS, "Replace the signing keys").explained("Publishes a new signing key and, after a lead time, signs with it. With the mode `compromised` the old public keys are dropped, so everything that they signed is refused.")
        .body::<Change>()
        .answers::<Answer>(StatusCode::ACCEPTED, "The rotation has begun, or is done.")
        .refuses(&[Code::Conflict])
}

async fn handler(
    State(keys): State<KeyChanges>,
    Meta(meta): Meta,
    caller: Caller,
    Body(Change { mode, reason }): Body<Change>,
) -> Result<(StatusCode, Json<Answer>), Problem> {
    let actor = Actor::Admin(caller.user.id, caller.session.id);
    Box::pin(keys.replace(&meta, actor, mode, &reason)).await?;
    let message = match mode {
        Mode::Routine => {
            "The rotation has begun. The new key is published first and signs a little later; tokens stay good."
        }
        Mode::Compromised => {
            "Everything that was signed until now is refused. New logins get tokens of a new key."
        }
    };
    Ok((
        StatusCode::ACCEPTED,
        Json(Answer {
            mode: mode.name(),
            message,
        }),
    ))
}
