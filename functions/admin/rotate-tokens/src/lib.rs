//! POST `/api/v1/admin/token-rotations`: makes every token of a user, or of everybody, worthless; at once, or after a grace.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use shared::domain::{Reason, UserId};
use shared::environment::{Environment, StartError};
use shared::http::{Caller, Endpoint, FieldFault, Fields, Meta, Problem, Whole};
use shared::rotations::{Actor, Rotated, Rotation, Rotations, Scope};
use shared::routes;

/// Builds the endpoint.
///
/// # Errors
/// None now.
#[expect(clippy::unused_async, reason = "all endpoints are built alike")]
pub async fn endpoint(environment: &Environment) -> Result<Endpoint, StartError> {
    let authenticator = environment.authenticator();
    Ok(Endpoint::admin(&routes::ADMIN_ROTATE_TOKENS, handler, environment.rotations(), &authenticator))
}

async fn handler(
    State(rotations): State<Rotations>,
    Meta(meta): Meta,
    caller: Caller,
    fields: Fields,
) -> Result<Json<Rotated>, Problem> {
    let rotation = parse(fields)?;
    rotations.admit(&meta, &caller).await?;
    let actor = Actor::Admin(caller.user.id, caller.session.id);
    Ok(Json(rotations.rotate(&meta, actor, &rotation).await?))
}

fn parse(mut fields: Fields) -> Result<Rotation, Problem> {
    let asks_user = fields.has("user_id");
    let scope = fields.required::<String>("scope");
    let user = fields.optional::<UserId>("user_id");
    let reason = fields.required::<Reason>("reason");
    let grace = fields.optional("grace_period_seconds").unwrap_or(Whole::<0, 3_600>(0));
    let dry_run = fields.optional("dry_run").unwrap_or(false);
    let scope = match (scope.as_deref(), user) {
        (Some("user"), Some(user)) => Some(Scope::User(user)),
        (Some("global"), None) if !asks_user => Some(Scope::Global),
        (Some("user"), None) if !asks_user => {
            fields.refuse("user_id", FieldFault::new("required", "Must be given with the scope `user`."));
            None
        }
        (Some("global"), _) => {
            fields.refuse("user_id", FieldFault::new("unknown_member", "Must not be given with the scope `global`."));
            None
        }
        (Some("user") | None, _) => None,
        (Some(_), _) => {
            fields.refuse("scope", FieldFault::new("invalid_value", "Must be `user` or `global`."));
            None
        }
    };
    let (scope, reason) = fields.complete(scope.zip(reason))?;
    Ok(Rotation { scope, reason, grace: Duration::from_secs(grace.0), dry_run })
}
