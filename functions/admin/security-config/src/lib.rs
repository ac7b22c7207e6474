//! GET `/api/v1/admin/security-config`: the version level, the keys, and the last global rotation, as they are now.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use shared::description::Operation;
use shared::domain::{Timestamp, UserId};
use shared::http::Endpoint;
use shared::http::problem::Problem;
use shared::routes;
use shared::runtime::environment::{Environment, StartError};
use shared::sign_in::authentication::Caller;
use shared::store::{LastRotation, Store};
use shared::tokens::{DataKeyInfo, KeyState, SecurityRecord};

/// The answer.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct Answer {
    /// The version that new tokens carry; older ones are refused, at the latest after the grace period.
    global_min_token_version: u64,
    #[serde(serialize_with = "Timestamp::rfc3339")]
    #[schemars(schema_with = "shared::domain::schema::timestamp")]
    effective_at: Timestamp,
    /// The keys that sign access tokens.
    signing_keys: Vec<SigningKeyView>,
    /// The keys that encrypt stored data.
    data_keys: Vec<DataKeyView>,
    /// The last revocation of everybody's tokens.
    last_rotation: Option<RotationView>,
}

/// A signing key.
#[derive(Serialize, JsonSchema)]
struct SigningKeyView {
    /// The name of the key, as in the header of tokens.
    kid: String,
    state: KeyState,
    #[serde(serialize_with = "Timestamp::rfc3339")]
    #[schemars(schema_with = "shared::domain::schema::timestamp")]
    created_at: Timestamp,
}

/// A key for stored data.
#[derive(Serialize, JsonSchema)]
struct DataKeyView {
    /// The number of the key.
    version: u32,
    /// The newest encrypts; the others open what they encrypted.
    state: KeyState,
    #[serde(serialize_with = "Timestamp::rfc3339")]
    #[schemars(schema_with = "shared::domain::schema::timestamp")]
    created_at: Timestamp,
}

/// A revocation of everybody's tokens.
#[derive(Serialize, JsonSchema)]
struct RotationView {
    /// The reason that was given.
    reason: String,
    /// The version before.
    previous_version: u64,
    /// The version after.
    new_version: u64,
    #[serde(serialize_with = "Timestamp::rfc3339")]
    #[schemars(schema_with = "shared::domain::schema::timestamp")]
    effective_at: Timestamp,
    /// For how long older tokens were accepted.
    grace_period_seconds: u64,
    /// The admin; null for the operator.
    rotated_by: Option<UserId>,
}

/// Builds the endpoint.
#[expect(clippy::unused_async, reason = "all endpoints are built alike")]
pub async fn endpoint(environment: &Environment) -> Result<Endpoint, StartError> {
    let authenticator = environment.authenticator();
    Ok(Endpoint::admin(
        &routes::ADMIN_SECURITY_CONFIG,
        handler,
        environment.store(),
        &authenticator,
    ))
}

/// What it takes and answers.
#[must_use]
pub fn operation() -> Operation {
    Operation::of(&routes::ADMIN_SECURITY_CONFIG, "Get versions and keys")
        .explained("Returns the global token version, the signing and data keys, and the last global revocation.")
        .answers::<Answer>(StatusCode::OK, "The version level, the keys and the last global rotation.")
}

async fn handler(State(store): State<Store>, caller: Caller) -> Result<Json<Answer>, Problem> {
    let (last, data) = (store.last_rotation().await?, store.data_keys().await?);
    let (security, now) = (&caller.security, caller.liveness.now);
    Ok(Json(Answer {
        global_min_token_version: security.level().least(now),
        effective_at: security.effective_at,
        signing_keys: signing_keys(security, now),
        data_keys: data_keys(data),
        last_rotation: last.map(rotation),
    }))
}

fn signing_keys(security: &SecurityRecord, now: Timestamp) -> Vec<SigningKeyView> {
    let view = |(key, state): (&shared::tokens::PublicKey, KeyState)| SigningKeyView {
        kid: key.kid.clone(),
        state,
        created_at: key.created_at,
    };
    security.keys_at(now).map(view).collect()
}

fn data_keys(infos: Vec<DataKeyInfo>) -> Vec<DataKeyView> {
    let newest = infos.last().map(|info| info.version);
    let state = |version| {
        if Some(version) == newest {
            KeyState::Active
        } else {
            KeyState::Retiring
        }
    };
    let view = |DataKeyInfo {
                    version,
                    created_at,
                }| DataKeyView {
        version,
        state: state(version),
        created_at,
    };
    infos.into_iter().map(view).collect()
}

fn rotation(last: LastRotation) -> RotationView {
    let LastRotation {
        reason,
        previous_version,
        new_version,
        effective_at,
        grace_period_seconds,
        rotated_by,
    } = last;
    RotationView {
        reason,
        previous_version,
        new_version,
        effective_at,
        grace_period_seconds,
        rotated_by,
    }
}
