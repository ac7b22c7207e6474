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
    /// Whether a rule asks for the member in an example that has the first of each choice.
    #[must_use]
    pub fn wants(&self, name: &str) -> bool {
        let first = |rule: &Value| rule.pointer("/oneOf/0/required").and_then(Value::as_array).cloned();
        self.rules.iter().filter_map(first).flatten().any(|wanted| wanted == name)
    }

    /// The schema of the JSON object that a body is.
    #[must_use]
    pub fn body_schema(&self) -> Value {
        let properties: Map<_, _> =
            self.members.iter().map(|member| (member.name.to_owned(), member.schema.clone())).collect();
        let required: Vec<_> = self.members.iter().filter(|member| member.required).map(|member| member.name).collect();
        let mut schema = Map::from_iter([
            ("type".to_owned(), json!("object")),
            ("properties".to_owned(), Value::Object(properties)),
            ("additionalProperties".to_owned(), json!(false)),
        ]);
        if !required.is_empty() {
            schema.insert("required".to_owned(), json!(required));
        }
        let rules = self.rules.iter().filter_map(Value::as_object).flatten();
        schema.extend(rules.map(|(keyword, value)| (keyword.clone(), value.clone())));
        Value::Object(schema)
    }
}
