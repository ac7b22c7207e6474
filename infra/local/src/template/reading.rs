//! The parts of a resource.

use serde_json::{Map, Value};

use super::error::TemplateError;

/// The error for a part that is not there.
pub(crate) fn missing(place: &str, part: &str) -> TemplateError {
    TemplateError::Missing {
        place: place.to_owned(),
        part: part.to_owned(),
    }
}

/// The text at `pointer` in the resource `id`.
pub(crate) fn text<'a>(
    resource: &'a Value,
    id: &str,
    pointer: &str,
) -> Result<&'a str, TemplateError> {
    resource
        .pointer(pointer)
        .and_then(Value::as_str)
        .ok_or_else(|| missing(id, pointer.trim_start_matches('/')))
}

/// The object that is the member of `value`.
pub(crate) fn object<'a>(
    value: &'a Value,
    place: &str,
    member: &str,
) -> Result<&'a Map<String, Value>, TemplateError> {
    value
        .get(member)
        .and_then(Value::as_object)
        .ok_or_else(|| missing(place, member))
}

/// The list at `pointer` in the resource `id`.
pub(crate) fn list<'a>(
    resource: &'a Value,
    id: &str,
    pointer: &str,
) -> Result<&'a Vec<Value>, TemplateError> {
    resource
        .pointer(pointer)
        .and_then(Value::as_array)
        .ok_or_else(|| missing(id, pointer.trim_start_matches('/')))
}

/// `AuthLoginFunction` is the crate `auth-login`.
pub(crate) fn crate_name(id: &str) -> Result<String, TemplateError> {
    let name = id
        .strip_suffix("Function")
        .filter(|name| !name.is_empty())
        .ok_or_else(|| missing(id, "name ending in Function"))?;
    let mut kebab = String::with_capacity(name.len() + 4);
    for (index, letter) in name.char_indices() {
        if index > 0 && letter.is_ascii_uppercase() {
            kebab.push('-');
        }
        kebab.push(letter.to_ascii_lowercase());
    }
    Ok(kebab)
}

/// A property of the resource `id`.
pub(crate) fn property<'a>(
    resource: &'a Value,
    id: &str,
    name: &str,
) -> Result<&'a Value, TemplateError> {
    let found = resource
        .get("Properties")
        .and_then(|properties| properties.get(name));
    found.ok_or_else(|| missing(id, &format!("Properties/{name}")))
}
