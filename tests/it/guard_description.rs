//! The description of the interface is complete, up to date, and its examples are what it says. That it is true of the answers is
//! checked by the harness at every answer of every test.

use bundle_tests::{DESCRIPTION, TestApp, described, faults};
use serde_json::{Value, json};
use shared::routes;

use crate::guard_project::{path, read};

const DOCUMENT: &str = "functions/service/static/src/openapi.json";

#[test]
fn the_document_is_what_the_functions_say() {
    let expected = format!("{:#}\n", *DESCRIPTION);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path(DOCUMENT), &expected).expect("the document is written");
    }
    let outdated = format!(
        "{DOCUMENT} is outdated; write it anew: UPDATE_DOCS=1 cargo test -p bundle-tests guard_"
    );
    assert!(read(DOCUMENT) == expected, "{outdated}");
}

#[tokio::test]
async fn anybody_may_read_the_document() {
    let app = TestApp::start().await;
    let answer = app.anonymous().get("/openapi.json").await;
    answer.assert(200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let mut served = answer.json();
    assert_eq!(served["openapi"], "3.1.1");
    let servers = served
        .as_object_mut()
        .and_then(|served| served.remove("servers"));
    assert_eq!(
        servers,
        Some(
            json!([{ "url": "http://127.0.0.1:9000", "description": "The issuer of the tokens." }])
        )
    );
    assert_eq!(
        served,
        serde_json::from_str::<Value>(&read(DOCUMENT)).expect("JSON")
    );
}

#[test]
fn every_route_is_described_and_in_the_same_order() {
    let described: Vec<_> = dashtam_local::endpoints::operations()
        .iter()
        .map(|operation| operation.route().function)
        .collect();
    let listed: Vec<_> = routes::ALL.iter().map(|route| route.function).collect();
    assert_eq!(
        described, listed,
        "infra/local/src/endpoints.rs describes other functions than routes/ lists"
    );
}

/// Every place of the document that holds a schema with an example beside it: `(where, schema, example)`.
fn examples<'a>(at: &str, value: &'a Value, found: &mut Vec<(String, &'a Value, &'a Value)>) {
    match value {
        Value::Object(members) => {
            if let (Some(schema), Some(example)) = (members.get("schema"), members.get("example")) {
                found.push((at.to_owned(), schema, example));
            }
            let in_schema = members.contains_key("type") || members.contains_key("enum");
            for example in members
                .get("examples")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter(|_| in_schema)
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
    assert!(
        found.len() > 100,
        "the guard finds only {} examples",
        found.len()
    );
    for (at, schema, example) in found {
        let faults = faults(&format!("example {at}"), schema, example);
        assert!(faults.is_empty(), "{at}: {faults:?}: {example}");
    }
    let problems = described(&["components", "examples"])
        .and_then(Value::as_object)
        .expect("examples");
    let schema = described(&["components", "schemas", "Problem"]).expect("a schema");
    for (code, example) in problems {
        assert!(
            faults("problem", schema, &example["value"]).is_empty(),
            "{code}"
        );
    }
}

/// Every text under the name `key`, anywhere below.
fn texts<'a>(key: &str, value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get(key).and_then(Value::as_str));
            members
                .values()
                .for_each(|member| texts(key, member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| texts(key, item, found)),
        _ => {}
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let mut references = Vec::new();
    texts("$ref", &DESCRIPTION, &mut references);
    assert!(references.len() > 100);
    for reference in references {
        assert!(
            DESCRIPTION
                .pointer(reference.trim_start_matches('#'))
                .is_some(),
            "{reference}"
        );
    }
}

#[test]
fn every_text_number_and_list_of_a_request_is_limited() {
    for route in routes::ALL {
        let method = route.method.as_str().to_ascii_lowercase();
        let operation = described(&["paths", route.path, &method]).expect("described");
        let body = [
            "requestBody",
            "content",
            "application/json",
            "schema",
            "properties",
        ];
        let body = described(&[&["paths", route.path, &method][..], &body].concat());
        let members = body.and_then(Value::as_object).into_iter().flatten();
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let parameters = parameters.map(|parameter| {
            (
                parameter["name"].as_str().unwrap_or("?"),
                &parameter["schema"],
            )
        });
        for (name, schema) in members
            .map(|(name, schema)| (name.as_str(), schema))
            .chain(parameters)
        {
            let has = |keyword| schema.get(keyword).is_some();
            let limited = match schema["type"].as_str() {
                Some("string") => {
                    has("maxLength")
                        || has("enum")
                        || schema["format"] == "uuid"
                        || schema["format"] == "date-time"
                }
                Some("integer") => has("minimum") && has("maximum"),
                Some("boolean") => true,
                _ => false,
            };
            assert!(
                limited,
                "{} takes {name} without a limit: {schema}",
                route.function
            );
        }
    }
}

/// Every schema of the document, with the place where it is.
fn schemas<'a>(at: &str, value: &'a Value, found: &mut Vec<(String, &'a Value)>) {
    let Value::Object(members) = value else {
        return;
    };
    found.push((at.to_owned(), value));
    for keyword in ["properties", "dependentSchemas"] {
        for (name, schema) in members
            .get(keyword)
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            found.push((format!("{at}/{name}"), schema));
            schemas(&format!("{at}/{name}"), schema, found);
        }
    }
    for keyword in ["items", "additionalProperties", "not", "if", "then", "else"] {
        members
            .get(keyword)
            .into_iter()
            .for_each(|schema| schemas(&format!("{at}/{keyword}"), schema, found));
    }
    for keyword in ["allOf", "anyOf", "oneOf"] {
        let parts = members
            .get(keyword)
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        parts.for_each(|schema| schemas(&format!("{at}/{keyword}"), schema, found));
    }
}

/// Every schema, wherever the document has one.
fn all_schemas() -> Vec<(String, &'static Value)> {
    let mut found = Vec::new();
    let part = |pointer: &str| {
        DESCRIPTION
            .pointer(pointer)
            .and_then(Value::as_object)
            .expect("a part")
    };
    for (name, schema) in part("/components/schemas") {
        schemas(name, schema, &mut found);
    }
    for (path, methods) in part("/paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            parameters
                .for_each(|one| schemas(&format!("{method} {path}"), &one["schema"], &mut found));
            let responses = operation["responses"]
                .as_object()
                .expect("responses")
                .values();
            for content in responses
                .filter_map(|response| response["content"].as_object())
                .flat_map(|all| all.values())
            {
                schemas(&format!("{method} {path}"), &content["schema"], &mut found);
            }
        }
    }
    assert!(
        found.len() > 200,
        "the guard finds only {} schemas",
        found.len()
    );
    found
}

