//! Examples, put together from those of the parts of a schema.
//!
//! They tell one story, so that no two of them contradict each other: Ada has had an account since 12 January 2026, and
//! signed in on 31 January.

use serde_json::{Map, Value, json};

use crate::http::ErrorEntry;
use crate::http::problem::Code;

/// An identifier where the schema has none of its own.
const ID: &str = "5d0e3c1a-92b7-4f6e-8a41-7c2d9b6e0f35";
const SESSION: &str = "7c9e6679-7425-40de-944b-e07fc1f90ae7";
const REGISTERED: &str = "2026-01-12T08:15:00.000Z";
const SIGNED_IN: &str = "2026-01-31T09:30:00.000Z";
const NOW: &str = "2026-01-31T10:05:00.000Z";
const SESSION_END: &str = "2026-03-02T09:30:00.000Z";
const ISSUER: &str = "https://auth.example.com";

/// Gives each member of the schema `name` its example.
pub(super) fn fill(name: &str, mut schema: Value) -> Value {
    if let (Some(whole), Some(schema)) = (whole(name), schema.as_object_mut()) {
        schema.insert("examples".to_owned(), json!([whole]));
    }
    for (member, schema) in schema
        .get_mut("properties")
        .and_then(Value::as_object_mut)
        .into_iter()
        .flatten()
    {
        let sample = sample(name, member).or_else(|| shared_sample(member));
        if let (Some(sample), Some(schema)) = (
            sample,
            schema
                .as_object_mut()
                .filter(|schema| !schema.contains_key("$ref")),
        ) {
            schema.insert("examples".to_owned(), json!([sample]));
        }
    }
    schema
}

/// An answer that the code itself makes.
fn whole(schema: &str) -> Option<Value> {
    if schema != "ErrorExplanation" {
        return None;
    }
    serde_json::to_value(ErrorEntry::new(Code::RateLimited)).ok()
}

/// A member that means something else in one schema than in the others.
fn sample(schema: &str, member: &str) -> Option<Value> {
    Some(match (schema, member) {
        ("SessionView", "id") => json!(SESSION),
        ("SessionView", "created_at") => json!(SIGNED_IN),
        ("RevokedSessions", "message") => json!("The session has ended."),
        ("AuditRecord", "method") => json!("POST"),
        ("HealthStatus", "status") => json!("ok"),
        ("AdminRotateSigningKeysAnswer", "message") => {
            json!("The new key is published and signs soon.")
        }
        ("AdminRotateSigningKeysAnswer", "mode") => json!("routine"),
        ("DataKeyView", "version") => json!(1),
        ("RotationView", "reason") => json!("A laptop with the account's tokens was stolen."),
        _ => return None,
    })
}

fn shared_sample(member: &str) -> Option<Value> {
    Some(match member {
        "created_at" | "password_changed_at" => json!(REGISTERED),
        "last_login_at" | "occurred_at" => json!(SIGNED_IN),
        "last_activity_at" | "exported_at" | "effective_at" => json!(NOW),
        "expires_at" => json!(SESSION_END),
        "session_id" => json!(SESSION),
        "previous_version" => json!(3),
        "new_version" | "global_min_token_version" => json!(4),
        "total_count" | "revoked_count" => json!(1),
        "sessions_affected" => json!(2),
        "dry_run" => json!(false),
        "grace_period_seconds" | "failed_logins" => json!(0),
        "version" => json!(env!("CARGO_PKG_VERSION")),
        "known_devices"
        | "connections"
        | "response_types_supported"
        | "grant_types_supported"
        | "token_endpoint_auth_methods_supported" => json!([]),
        "known_countries" => json!(["CH"]),
        "reason" => Value::Null,
        "action" => json!("auth.login"),
        "outcome" => json!("success"),
        "endpoint" => json!("/api/v1/auth/login"),
        "ip_address" => json!("203.0.113.7"),
        "user_agent" => json!(
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0"
        ),
        "trace_id" => json!("4bf92f3577b34da6a3ce929d0e0e4736"),
        "fingerprint" => json!("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"),
        "subject_types_supported" => json!(["public"]),
        "id_token_signing_alg_values_supported" => json!(["ES256"]),
        "issuer" => json!(ISSUER),
        "jwks_uri" => json!(format!("{ISSUER}/.well-known/jwks.json")),
        // The key of RFC 7517 appendix A.1.
        "kty" => json!("EC"),
        "crv" => json!("P-256"),
        "alg" => json!("ES256"),
        "use" => json!("sig"),
        "kid" => json!("cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s"),
        "x" => json!("MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4"),
        "y" => json!("4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"),
        _ => return None,
    })
}

/// A value that `schema` allows. `definitions` are the schemas that it refers to, by name.
pub(super) fn of(schema: &Value, definitions: &Map<String, Value>) -> Value {
    if let Some(example) = schema
        .pointer("/examples/0")
        .or(schema.get("const"))
        .or(schema.get("default"))
    {
        return example.clone();
    }
    if let Some(name) = schema
        .get("$ref")
        .and_then(Value::as_str)
        .and_then(|target| target.rsplit('/').next())
    {
        return definitions
            .get(name)
            .map_or(Value::Null, |schema| of(schema, definitions));
    }
    let first = ["enum", "anyOf", "oneOf"]
        .iter()
        .find_map(|keyword| Some((*keyword, schema.get(keyword)?.get(0)?)));
    match first {
        Some(("enum", word)) => return word.clone(),
        Some((_, choice)) if schema.get("properties").is_none() => return of(choice, definitions),
        _ => {}
    }
    match schema
        .get("type")
        .and_then(|kind| kind.as_str().or_else(|| kind.get(0)?.as_str()))
    {
        Some("object") => {
            let properties = schema
                .get("properties")
                .and_then(Value::as_object)
                .into_iter()
                .flatten();
            Value::Object(
                properties
                    .map(|(name, schema)| (name.clone(), of(schema, definitions)))
                    .collect(),
            )
        }
        Some("array") => Value::Array(
            schema
                .get("items")
                .map(|items| of(items, definitions))
                .into_iter()
                .collect(),
        ),
        Some("boolean") => json!(true),
        Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or(json!(1)),
        Some("string") if schema.get("format").is_some_and(|format| format == "uuid") => json!(ID),
        Some("string") => json!("text"),
        _ => Value::Null,
    }
}
