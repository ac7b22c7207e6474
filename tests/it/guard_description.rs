//! The description of the interface is complete, up to date, and its examples are what it says. That it is true of the answers is
//! checked by the harness at every answer of every test.

use bundle_tests::{DESCRIPTION, TestApp, described, faults};
use serde_json::Value;
use shared::routes;

use crate::guard_project::{path, read};

const DOCUMENT: &str = "functions/service/openapi/src/openapi.json";

#[test]
fn the_document_is_what_the_functions_say() {
    let expected = format!("{:#}\n", *DESCRIPTION);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path(DOCUMENT), &expected).expect("the document is written");
    }
    let outdated = format!("{DOCUMENT} is outdated; write it anew: UPDATE_DOCS=1 cargo test -p bundle-tests guard_");
    assert!(read(DOCUMENT) == expected, "{outdated}");
}

#[tokio::test]
async fn anybody_may_read_the_document() {
    let app = TestApp::start().await;
    let answer = app.anonymous().get("/openapi.json").await;
    answer.assert(200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.text(), read(DOCUMENT));
    assert_eq!(answer.json()["openapi"], "3.1.1");
}

#[test]
fn every_route_is_described_and_in_the_same_order() {
    let described: Vec<_> =
        dashtam_local::endpoints::operations().iter().map(|operation| operation.route().function).collect();
    let listed: Vec<_> = routes::ALL.iter().map(|route| route.function).collect();
    assert_eq!(described, listed, "infra/local/src/endpoints.rs describes other functions than routes/ lists");
}

/// Every place of the document that holds a schema with an example beside it: `(where, schema, example)`.
fn examples<'a>(at: &str, value: &'a Value, found: &mut Vec<(String, &'a Value, &'a Value)>) {
    match value {
        Value::Object(members) => {
            if let (Some(schema), Some(example)) = (members.get("schema"), members.get("example")) {
                found.push((at.to_owned(), schema, example));
            }
            let in_schema = members.contains_key("type") || members.contains_key("enum");
            for example in members.get("examples").and_then(Value::as_array).into_iter().flatten().filter(|_| in_schema)
            {
                found.push((at.to_owned(), value, example));
            }
            for (name, member) in members.iter().filter(|(name, _)| *name != "example") {
                examples(&format!("{at}/{name}"), member, found);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                examples(&format!("{at}/{index}"), item, found);
            }
        }
        _ => {}
    }
}

#[test]
fn every_example_is_valid() {
    let mut found = Vec::new();
    examples("", &DESCRIPTION, &mut found);
    assert!(found.len() > 100, "the guard finds only {} examples", found.len());
    for (at, schema, example) in found {
        let faults = faults(&format!("example {at}"), schema, example);
        assert!(faults.is_empty(), "{at}: {faults:?}: {example}");
    }
    let problems = described(&["components", "examples"]).and_then(Value::as_object).expect("examples");
    let schema = described(&["components", "schemas", "Problem"]).expect("a schema");
    for (code, example) in problems {
        assert!(faults("problem", schema, &example["value"]).is_empty(), "{code}");
    }
}

/// Every text under the name `key`, anywhere below.
fn texts<'a>(key: &str, value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get(key).and_then(Value::as_str));
            members.values().for_each(|member| texts(key, member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| texts(key, item, found)),
        _ => {}
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let (mut references, mut operations) = (Vec::new(), Vec::new());
    texts("$ref", &DESCRIPTION, &mut references);
    texts("operationId", &DESCRIPTION, &mut operations);
    assert!(references.len() > 100 && operations.len() > routes::ALL.len());
    for reference in references {
        assert!(DESCRIPTION.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
    }
    for operation in operations {
        assert!(routes::ALL.iter().any(|route| route.function == operation), "{operation}");
    }
}

#[test]
fn every_text_number_and_list_of_a_request_is_limited() {
    for route in routes::ALL {
        let method = route.method.as_str().to_ascii_lowercase();
        let operation = described(&["paths", route.path, &method]).expect("described");
        let body = operation.pointer("/requestBody/content/application~1json/schema/properties");
        let members = body.and_then(Value::as_object).into_iter().flatten();
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let parameters = parameters.map(|parameter| (parameter["name"].as_str().unwrap_or("?"), &parameter["schema"]));
        for (name, schema) in members.map(|(name, schema)| (name.as_str(), schema)).chain(parameters) {
            let has = |keyword| schema.get(keyword).is_some();
            let limited = match schema["type"].as_str() {
                Some("string") => {
                    has("maxLength") || has("enum") || schema["format"] == "uuid" || schema["format"] == "date-time"
                }
                Some("integer") => has("minimum") && has("maximum"),
                Some("boolean") => true,
                _ => false,
            };
            assert!(limited, "{} takes {name} without a limit: {schema}", route.function);
        }
    }
}
