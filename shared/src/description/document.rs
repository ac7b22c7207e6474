//! Puts the document together.

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::{Answer, Content, Operation, PathParameter, example, naming, plain, refusals};
use crate::http::{Member, Shape};
use crate::routes::Access;

const ABOUT: &str = "Sign-in that a team can own: accounts, sessions, revocation and an audit log.\n\n\
    Requests and answers are JSON. Unknown and duplicate members of a request are refused. Every error is a problem document \
    (RFC 9457) with a `code` to switch on. `GET` endpoints answer `HEAD` as well, and every path answers `OPTIONS`. \
    Every answer carries `Cache-Control: no-store`, `X-Content-Type-Options: nosniff`, `Referrer-Policy: no-referrer` and \
    `Strict-Transport-Security`; those of the functions also a `Content-Security-Policy`.\n\n\
    A later version may add members to an answer and values to its enumerations. A client ignores members that it does not \
    know, and handles an unknown `code` by the status.";

/// The description of all of `operations`, an `OpenAPI` 3.1 document.
///
/// It names no server: the function that serves it knows its own address.
#[must_use]
pub fn document(operations: &[Operation]) -> Value {
    let settings = SchemaSettings::draft2020_12()
        .for_serialize()
        .with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        });
    let mut generator = SchemaGenerator::new(settings);
    // Answers first: what they refer to is known only after all of them.
    let answers: Vec<_> = operations
        .iter()
        .map(|operation| schema_of(operation, &mut generator))
        .collect();
    let mut schemas = generator.take_definitions(true);
    schemas.insert("Problem".to_owned(), refusals::problem_schema());
    schemas.insert(refusals::FIELD_PROBLEM.to_owned(), refusals::field_schema());
    let answers: Vec<_> = operations
        .iter()
        .zip(answers)
        .map(|(operation, answer)| named_answer(operation, answer, &mut schemas))
        .collect();
    schemas = schemas
        .into_iter()
        .map(|(name, schema)| (name.clone(), example::fill(&name, plain::schema(schema))))
        .collect();
    let (mut paths, mut responses) = (Map::new(), Map::new());
    for (operation, answer) in operations.iter().zip(answers) {
        let described = describe(operation, &answer, &mut schemas, &mut responses);
        let path = paths
            .entry(operation.route.path)
            .or_insert_with(|| json!({}));
        if let Some(path) = path.as_object_mut() {
            path.insert(
                operation.route.method.as_str().to_ascii_lowercase(),
                described,
            );
        }
    }
    json!({
        "openapi": "3.1.1",
        "info": {
            "title": "Dashtam Auth",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "contact": { "name": "Dashtam Auth" },
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "tags": naming::tags(),
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": responses,
            "headers": refusals::header_components(),
            "examples": refusals::example_components(operations),
            "securitySchemes": { "accessToken": {
                "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
                "description": "The access token of a login or a refresh (RFC 6750). Admin endpoints require an admin's. They, password and address changes, export and erasure require that the password was verified in the last 15 minutes.",
            } },
        },
    })
}

fn schema_of(operation: &Operation, generator: &mut SchemaGenerator) -> Option<Value> {
    let contents = operation.answer.iter().flat_map(|answer| &answer.content);
    let mut schemas = contents.filter_map(|content| match content {
        Content::Json(schema) => Some(*schema),
        Content::Html => None,
    });
    schemas.next_back().map(|schema| schema(generator).into())
}

/// The answer's schema as a reference: generators make up a name for a schema without one.
fn named_answer(
    operation: &Operation,
    answer: Option<Value>,
    schemas: &mut Map<String, Value>,
) -> Value {
    match answer {
        Some(schema) if schema.get("properties").is_some() => {
            let name = naming::schema(operation.route, "Answer");
            let reference = naming::reference(&name);
            schemas.insert(name, schema);
            reference
        }
        Some(schema) => plain::schema(schema),
        None => Value::Null,
    }
}

