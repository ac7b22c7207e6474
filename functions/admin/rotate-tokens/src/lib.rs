//! POST `/api/v1/admin/token-rotations`: makes every token of a user, or of everybody, worthless; at once, or after a grace.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};
use shared::audit_event::Actor;
use shared::breach::token_rotation::{Rotated, Rotation, Rotations, Scope};
use shared::description::Operation;
use shared::domain::{FieldCode, Reason, UserId};
use shared::http::problem::{Code, Problem};
use shared::http::{Body, Choice, Endpoint, Field, FieldFault, Fields, FromFields, Meta, Whole};
use shared::routes;
use shared::runtime::environment::{Environment, StartError};
use shared::sign_in::authentication::Caller;

/// The request.
struct Request(Rotation);

#[derive(Clone, Copy)]
enum Whose {
    OneUser,
    Everybody,
}

impl Choice for Whose {
    const WORDS: &'static [(&'static str, Self)] =
        &[("user", Self::OneUser), ("global", Self::Everybody)];
    const MEANING: &'static str =
        "Whose tokens: those of the user whom `user_id` names, or everybody's.";
}

/// For how long old tokens stay good.
struct Grace(Whole<0, 3_600>);

impl Field for Grace {
    fn parse(text: String) -> Result<Self, FieldFault> {
        Whole::parse(text).map(Self)
    }

    fn parse_json(value: Value) -> Result<Self, FieldFault> {
        Whole::parse_json(value).map(Self)
    }

    fn schema() -> Value {
        let description = "For how many seconds the old tokens stay good.";
        json!({ "type": "integer", "minimum": 0, "maximum": 3600, "default": 0, "description": description })
    }
}

/// Whether it is only tried.
struct DryRun(bool);

impl Field for DryRun {
    fn parse(text: String) -> Result<Self, FieldFault> {
        bool::parse(text).map(Self)
    }

    fn parse_json(value: Value) -> Result<Self, FieldFault> {
        bool::parse_json(value).map(Self)
    }

    fn schema() -> Value {
        json!({ "type": "boolean", "default": false, "description": "Say what would be done, and do nothing." })
    }
}

impl FromFields for Request {
    type Rules = ();

    fn read(fields: &mut Fields, _rules: &()) -> Option<Self> {
        let names_user = fields.has("user_id");
        let whose = fields.required::<Whose>("scope");
        let user = fields.optional::<UserId>("user_id");
        let reason = fields.required::<Reason>("reason");
        let grace = fields
            .optional("grace_period_seconds")
            .unwrap_or(Grace(Whole(0)));
        let DryRun(dry_run) = fields.optional("dry_run").unwrap_or(DryRun(false));
        fields.rule(|| {
            let is_one = json!({ "properties": { "scope": { "const": "user" } } });
            json!({ "if": is_one, "then": { "required": ["user_id"] }, "else": { "properties": { "user_id": false } } })
        });
        let scope = match whose? {
            Whose::OneUser if !names_user => {
                fields.refuse(
                    "user_id",
                    FieldFault::new(FieldCode::Required, "Must be given with the scope `user`."),
                );
                None
            }
            Whose::OneUser => user.map(Scope::User),
            Whose::Everybody if names_user => {
                let fault = FieldFault::new(
                    FieldCode::UnknownMember,
                    "Must not be given with the scope `global`.",
                );
                fields.refuse("user_id", fault);
                None
            }
            Whose::Everybody => Some(Scope::Global),
        };
        Some(Self(Rotation {
            scope: scope?,
            reason: reason?,
            grace: Duration::from_secs(grace.0.0),
            dry_run,
        }))
    }
}

/// Builds the endpoint.
#[expect(clippy::unused_async, reason = "all endpoints are built alike")]
pub async fn endpoint(environment: &Environment) -> Result<Endpoint, StartError> {
    let authenticator = environment.authenticator();
    Ok(Endpoint::admin(
        &routes::ADMIN_ROTATE_TOKENS,
        handler,
        environment.rotations(),
        &authenticator,
    ))
}

/// What it takes and answers.
#[must_use]
pub fn operation() -> Operation {
    Operation::of(&routes::ADMIN_ROTATE_TOKENS, "Revoke tokens").explained("Revokes every token of one user or of everybody, at once or after a grace period. A dry run only reports what would happen.")
        .body::<Request>()
        .answers::<Rotated>(StatusCode::OK, "What was done, or would be.")
        .refuses(&[Code::NotFound, Code::Conflict])
}

async fn handler(
    State(rotations): State<Rotations>,
    Meta(meta): Meta,
    caller: Caller,
    Body(Request(rotation)): Body<Request>,
) -> Result<Json<Rotated>, Problem> {
    let actor = Actor::Admin(caller.user.id, caller.session.id);
    Ok(Json(rotations.rotate(&meta, actor, &rotation).await?))
}