#[test]
fn no_schema_is_one_that_generators_of_clients_stop_at() {
    for (at, schema) in all_schemas() {
        assert!(schema.is_object(), "{at} is {schema}; say it as an object");
        assert!(
            schema.get("const").is_none(),
            "{at} has a constant; an enumeration of one is understood"
        );
        assert!(
            schema["type"] != "array" || schema["items"].is_object(),
            "{at} is an array without items"
        );
        let composed = ["oneOf", "anyOf", "allOf"]
            .into_iter()
            .filter_map(|keyword| schema[keyword].as_array());
        for part in composed.flatten() {
            assert!(
                part.get("$ref").is_some() || part["type"] == "null",
                "{at} is composed of more than references"
            );
        }
        let format = schema["format"].as_str().unwrap_or_default();
        assert!(
            !format.starts_with("uint"),
            "{at} has the number format {format}, which no generator knows"
        );
        assert!(
            format != "date-time" || schema.get("pattern").is_none(),
            "{at}: a time has no pattern"
        );
    }
    let text = DESCRIPTION.to_string();
    assert!(
        !text.contains("\"links\":"),
        "links stop a popular generator"
    );
}

#[test]
fn answers_may_get_further_members_and_requests_may_not() {
    for (name, schema) in DESCRIPTION["components"]["schemas"]
        .as_object()
        .expect("schemas")
    {
        let is_closed = schema["additionalProperties"] == json!(false);
        assert_eq!(is_closed, name.ends_with("Input"), "{name}");
    }
}

/// What a client's language, its standard library or every browser has already.
const TAKEN: [&str; 52] = [
    "Any",
    "Array",
    "Blob",
    "Body",
    "Boolean",
    "Byte",
    "Character",
    "Class",
    "Client",
    "Data",
    "Date",
    "Dict",
    "Document",
    "Double",
    "Element",
    "Enum",
    "Error",
    "Event",
    "Exception",
    "File",
    "Float",
    "Function",
    "Headers",
    "Integer",
    "Key",
    "List",
    "Location",
    "Long",
    "Map",
    "Message",
    "Module",
    "Node",
    "Number",
    "Object",
    "Option",
    "Optional",
    "Package",
    "Page",
    "Process",
    "Promise",
    "Record",
    "Request",
    "Response",
    "Result",
    "Set",
    "String",
    "Symbol",
    "System",
    "Thread",
    "Type",
    "Union",
    "Void",
];

