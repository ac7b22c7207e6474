//! Schemas as the generators of clients understand them.
//!
//! JSON Schema can say one thing in many ways, and popular generators know one of them. They stop at a boolean schema and
//! at an array without items, make a class of each `const` of an enumeration, and take an unknown number format for 32 bits.

use serde_json::{Map, Value, json};

/// `schema` with the same meaning, in the plain form.
pub(super) fn schema(mut schema: Value) -> Value {
    simplify(&mut schema);
    schema
}

fn simplify(schema: &mut Value) {
    match schema {
        Value::Bool(true) => *schema = json!({}),
        Value::Bool(false) => *schema = json!({ "not": {} }),
        Value::Object(members) => {
            below(members);
            constants_to_enumeration(members);
            if let Some(value) = members.remove("const") {
                members.insert("enum".to_owned(), json!([value]));
            }
            if let Some(format) = members
                .get("format")
                .and_then(Value::as_str)
                .and_then(known_format)
            {
                members.insert("format".to_owned(), json!(format));
            }
            let of = |kind: &str| members.get("type").is_some_and(|found| found == kind);
            if of("array") && !members.contains_key("items") {
                members.insert("items".to_owned(), json!({}));
            }
            // An answer has the member anyway.
            if members
                .get("default")
                .is_some_and(|value| value.is_null() || value.is_object())
            {
                members.remove("default");
            }
        }
        _ => {}
    }
}

/// Does the same with every schema that is part of this one.
fn below(members: &mut Map<String, Value>) {
    for key in ["properties", "$defs", "dependentSchemas"] {
        members
            .get_mut(key)
            .and_then(Value::as_object_mut)
            .into_iter()
            .flatten()
            .for_each(|(_, one)| simplify(one));
    }
    for key in ["items", "not", "if", "then", "else"] {
        members.get_mut(key).into_iter().for_each(simplify);
    }
    for key in ["allOf", "anyOf", "oneOf"] {
        members
            .get_mut(key)
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
            .for_each(simplify);
    }
    // `true` and `false` are common here, and understood.
    members
        .get_mut("additionalProperties")
        .filter(|further| further.is_object())
        .into_iter()
        .for_each(simplify);
}

/// A choice of words is one enumeration; what each word means goes into its description.
fn constants_to_enumeration(members: &mut Map<String, Value>) {
    let Some(choices) = members.get("oneOf").and_then(Value::as_array) else {
        return;
    };
    let word = |choice: &Value| Some(choice.get("enum")?.get(0)?.as_str()?.to_owned());
    let Some(words) = choices.iter().map(word).collect::<Option<Vec<_>>>() else {
        return;
    };
    let meaning =
        |(word, choice): (&String, &Value)| match choice.get("description").and_then(Value::as_str)
        {
            Some(meaning) => format!("\n- `{word}`: {meaning}"),
            None => format!("\n- `{word}`"),
        };
    let meanings: String = words.iter().zip(choices).map(meaning).collect();
    let description = members
        .get("description")
        .and_then(Value::as_str)
        .unwrap_or_default();
    members.insert(
        "description".to_owned(),
        json!(format!("{description}\n{meanings}").trim()),
    );
    members.insert("type".to_owned(), json!("string"));
    members.insert("enum".to_owned(), json!(words));
    members.remove("oneOf");
}

/// `OpenAPI` itself defines two formats of whole numbers, and both are signed.
fn known_format(format: &str) -> Option<&'static str> {
    match format {
        "uint" | "uint64" | "int" => Some("int64"),
        "uint8" | "uint16" | "uint32" => Some("int32"),
        _ => None,
    }
}
