//! Holds what the service takes and answers to its own description.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use http::Method;
use jsonschema::Validator;
use serde_json::{Value, json};
use shared::routes::{self, Route};

use crate::client::Answer;

/// The description, made of the functions as they are now.
pub static DESCRIPTION: LazyLock<Value> =
    LazyLock::new(|| shared::description::document(&dashtam_local::endpoints::operations()));

/// The description as the tests hold answers to it. What is served lets answers have further members, so that the client of
/// today reads the answers of tomorrow; a test must not miss a member without a description.
static STRICT: LazyLock<Value> = LazyLock::new(|| {
    let mut strict = DESCRIPTION.clone();
    for part in ["schemas", "responses"] {
        close(&mut strict["components"][part]);
    }
    close(&mut strict["paths"]);
    strict
});

fn close(value: &mut Value) {
    match value {
        Value::Object(members) => {
            if members.get("properties").is_some_and(Value::is_object)
                && members.contains_key("type")
            {
                members
                    .entry("additionalProperties")
                    .or_insert(json!(false));
            }
            // The pattern would make a client refuse a login whose times have another form.
            if members
                .get("format")
                .is_some_and(|format| format == "date-time")
            {
                members.insert("pattern".to_owned(), json!("Z$"));
            }
            let is_schema =
                |name: &str| !matches!(name, "parameters" | "requestBody" | "example" | "examples");
            members
                .iter_mut()
                .filter(|(name, _)| is_schema(name))
                .for_each(|(_, member)| close(member));
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

static VALIDATORS: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);

/// What the description says of the place that the keys lead to, references followed.
#[must_use]
pub fn described(keys: &[&str]) -> Option<&'static Value> {
    let mut at: &Value = &STRICT;
    for key in keys {
        at = follow(at.get(key)?)?;
    }
    Some(at)
}

fn follow(value: &'static Value) -> Option<&'static Value> {
    match value.get("$ref").and_then(Value::as_str) {
        Some(target) => STRICT.pointer(target.trim_start_matches('#')),
        None => Some(value),
    }
}

/// Why `value` is none that `schema` takes, its formats included; empty if it is one. `key` names the schema.
#[must_use]
pub fn faults(key: &str, schema: &Value, value: &Value) -> Vec<String> {
    check(key, schema, value, true)
}

fn check(key: &str, schema: &Value, value: &Value, formats: bool) -> Vec<String> {
    let make = || {
        // What the schema refers to stands in the same place as in the description.
        let whole = json!({ "allOf": [schema], "components": STRICT["components"] });
        let options = jsonschema::options().should_validate_formats(formats);
        Arc::new(options.build(&whole).expect("a schema"))
    };
    let validator = {
        let mut all = VALIDATORS.lock().expect("no panic");
        Arc::clone(all.entry(key.to_owned()).or_insert_with(make))
    };
    validator
        .iter_errors(value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

fn route_of(method: &Method, path: &str) -> Option<&'static Route> {
    let answering = || {
        routes::ALL
            .into_iter()
            .filter(|route| route.answers(method))
    };
    answering()
        .find(|route| route.path == path)
        .or_else(|| answering().find(|route| route.matches(path)))
}

fn operation(route: &Route) -> &'static Value {
    let method = route.method.as_str().to_ascii_lowercase();
    described(&["paths", route.path, &method]).expect("every route is described")
}

/// Fails unless the answer is one that the description promises: status, headers, content type and body.
#[track_caller]
pub(crate) fn assert_promised(method: &Method, path: &str, answer: &Answer) {
    let Some(route) = route_of(method, path) else {
        return;
    };
    let status = answer.status.as_str();
    let what = format!("{method} {path} answered {status} {}", answer.text());
    let response = operation(route)["responses"].get(status).and_then(follow);
    let response =
        response.unwrap_or_else(|| panic!("openapi.json promises no such status: {what}"));
    for (name, header) in response["headers"].as_object().expect("headers") {
        let header = follow(header).expect("a header");
        assert!(
            header["required"] != true || answer.header(name).is_some(),
            "{name} is missing: {what}"
        );
    }
    let kind = answer
        .header("content-type")
        .and_then(|sent| sent.split(';').next())
        .unwrap_or_default();
    let content = &response["content"][kind];
    assert!(
        content.is_object(),
        "openapi.json promises no such content type: {what}"
    );
    if method != Method::HEAD && kind.ends_with("json") {
        let key = format!("{} {status}", route.function);
        let found = faults(&key, &content["schema"], &answer.json());
        assert!(
            found.is_empty(),
            "another body than openapi.json promises: {found:?}: {what}"
        );
        assert!(
            !kind.contains("problem") || answer.json()["status"] == answer.status.as_u16(),
            "another status: {what}"
        );
    }
}

/// Fails if the service did what it was asked by a body that the description rules out.
#[track_caller]
pub(crate) fn assert_asked_for(method: &Method, path: &str, body: &Value, answer: &Answer) {
    let Some(route) = route_of(method, path).filter(|_| answer.status.is_success()) else {
        return;
    };
    let schema = operation(route)
        .pointer("/requestBody/content/application~1json/schema")
        .and_then(follow);
    let Some(schema) = schema else { return };
    // The format of a request is a hint for those who make one (JSON Schema 2020-12, validation, section 7.2.1): an address
    // may also have letters of other scripts, which `email` has not.
    let found = check(&format!("{} body", route.function), schema, body, false);
    assert!(
        found.is_empty(),
        "openapi.json rules out what {method} {path} took: {found:?}: {body}"
    );
}
