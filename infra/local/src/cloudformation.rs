//! The template language's YAML as JSON.
//!
//! The short forms of the intrinsic functions (`!Ref`, `!Sub`, `!GetAtt`, …) become their long JSON forms, so
//! that everything behind this module works on one plain [`Value`] and knows nothing of YAML tags.

use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Map, Number, Value, json};
use thiserror::Error;

/// Why a text is no template.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum YamlError {
    /// The text is not YAML; the parser's words with line and column.
    #[error("it is not valid YAML: {0}")]
    Syntax(String),
    /// Valid YAML that has no JSON form: where it stands.
    #[error("{0} has no JSON form")]
    NoJsonForm(String),
}

/// Reads the first document of `text`.
///
/// # Errors
/// [`YamlError`] for text that is not YAML, and for what JSON cannot say (keys that are no strings, anchors
/// without a target, infinite numbers).
pub fn parse(text: &str) -> Result<Value, YamlError> {
    let documents =
        Yaml::load_from_str(text).map_err(|error| YamlError::Syntax(error.to_string()))?;
    match documents.first() {
        Some(document) => to_json(document, "the document"),
        None => Ok(Value::Null),
    }
}

fn to_json(node: &Yaml<'_>, place: &str) -> Result<Value, YamlError> {
    match node {
        Yaml::Value(scalar) => scalar_to_json(scalar, place),
        Yaml::Sequence(items) => items
            .iter()
            .map(|item| to_json(item, place))
            .collect::<Result<_, _>>()
            .map(Value::Array),
        Yaml::Mapping(members) => {
            let mut object = Map::with_capacity(members.len());
            for (key, value) in members {
                let key = key_text(key)
                    .ok_or_else(|| YamlError::NoJsonForm(format!("a key in {place}")))?;
                let value = to_json(value, &key)?;
                object.insert(key, value);
            }
            Ok(Value::Object(object))
        }
        Yaml::Tagged(tag, inner) => {
            let value = to_json(inner, place)?;
            if tag.handle == "!" {
                Ok(long_form(&tag.suffix, value))
            } else {
                Ok(value)
            }
        }
        Yaml::Representation(..) | Yaml::Alias(_) | Yaml::BadValue => {
            Err(YamlError::NoJsonForm(place.to_owned()))
        }
    }
}

/// A key as text: HTTP statuses and account numbers may stand as bare numbers.
fn key_text(key: &Yaml<'_>) -> Option<String> {
    match key {
        Yaml::Value(Scalar::String(text)) => Some(text.clone().into_owned()),
        Yaml::Value(Scalar::Integer(number)) => Some(number.to_string()),
        _ => None,
    }
}

fn scalar_to_json(scalar: &Scalar<'_>, place: &str) -> Result<Value, YamlError> {
    Ok(match scalar {
        Scalar::Null => Value::Null,
        Scalar::Boolean(value) => Value::Bool(*value),
        Scalar::Integer(value) => Value::from(*value),
        Scalar::FloatingPoint(value) => Value::Number(
            Number::from_f64(value.into_inner())
                .ok_or_else(|| YamlError::NoJsonForm(place.to_owned()))?,
        ),
        Scalar::String(text) => Value::from(text.clone().into_owned()),
    })
}

/// `!Ref x` is `{"Ref": x}`, `!GetAtt a.b` is `{"Fn::GetAtt": ["a", "b"]}`, every other `!Name` is `{"Fn::Name": …}`.
fn long_form(name: &str, value: Value) -> Value {
    match (name, value) {
        ("Ref" | "Condition", value) => json!({ name: value }),
        ("GetAtt", Value::String(path)) => {
            let (resource, attribute) = path.split_once('.').unwrap_or((&path, ""));
            json!({ "Fn::GetAtt": [resource, attribute] })
        }
        (name, value) => json!({ format!("Fn::{name}"): value }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_forms_become_long_forms() {
        let text = "a: !Ref Stage\nb: !Sub '${AWS::StackName}-users'\nc: !GetAtt Table.StreamArn\nd: !If [Has, !Ref X, !Ref AWS::NoValue]\ne: !Condition Has\n";
        assert_eq!(
            parse(text),
            Ok(json!({
                "a": { "Ref": "Stage" },
                "b": { "Fn::Sub": "${AWS::StackName}-users" },
                "c": { "Fn::GetAtt": ["Table", "StreamArn"] },
                "d": { "Fn::If": ["Has", { "Ref": "X" }, { "Ref": "AWS::NoValue" }] },
                "e": { "Condition": "Has" },
            }))
        );
    }

    #[test]
    fn scalars_keep_their_types() {
        assert_eq!(
            parse("a: 20\nb: 0.5\nc: true\nd: 2012-10-17\ne: '429'\nf:\n429: g\n"),
            Ok(
                json!({ "a": 20, "b": 0.5, "c": true, "d": "2012-10-17", "e": "429", "f": null, "429": "g" })
            )
        );
    }

    #[test]
    fn a_syntax_error_says_where() {
        let Err(YamlError::Syntax(text)) = parse("a: [1\nb: }") else {
            panic!("it was taken")
        };
        assert!(text.contains("line"), "{text}");
    }

    #[test]
    fn a_key_that_is_no_text_is_refused() {
        assert!(matches!(parse("[a, b]: c"), Err(YamlError::NoJsonForm(_))));
    }
}
