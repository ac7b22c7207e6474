//! Puts the document together.

use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator, transform::transform_subschemas};
use serde_json::{Map, Value, json};

use super::{Answer, Content, Operation, PathParameter, example, refusals};
use crate::http::{Member, Shape};
use crate::routes::Access;

const ABOUT: &str = "Sign-in that a team can own.\n\n\
    Requests and answers are JSON. Unknown and duplicate members of a request are refused. Every error is a problem document \
    (RFC 9457) with a `code` to switch on. `GET` endpoints answer `HEAD` as well, and every path answers `OPTIONS`. \
    Every answer carries `Cache-Control: no-store`, `X-Content-Type-Options: nosniff`, `Referrer-Policy: no-referrer`, \
    `Strict-Transport-Security` and a `Content-Security-Policy`.";

/// The description of all of `operations`, an `OpenAPI` 3.1 document.
#[must_use]
pub fn document(operations: &[Operation]) -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut generator = SchemaGenerator::new(settings);
    // Answers first: what they refer to is known only after all of them.
    let answers: Vec<_> = operations.iter().map(|operation| schema_of(operation, &mut generator)).collect();
    let mut schemas: Map<_, _> =
        generator.take_definitions(true).into_iter().map(|(name, schema)| (name, closed(schema))).collect();
    schemas.insert("Problem".to_owned(), refusals::problem_schema());
    let (mut paths, mut responses) = (Map::new(), Map::new());
    for (operation, answer) in operations.iter().zip(answers) {
        let described = describe(operation, &answer, &schemas, &mut responses);
        let path = paths.entry(operation.route.path).or_insert_with(|| json!({}));
        if let Some(path) = path.as_object_mut() {
            path.insert(operation.route.method.as_str().to_ascii_lowercase(), described);
        }
    }
    json!({
        "openapi": "3.1.1",
        "info": {
            "title": "Dashtam Auth",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/", "description": "The host that serves this document." }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": responses,
            "headers": refusals::header_components(),
            "examples": refusals::example_components(),
            "securitySchemes": { "accessToken": {
                "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
                "description": "The access token of a login or a refresh (RFC 6750). Admin endpoints require an admin's. They, password and address changes, export and erasure require that the password was verified in the last 15 minutes.",
            } },
        },
    })
}

fn schema_of(operation: &Operation, generator: &mut SchemaGenerator) -> Value {
    let contents = operation.answer.iter().flat_map(|answer| &answer.content);
    let mut schemas = contents.filter_map(|content| match content {
        Content::Json(schema) => Some(*schema),
        Content::Html => None,
    });
    schemas.next_back().map_or(Value::Null, |schema| closed(schema(generator).into()))
}

/// An answer has the members that its type has, and no other.
fn closed(schema: Value) -> Value {
    fn close(schema: &mut Schema) {
        transform_subschemas(&mut close, schema);
        if schema.get("properties").is_some() {
            schema.insert("additionalProperties".to_owned(), json!(false));
        }
    }
    Schema::try_from(schema).map_or(Value::Bool(true), |mut schema| {
        close(&mut schema);
        schema.into()
    })
}

fn describe(
    operation: &Operation,
    answer: &Value,
    schemas: &Map<String, Value>,
    all: &mut Map<String, Value>,
) -> Value {
    let route = operation.route;
    let mut described = Map::from_iter([
        ("operationId".to_owned(), json!(route.function)),
        ("summary".to_owned(), json!(operation.summary)),
        ("tags".to_owned(), json!([route.function.split('-').next()])),
        ("security".to_owned(), security(route.access)),
        ("responses".to_owned(), responses(operation, answer, schemas, all)),
    ]);
    let parameters = parameters(operation);
    if !parameters.is_empty() {
        described.insert("parameters".to_owned(), json!(parameters));
    }
    if let Some(body) = &operation.body {
        let schema = body.shape.body_schema();
        let example = body_example(&body.shape, schemas);
        let content = json!({ "application/json": { "schema": schema, "example": example } });
        described.insert("requestBody".to_owned(), json!({ "required": body.required, "content": content }));
    }
    Value::Object(described)
}

/// What must be there, or everything where nothing must.
fn body_example(shape: &Shape, schemas: &Map<String, Value>) -> Value {
    let any = shape.members.iter().any(|member| member.required);
    let members = shape.members.iter().filter(|member| member.required || !any || shape.wants(member.name));
    Value::Object(members.map(|member| (member.name.to_owned(), example::of(&member.schema, schemas))).collect())
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
    let query = |Member { name, required, schema }: &Member| {
        let mut parameter = json!({ "name": name, "in": "query", "required": required, "schema": schema,
            "description": schema.get("description") });
        // A cursor, for one, cannot be made up.
        let known = schema.get("pattern").is_none();
        if let (true, Some(parameter)) = (known, parameter.as_object_mut()) {
            parameter.insert("example".to_owned(), example::of(schema, &Map::new()));
        }
        parameter
    };
    path.chain(operation.query.members.iter().map(query)).collect()
}

fn responses(
    operation: &Operation,
    answer: &Value,
    schemas: &Map<String, Value>,
    all: &mut Map<String, Value>,
) -> Value {
    let mut responses = Map::new();
    if let Some(Answer { status, meaning, content }) = &operation.answer {
        let mut response = Map::from_iter([
            ("description".to_owned(), json!(meaning)),
            ("headers".to_owned(), json!({ "X-Request-Id": { "$ref": "#/components/headers/RequestId" } })),
        ]);
        let of = |content: &Content| match content {
            Content::Json(_) => {
                let example = example::of(answer, schemas);
                ("application/json".to_owned(), json!({ "schema": answer, "example": example }))
            }
            Content::Html => ("text/html".to_owned(), json!({ "schema": { "type": "string" } })),
        };
        let content = Value::Object(content.iter().map(of).collect());
        response.insert("content".to_owned(), content);
        if !operation.links.is_empty() {
            response.insert("links".to_owned(), links(operation));
        }
        responses.insert(status.as_str().to_owned(), Value::Object(response));
    }
    for (status, codes) in refusals::codes(operation) {
        let name = refusals::name(&codes);
        responses.insert(status.as_str().to_owned(), json!({ "$ref": format!("#/components/responses/{name}") }));
        all.entry(name).or_insert_with(|| refusals::response(status, &codes));
    }
    Value::Object(responses)
}

fn links(operation: &Operation) -> Value {
    let link = |link: &super::Link| {
        let mut target = Map::from_iter([("operationId".to_owned(), json!(link.to.function))]);
        target.extend(link.with.as_object().cloned().unwrap_or_default());
        (link.name.to_owned(), Value::Object(target))
    };
    Value::Object(operation.links.iter().map(link).collect())
}
