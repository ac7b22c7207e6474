//! The running service: does it answer under its own name, and say what the settings and the tables say?

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;
use shared::routes;

use super::{Check, Patient};

/// So long an answer is waited for; a function may have to start first.
const PATIENCE: Duration = Duration::from_secs(15);

/// Looks at metadata, keys and health.
pub(super) async fn check(patient: &Patient<'_>) -> Vec<Check> {
    let config = patient.desk.environment.config();
    let (base, issuer) = (&config.mail.app_base_url, &config.tokens.issuer);
    let client = match reqwest::Client::builder().timeout(PATIENCE).build() {
        Ok(client) => client,
        Err(error) => {
            return vec![Check::failed(
                "service",
                error.to_string(),
                "Build the command anew.",
            )];
        }
    };
    let health = format!("{base}{}", routes::SERVICE_HEALTH.path);
    let metadata = format!("{issuer}{}", routes::WELL_KNOWN_AUTHORIZATION_SERVER.path);
    let jwks = format!("{issuer}{}", routes::WELL_KNOWN_JWKS.path);
    vec![
        get(&client, &health).await.map_or_else(
            |why| unreached("service", &health, &why, "APP_BASE_URL"),
            |document| version(&document),
        ),
        get(&client, &metadata).await.map_or_else(
            |why| unreached("issuer", &metadata, &why, "ISSUER"),
            |document| names_itself(issuer, &jwks, &document),
        ),
        match get(&client, &jwks).await {
            Ok(document) => published(patient, &document).await,
            Err(why) => unreached("published keys", &jwks, &why, "ISSUER"),
        },
    ]
}

async fn get(client: &reqwest::Client, url: &str) -> Result<Value, String> {
    let text = |error: reqwest::Error| shared::ground::error_chain(&error.without_url());
    let answer = client.get(url).send().await.map_err(text)?;
    if !answer.status().is_success() {
        return Err(format!("answered {}", answer.status().as_u16()));
    }
    let body = answer.bytes().await.map_err(text)?;
    serde_json::from_slice(&body).map_err(|_| "answered no JSON".to_owned())
}

fn unreached(name: &str, url: &str, why: &str, setting: &str) -> Check {
    let fix = format!(
        "See that the service is up, and that DASHTAM_{setting} is the URL under which clients reach it."
    );
    Check::failed(name, format!("{url}: {why}"), fix)
}

fn version(health: &Value) -> Check {
    const OWN: &str = env!("CARGO_PKG_VERSION");
    match health.get("version").and_then(Value::as_str) {
        Some(OWN) => Check::ok("service", format!("answers, version {OWN}")),
        other => Check::warning(
            "service",
            format!(
                "answers as version {}, this command is {OWN}",
                other.unwrap_or("unknown")
            ),
            "Use the command of the version that is deployed: tables and keys may have another form.",
        ),
    }
}

fn names_itself(issuer: &str, jwks: &str, metadata: &Value) -> Check {
    let member = |name| metadata.get(name).and_then(Value::as_str).unwrap_or("none");
    if (member("issuer"), member("jwks_uri")) == (issuer, jwks) {
        return Check::ok("issuer", format!("{issuer}, as the service says of itself"));
    }
    let fix = "The functions run with another DASHTAM_ISSUER than these settings. Give this command the functions' settings, or deploy again; a changed issuer ends all access tokens.";
    Check::failed(
        "issuer",
        format!(
            "{issuer} calls itself {}, keys at {}",
            member("issuer"),
            member("jwks_uri")
        ),
        fix,
    )
}

async fn published(patient: &Patient<'_>, jwks: &Value) -> Check {
    const NAME: &str = "published keys";
    let keys = jwks.get("keys").and_then(Value::as_array);
    let told: BTreeSet<_> = keys
        .into_iter()
        .flatten()
        .filter_map(|key| key.get("kid")?.as_str())
        .map(str::to_owned)
        .collect();
    let record = match patient.desk.store.security().await {
        Ok(record) => record,
        Err(error) => {
            let chain = shared::ground::error_chain(&error);
            return Check::unseen(NAME, &chain, "dynamodb:GetItem on the table security");
        }
    };
    let now = patient.desk.store.now();
    let known: BTreeSet<_> = record
        .iter()
        .flat_map(|record| {
            record
                .keys_at(now)
                .map(|(key, _)| key.kid.clone())
                .collect::<Vec<_>>()
        })
        .collect();
    if !known.is_empty() && told == known {
        return Check::ok(NAME, format!("{} keys, those of the table", told.len()));
    }
    let fix = "The service under this URL works on other tables than these settings: see DASHTAM_ISSUER and DASHTAM_TABLE_PREFIX. Right behind a rotation, look again.";
    Check::failed(
        NAME,
        "the keys that the service publishes are not those of the table",
        fix,
    )
}
