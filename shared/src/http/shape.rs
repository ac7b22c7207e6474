//! What a request may hold, as its reader asked for it; see [`super::Fields::shape_of`].

use serde_json::{Map, Value, json};

/// A member or parameter.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// Its name.
    pub name: &'static str,
    /// Whether it must be there.
    pub required: bool,
    /// What it may be, as a JSON Schema.
    pub schema: Value,
}

/// The members of a request, and the rules between them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Shape {
    /// The members in the order in which they are read.
    pub members: Vec<Member>,
    /// Rules over more than one member, as JSON Schemas.
    pub rules: Vec<Value>,
}

impl Shape {
    /// Whether a rule requires the member beside those that every example has.
    #[must_use]
    pub fn requires(&self, name: &str) -> bool {
        let required = |rule: &Value| {
            rule.pointer("/then/required")
                .and_then(Value::as_array)
                .cloned()
        };
        self.rules
            .iter()
            .filter_map(required)
            .flatten()
            .any(|required| required == name)
    }

    /// The schema of the JSON object that a body is.
    #[must_use]
    pub fn body_schema(&self) -> Value {
        let properties: Map<_, _> = self
            .members
            .iter()
            .map(|member| (member.name.to_owned(), member.schema.clone()))
            .collect();
        let required: Vec<_> = self
            .members
            .iter()
            .filter(|member| member.required)
            .map(|member| member.name)
            .collect();
        let mut schema = Map::from_iter([
            ("type".to_owned(), json!("object")),
            ("properties".to_owned(), Value::Object(properties)),
            ("additionalProperties".to_owned(), json!(false)),
        ]);
        if !required.is_empty() {
            schema.insert("required".to_owned(), json!(required));
        }
        for rule in &self.rules {
            add_rule(&mut schema, rule);
        }
        Value::Object(schema)
    }
}

/// Each keyword may be there once; a second rule of the same keyword goes into `allOf`.
fn add_rule(schema: &mut Map<String, Value>, rule: &Value) {
    let Some(keywords) = rule.as_object() else {
        return;
    };
    if keywords.keys().all(|keyword| !schema.contains_key(keyword)) {
        schema.extend(keywords.clone());
    } else if let Some(all) = schema
        .entry("allOf")
        .or_insert_with(|| json!([]))
        .as_array_mut()
    {
        all.push(rule.clone());
    }
}