/// What generators append to an operation's name to name its parts.
const APPENDED: [&str; 12] = [
    "",
    "Body",
    "Data",
    "Error",
    "Errors",
    "Params",
    "Query",
    "Request",
    "Response",
    "Responses",
    "Result",
    "Results",
];

#[test]
fn no_schema_has_a_name_that_a_generator_makes_of_an_operation() {
    let schemas = DESCRIPTION["components"]["schemas"]
        .as_object()
        .expect("schemas");
    let pascal = |function: &str| {
        let words = function
            .split('-')
            .map(|word| format!("{}{}", word[..1].to_uppercase(), &word[1..]));
        words.collect::<String>()
    };
    for route in routes::ALL {
        for appended in APPENDED {
            let name = format!("{}{appended}", pascal(route.function));
            assert!(!schemas.contains_key(&name), "{name}");
        }
    }
}

#[test]
fn no_schema_has_a_name_that_a_language_has_already() {
    for name in DESCRIPTION["components"]["schemas"]
        .as_object()
        .expect("schemas")
        .keys()
    {
        assert!(!TAKEN.contains(&name.as_str()), "{name}");
        assert!(
            name.starts_with(|first: char| first.is_ascii_uppercase()),
            "{name}"
        );
        assert!(
            name.bytes().all(|byte| byte.is_ascii_alphanumeric()),
            "{name}"
        );
    }
}

#[test]
fn every_operation_says_what_it_does_under_a_tag_that_is_described() {
    let tags: Vec<_> = DESCRIPTION["tags"]
        .as_array()
        .expect("tags")
        .iter()
        .collect();
    assert!(tags.iter().all(|tag| {
        tag["description"]
            .as_str()
            .is_some_and(|words| words.ends_with('.'))
    }));
    for route in routes::ALL {
        let operation = described(&[
            "paths",
            route.path,
            &route.method.as_str().to_ascii_lowercase(),
        ])
        .expect("described");
        let description = operation["description"].as_str().unwrap_or_default();
        let sentences = description.matches(". ").count() + 1;
        assert!(
            description.ends_with('.') && sentences <= 2,
            "{}: explain it in one or two sentences",
            route.function
        );
        assert!(
            !operation["summary"].as_str().unwrap_or(".").ends_with('.'),
            "{}",
            route.function
        );
        assert!(
            tags.iter().any(|tag| tag["name"] == operation["tags"][0]),
            "{} has no tag",
            route.function
        );
    }
}

#[test]
fn no_text_of_the_document_is_written_for_readers_of_the_code() {
    for key in ["description", "summary"] {
        let mut found = Vec::new();
        texts(key, &DESCRIPTION, &mut found);
        for text in found {
            assert!(!text.contains("::") && !text.contains("[`"), "{text}");
        }
    }
}

#[test]
fn no_example_contradicts_itself_or_its_operation() {
    let mut found = Vec::new();
    examples("", &DESCRIPTION, &mut found);
    let mut compared = 0;
    for (at, _, example) in found {
        compared += usize::from(example.is_object());
        let time = |name: &str| example[name].as_str().map(str::to_owned);
        for (earlier, later) in [
            ("created_at", "last_activity_at"),
            ("last_activity_at", "expires_at"),
        ] {
            assert!(
                time(earlier)
                    .zip(time(later))
                    .is_none_or(|(earlier, later)| earlier < later),
                "{at}: {example}"
            );
        }
        if let Some(count) = example["total_count"].as_u64() {
            assert_eq!(
                example["sessions"].as_array().map(Vec::len),
                usize::try_from(count).ok(),
                "{at}"
            );
        }
        if let (Some(before), Some(after)) = (
            example["previous_version"].as_u64(),
            example["new_version"].as_u64(),
        ) {
            assert_eq!(before + 1, after, "{at}");
        }
        let token = example["token"].as_str().map(|token| &token[..4]);
        for (path, prefix) in [
            ("verify-email", "dvt_"),
            ("reset-password", "drs_"),
            ("secure-account", "dsa_"),
        ] {
            assert!(
                !at.contains(&format!("/{path}/")) || token.is_none_or(|token| token == prefix),
                "{at}: {example}"
            );
        }
    }
    assert!(compared > 20);
    for problem in DESCRIPTION["components"]["examples"]
        .as_object()
        .expect("examples")
        .values()
    {
        assert!(
            problem["value"].get("instance").is_none(),
            "it serves many paths: {problem}"
        );
    }
}
