//! GET `/.well-known/jwks.json`: every public key that may verify, listed before it first signs (RFC 7517 section 5).

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use shared::description::Operation;
use shared::http::Endpoint;
use shared::http::problem::{Code, Problem};
use shared::routes;
use shared::runtime::environment::{Environment, StartError};
use shared::store::Store;
use shared::tokens::PublicKey;

/// A key set (RFC 7517 section 5).
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "JsonWebKeySet")]
struct KeySet {
    keys: Vec<Key>,
}

/// A key (RFC 7518 section 6.2.1); only public members exist.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "JsonWebKey")]
struct Key {
    kty: &'static str,
    crv: &'static str,
    alg: &'static str,
    r#use: &'static str,
    kid: String,
    x: String,
    y: String,
}

/// Builds the endpoint.
#[expect(clippy::unused_async, reason = "all endpoints are built alike")]
pub async fn endpoint(environment: &Environment) -> Result<Endpoint, StartError> {
    Ok(Endpoint::open(
        &routes::WELL_KNOWN_JWKS,
        handler,
        environment.store(),
    ))
}

/// What it takes and answers.
#[must_use]
pub fn operation() -> Operation {
    Operation::of(&routes::WELL_KNOWN_JWKS, "Get the public keys")
        .explained("Returns every key that may verify an access token (RFC 7517), each before it first signs.")
        .answers::<KeySet>(StatusCode::OK, "Every key that may verify an access token (RFC 7517).")
}

async fn handler(State(store): State<Store>) -> Result<Json<KeySet>, Problem> {
    let security = store.security().await?;
    let being_made = || {
        let problem = Problem::new(Code::ServiceUnavailable).retry_after(Duration::from_secs(1));
        problem.detail("The keys are being made. Try again.")
    };
    let security = security.ok_or_else(being_made)?;
    let keys = security
        .keys_at(store.now())
        .map(|(known, _)| key(known))
        .collect();
    Ok(Json(KeySet { keys }))
}

fn key(PublicKey { kid, x, y, .. }: &PublicKey) -> Key {
    let [kid, x, y] = [kid, x, y].map(Clone::clone);
    Key {
        kty: "EC",
        crv: "P-256",
        alg: "ES256",
        r#use: "sig",
        kid,
        x,
        y,
    }
}
