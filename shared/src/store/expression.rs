//! Expressions with their names and values.
//!
//! Attributes are written `#name` and values `:name`. The names are found in the text, so none is ever a reserved word
//! and none can be forgotten.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;

use super::item::{Item, attribute};

/// What to change and when.
#[derive(Debug, Clone, Default)]
pub(super) struct Expression {
    pub(super) update: String,
    pub(super) condition: String,
    values: Item,
}

impl Expression {
    /// Change by `update` if `condition` holds.
    pub(super) fn update(update: impl Into<String>, condition: impl Into<String>) -> Self {
        Self {
            update: update.into(),
            condition: condition.into(),
            values: HashMap::new(),
        }
    }

    /// Only if `condition` holds; for puts and deletes.
    pub(super) fn when(condition: impl Into<String>) -> Self {
        Self::update("", condition)
    }

    /// The value of `:name`.
    pub(super) fn value(mut self, name: &str, value: impl Serialize) -> Self {
        self.values.insert(format!(":{name}"), attribute(value));
        self
    }

    /// The value of `:name`, a set of texts.
    pub(super) fn set(mut self, name: &str, values: impl IntoIterator<Item = String>) -> Self {
        self.values.insert(
            format!(":{name}"),
            AttributeValue::Ss(values.into_iter().collect()),
        );
        self
    }

    /// The value of `:name`, an attribute already.
    pub(super) fn raw(mut self, name: &str, value: AttributeValue) -> Self {
        self.values.insert(format!(":{name}"), value);
        self
    }

    /// `#name` for each name in the texts; `None` where there is none, as the client wants it.
    pub(super) fn names(&self) -> Option<HashMap<String, String>> {
        let texts = [self.update.as_str(), self.condition.as_str()];
        let names: HashMap<_, _> = texts.into_iter().flat_map(names).collect();
        (!names.is_empty()).then_some(names)
    }

    /// The values; `None` where there is none.
    pub(super) fn values(&self) -> Option<Item> {
        (!self.values.is_empty()).then(|| self.values.clone())
    }
}

fn names(text: &str) -> impl Iterator<Item = (String, String)> {
    text.split('#').skip(1).map(|rest| {
        let name: String = rest
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
            .collect();
        (format!("#{name}"), name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_in_the_texts_is_declared() {
        let expression = Expression::update(
            "SET #name = :n, #ver_current = #ver_current + :one",
            "#status = :s",
        );
        let names = expression.names().expect("names");
        assert_eq!(names.len(), 3);
        assert_eq!(
            names.get("#ver_current").map(String::as_str),
            Some("ver_current")
        );
        assert_eq!(Expression::default().names(), None);
    }
}
