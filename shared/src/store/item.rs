//! Items and attributes, as the client knows them.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;

/// An item as the client knows it.
pub(super) type Item = HashMap<String, AttributeValue>;

/// A value as an attribute. Every type that is stored has one; a type that has none would be a fault of this code and
/// stands as NULL, which no condition accepts.
pub(super) fn attribute(value: impl Serialize) -> AttributeValue {
    serde_dynamo::to_attribute_value(value).unwrap_or(AttributeValue::Null(true))
}

/// A number in an item.
pub(super) fn number(item: &Item, name: &str) -> Option<i64> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

/// A text in an item.
pub(super) fn text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}