fn describe(
    operation: &Operation,
    answer: &Value,
    schemas: &mut Map<String, Value>,
    all: &mut Map<String, Value>,
) -> Value {
    let route = operation.route;
    let mut described = Map::from_iter([
        ("operationId".to_owned(), json!(route.function)),
        ("summary".to_owned(), json!(operation.summary)),
        ("description".to_owned(), json!(operation.description)),
        ("tags".to_owned(), json!([naming::tag_of(route)])),
        ("security".to_owned(), security(route.access)),
    ]);
    let parameters = parameters(operation);
    if !parameters.is_empty() {
        described.insert("parameters".to_owned(), json!(parameters));
    }
    if let Some(body) = &operation.body {
        let name = naming::schema(route, "Input");
        let (schema, example) = request(operation, &body.shape, schemas);
        let content = json!({ "application/json": { "schema": naming::reference(&name), "example": example } });
        schemas.insert(name, schema);
        described.insert(
            "requestBody".to_owned(),
            json!({ "required": body.required, "content": content }),
        );
    }
    described.insert(
        "responses".to_owned(),
        responses(operation, answer, schemas, all),
    );
    Value::Object(described)
}

/// The schema of a request body, and an example of it: what must be there, or everything where nothing must.
fn request(operation: &Operation, shape: &Shape, schemas: &Map<String, Value>) -> (Value, Value) {
    let mut schema = plain::schema(shape.body_schema());
    for (name, sample) in &operation.samples {
        if let Some(member) = schema
            .pointer_mut(&format!("/properties/{name}"))
            .and_then(Value::as_object_mut)
        {
            member.insert("examples".to_owned(), json!([sample]));
        }
    }
    let any = shape.members.iter().any(|member| member.required);
    let members = shape
        .members
        .iter()
        .filter(|member| member.required || !any || shape.requires(member.name));
    let example = members.filter_map(|member| {
        let schema = schema.pointer(&format!("/properties/{}", member.name))?;
        Some((member.name.to_owned(), example::of(schema, schemas)))
    });
    let example = Value::Object(example.collect());
    (schema, example)
}

fn security(access: Access) -> Value {
    match access {
        Access::Public => json!([]),
        Access::Bearer | Access::Admin => json!([{ "accessToken": [] }]),
        Access::BearerOrToken => json!([{ "accessToken": [] }, {}]),
    }
}

fn parameters(operation: &Operation) -> Vec<Value> {
    let path = operation.path.iter().map(|PathParameter { name, meaning, schema }| {
        json!({ "name": name, "in": "path", "required": true, "description": meaning, "schema": schema,
            "example": example::of(schema, &Map::new()) })
    });
    let query = |Member {
                     name,
                     required,
                     schema,
                 }: &Member| {
        let mut parameter = json!({ "name": name, "in": "query", "required": required, "schema": schema,
            "description": schema.get("description") });
        // A cursor, for one, cannot be made up.
        let known = schema.get("pattern").is_none();
        if let (true, Some(parameter)) = (known, parameter.as_object_mut()) {
            parameter.insert("example".to_owned(), example::of(schema, &Map::new()));
        }
        parameter
    };
    path.chain(operation.query.members.iter().map(query))
        .collect()
}

fn responses(
    operation: &Operation,
    answer: &Value,
    schemas: &mut Map<String, Value>,
    all: &mut Map<String, Value>,
) -> Value {
    let mut responses = Map::new();
    if let Some(Answer {
        status,
        meaning,
        content,
    }) = &operation.answer
    {
        let of = |content: &Content| match content {
            Content::Json(_) => {
                let example = example::of(answer, schemas);
                (
                    "application/json".to_owned(),
                    json!({ "schema": answer, "example": example }),
                )
            }
            Content::Html => (
                "text/html".to_owned(),
                json!({ "schema": { "type": "string" } }),
            ),
        };
        let response = json!({
            "description": meaning,
            "headers": { "X-Request-Id": { "$ref": "#/components/headers/RequestId" } },
            "content": Value::Object(content.iter().map(of).collect()),
        });
        responses.insert(status.as_str().to_owned(), response);
    }
    for (status, codes) in refusals::codes(operation) {
        let name = refusals::name(&codes);
        responses.insert(
            status.as_str().to_owned(),
            json!({ "$ref": format!("#/components/responses/{name}") }),
        );
        all.entry(name.clone())
            .or_insert_with(|| refusals::response(&name, status, &codes));
        schemas
            .entry(name)
            .or_insert_with(|| refusals::schema(status, &codes));
    }
    Value::Object(responses)
}
