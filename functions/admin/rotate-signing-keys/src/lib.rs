//! POST `/api/v1/admin/signing-keys/rotations`: replaces the signing keys. On `routine` what they signed stays good, after
//! `compromised` it is refused everywhere.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use shared::config::Rule;
use shared::domain::Reason;
use shared::environment::{Environment, StartError};
use shared::http::{Caller, Endpoint, FieldFault, Fields, Meta, Problem};
use shared::key_changes::{KeyChanges, Mode};
use shared::limits::Limiter;
use shared::rotations::Actor;
use shared::routes;

/// What the handler uses.
#[derive(Clone)]
struct Deps {
    keys: KeyChanges,
    limiter: Limiter,
}

/// The answer.
#[derive(Serialize)]
struct Answer {
    mode: &'static str,
    message: &'static str,
}

/// Builds the endpoint.
///
/// # Errors
/// None now.
#[expect(clippy::unused_async, reason = "all endpoints are built alike")]
pub async fn endpoint(environment: &Environment) -> Result<Endpoint, StartError> {
    let deps = Deps { keys: environment.key_changes(), limiter: environment.limiter() };
    Ok(Endpoint::admin(&routes::ADMIN_ROTATE_SIGNING_KEYS, handler, deps, &environment.authenticator()))
}

async fn handler(
    State(deps): State<Deps>,
    Meta(meta): Meta,
    caller: Caller,
    fields: Fields,
) -> Result<(StatusCode, Json<Answer>), Problem> {
    let (mode, reason) = parse(fields)?;
    deps.limiter.admit_user(Rule::AdminRotations, &meta, caller.user.id).await?;
    let actor = Actor::Admin(caller.user.id, caller.session.id);
    Box::pin(deps.keys.replace(&meta, actor, mode, &reason)).await?;
    let message = match mode {
        Mode::Routine => {
            "The rotation has begun. The new key is published first and signs a little later; tokens stay good."
        }
        Mode::Compromised => "Everything that was signed until now is refused. New logins get tokens of a new key.",
    };
    Ok((StatusCode::ACCEPTED, Json(Answer { mode: mode.name(), message })))
}

fn parse(mut fields: Fields) -> Result<(Mode, Reason), Problem> {
    let mode = fields.required::<String>("mode");
    let reason = fields.required::<Reason>("reason");
    let mode = match mode.as_deref() {
        Some("routine") => Some(Mode::Routine),
        Some("compromised") => Some(Mode::Compromised),
        Some(_) => {
            fields.refuse("mode", FieldFault::new("invalid_value", "Must be `routine` or `compromised`."));
            None
        }
        None => None,
    };
    fields.complete(mode.zip(reason))
}
