//! The runbook: `docs/runbooks/breach.md`, the part about everything, step by step and through the same doors.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::desk::Desk;
use crate::drill::cast::{Cast, Tokens, why};
use crate::drill::check::Step;
use crate::drill::client::Connection;
use crate::drill::probes::Probes;
use crate::drill::safety::Service;
use crate::drill::timeline::{Call, Timeline};
use crate::failure::Failure;
use crate::keys;

/// How long a rotation of the data ring may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between the two calls an operator reads the first answer; so long the tokens of the new key are shown.
const BREATH: Duration = Duration::from_millis(500);

/// Answers the breach; the steps as they went.
///
/// # Errors
/// A step without which the rest makes no sense was refused.
pub async fn respond(
    desk: &Desk,
    service: &Service,
    cast: &Cast,
    timeline: &Timeline,
    probes: &mut Probes,
) -> Result<Vec<Step>, Failure> {
    let mut connection = Connection::to(service.address);
    let mut steps = Vec::new();

    let first = cast.admin.log_in(&mut connection).await?;
    probes.bearer(
        "access token of the admin who responds",
        Call::Keys,
        std::slice::from_ref(&first.access),
    );
    tokio::time::sleep(BREATH).await;
    steps.push(drop_signing_keys(&mut connection, &first, timeline).await?);

    // The admin's own token was signed by a dropped key.
    let second = cast.admin.log_in(&mut connection).await?;
    let renewed = refreshed(&mut connection, cast).await?;
    probes.bearer(
        "access token by the new key, of a session from before",
        Call::Tokens,
        &renewed,
    );
    tokio::time::sleep(BREATH).await;
    // Its mail may well come only when everybody has been rotated; what it holds must be dead all the same.
    cast.late().ask_for_reset(&mut connection).await?;
    steps.push(rotate_everybody(&mut connection, &second, timeline).await?);

    steps.push(rotate_data_ring(desk).await?);

    let third = cast.admin.log_in(&mut connection).await?;
    steps.push(look(&mut connection, &third).await?);
    Ok(steps)
}

async fn drop_signing_keys(
    connection: &mut Connection,
    admin: &Tokens,
    timeline: &Timeline,
) -> Result<Step, Failure> {
    let body = json!({ "mode": "compromised", "reason": why()?.as_str() });
    let begun = Instant::now();
    let reply = connection
        .post(
            "/api/v1/admin/signing-keys/rotations",
            Some(&admin.access),
            &body,
        )
        .await?;
    timeline.mark(Call::Keys);
    reply.json(202)?;
    Ok(Step::done(
        Call::Keys.name(),
        begun.elapsed(),
        "answered 202".to_owned(),
    ))
}

/// What users' applications do when their access token is refused: sessions live on until everybody is rotated, and a
/// refresh gives a token by the new key.
async fn refreshed(connection: &mut Connection, cast: &Cast) -> Result<Vec<String>, Failure> {
    let mut tokens = Vec::new();
    for session in cast
        .users
        .iter()
        .filter_map(|(_, _, sessions)| sessions.get(2))
    {
        let body = json!({ "refresh_token": session.refresh });
        let reply = connection.post("/api/v1/auth/refresh", None, &body).await?;
        tokens.push(Tokens::read(&reply.json(200)?)?.access);
    }
    Ok(tokens)
}

async fn rotate_everybody(
    connection: &mut Connection,
    admin: &Tokens,
    timeline: &Timeline,
) -> Result<Step, Failure> {
    let body = json!({ "scope": "global", "reason": why()?.as_str(), "grace_period_seconds": 0 });
    let begun = Instant::now();
    let reply = connection
        .post("/api/v1/admin/token-rotations", Some(&admin.access), &body)
        .await?;
    timeline.mark(Call::Tokens);
    let took = begun.elapsed();
    let answer = reply.json(200)?;
    let version = |name: &str| answer.get(name).and_then(Value::as_u64).unwrap_or_default();
    let versions = format!(
        "version {} -> {}",
        version("previous_version"),
        version("new_version")
    );
    Ok(Step::done(Call::Tokens.name(), took, versions))
}

/// Without it the rest of the response still stands, so its failure is a line of the report.
async fn rotate_data_ring(desk: &Desk) -> Result<Step, Failure> {
    let begun = Instant::now();
    let rotated = keys::rotate_data(desk, &why()?, PATIENCE).await;
    Ok(match rotated {
        Ok(()) => Step::done(
            Step::DATA_RING,
            begun.elapsed(),
            "a new key encrypts".to_owned(),
        ),
        Err(failure) => Step::failed(Step::DATA_RING, begun.elapsed(), failure.what),
    })
}

async fn look(connection: &mut Connection, admin: &Tokens) -> Result<Step, Failure> {
    let begun = Instant::now();
    let config = connection
        .get("/api/v1/admin/security-config", Some(&admin.access))
        .await?
        .json(200)?;
    let took = begun.elapsed();
    let keys = config
        .get("signing_keys")
        .and_then(Value::as_array)
        .map(Vec::len)
        .unwrap_or_default();
    let least = config
        .get("global_min_token_version")
        .and_then(Value::as_u64)
        .unwrap_or_default();
    let seen = format!("{keys} signing key, least version {least}");
    let name = "look at the security configuration";
    Ok(if keys == 1 {
        Step::done(name, took, seen)
    } else {
        Step::failed(name, took, seen)
    })
}
