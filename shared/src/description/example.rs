//! Examples, put together from those of the parts of a schema.

use serde_json::{Map, Value, json};

/// An identifier where the schema has none of its own.
const ID: &str = "5d0e3c1a-92b7-4f6e-8a41-7c2d9b6e0f35";

/// A value that `schema` takes. `definitions` are the schemas that it refers to, by name.
pub(super) fn of(schema: &Value, definitions: &Map<String, Value>) -> Value {
    if let Some(example) = schema.pointer("/examples/0").or(schema.get("const")).or(schema.get("default")) {
        return example.clone();
    }
    if let Some(name) = schema.get("$ref").and_then(Value::as_str).and_then(|target| target.rsplit('/').next()) {
        return definitions.get(name).map_or(Value::Null, |schema| of(schema, definitions));
    }
    let first = ["enum", "anyOf", "oneOf"].iter().find_map(|keyword| Some((*keyword, schema.get(keyword)?.get(0)?)));
    match first {
        Some(("enum", word)) => return word.clone(),
        Some((_, choice)) if schema.get("properties").is_none() => return of(choice, definitions),
        _ => {}
    }
    match schema.get("type").and_then(|kind| kind.as_str().or_else(|| kind.get(0)?.as_str())) {
        Some("object") => {
            let properties = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
            Value::Object(properties.map(|(name, schema)| (name.clone(), of(schema, definitions))).collect())
        }
        Some("array") => {
            let none = schema.get("maxItems").and_then(Value::as_u64) == Some(0);
            let items = schema.get("items").filter(|_| !none);
            Value::Array(items.map(|items| of(items, definitions)).into_iter().collect())
        }
        Some("boolean") => json!(true),
        Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or(json!(1)),
        Some("string") if schema.get("format").is_some_and(|format| format == "uuid") => json!(ID),
        Some("string") => json!("text"),
        _ => Value::Null,
    }
}
