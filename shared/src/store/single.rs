//! Reads and conditional writes of one item.

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure};
use serde::de::DeserializeOwned;

use super::expression::Expression;
use super::item::Item;
use super::keys::Key;
use super::schema::{self, Stored};
use super::{Store, StoreError, TRIES};
use crate::telemetry::{self, Metric};

/// How a conditional update ended.
pub(super) enum Updated {
    /// It was done; the item as it is now.
    Done(Item),
    /// The condition did not hold; the item as it was, if there was one.
    Unmet(Option<Item>),
}

impl Store {
    /// Reads an item, strongly consistent.
    pub(super) async fn read<T: DeserializeOwned + Stored>(
        &self,
        operation: &'static str,
        key: Key,
    ) -> Result<Option<T>, StoreError> {
        let request = self
            .client
            .get_item()
            .table_name(self.table(key.table))
            .set_key(Some(key.into_item()))
            .consistent_read(true);
        let answer = request
            .send()
            .await
            .map_err(|error| StoreError::from_sdk(operation, error))?;
        answer.item.map(|item| parse(operation, item)).transpose()
    }

    /// Updates an item if the condition holds. Conflicts with a running transaction are retried.
    pub(super) async fn update(
        &self,
        operation: &'static str,
        key: Key,
        expression: Expression,
    ) -> Result<Updated, StoreError> {
        let request = self
            .client
            .update_item()
            .table_name(self.table(key.table))
            .set_key(Some(key.into_item()));
        let condition = (!expression.condition.is_empty()).then(|| expression.condition.clone());
        let request = request
            .update_expression(&expression.update)
            .set_condition_expression(condition);
        let request = request
            .set_expression_attribute_names(expression.names())
            .set_expression_attribute_values(expression.values());
        let request = request
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        for attempt in 0..TRIES {
            let error = match request.clone().send().await {
                Ok(answer) => return Ok(Updated::Done(answer.attributes.unwrap_or_default())),
                Err(error) => error,
            };
            match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(unmet)) => {
                    return Ok(Updated::Unmet(unmet.item().cloned()));
                }
                Some(service) if service.code() == Some("TransactionConflictException") => {
                    telemetry::count(Metric::Conflicts);
                    self.pause(attempt).await;
                }
                _ => return Err(StoreError::from_sdk(operation, error)),
            }
        }
        Err(StoreError::Contended { operation })
    }
}

/// An item as its type, brought up to date in memory if it is of an older version.
pub(super) fn parse<T: DeserializeOwned + Stored>(
    operation: &'static str,
    mut item: Item,
) -> Result<T, StoreError> {
    let known = T::SCHEMA.read;
    match schema::version(&item) {
        None => {
            return Err(StoreError::Corrupt {
                operation,
                source: None,
            });
        }
        Some(found) if found > known => {
            return Err(StoreError::Newer {
                operation,
                found,
                known,
            });
        }
        Some(found) => T::upgrade(&mut item, found),
    }
    serde_dynamo::from_item(item).map_err(|error| StoreError::corrupt(operation, error))
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::super::item::{attribute, number, text};
    use super::super::schema::{Schema, VERSION, item};
    use super::*;

    /// A made-up kind: version 2 has split `name`.
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Person {
        given_name: String,
        family_name: String,
    }

    impl Stored for Person {
        const SCHEMA: Schema = Schema {
            written: Some(2),
            read: 2,
        };

        fn upgrade(person: &mut Item, from: u32) {
            if from < 2
                && let Some((given, family)) =
                    text(person, "name").and_then(|name| name.split_once(' '))
            {
                let new = [
                    ("given_name", attribute(given)),
                    ("family_name", attribute(family)),
                ];
                person.extend(new.map(|(name, value)| (name.to_owned(), value)));
            }
        }
    }

    fn ada() -> Person {
        Person {
            given_name: "Ada".to_owned(),
            family_name: "Lovelace".to_owned(),
        }
    }

    fn old() -> Item {
        Item::from([("name".to_owned(), attribute("Ada Lovelace"))])
    }

    fn with_version(mut item: Item, version: impl Serialize) -> Item {
        item.insert(VERSION.to_owned(), attribute(version));
        item
    }

    fn read(item: Item) -> Result<Person, StoreError> {
        parse("read_person", item)
    }

    #[test]
    fn an_item_of_an_older_version_is_upgraded_in_memory() {
        assert_eq!(read(old()).expect("version 1 without a number"), ada());
        assert_eq!(read(with_version(old(), 1)).expect("version 1"), ada());
    }

    #[test]
    fn an_item_is_written_with_its_version_and_not_upgraded_again() {
        let written = item(ada());
        assert_eq!(number(&written, VERSION), Some(2));
        let with_old_name = written
            .into_iter()
            .chain([("name".to_owned(), attribute("Not Ada"))])
            .collect();
        assert_eq!(read(with_old_name).expect("version 2"), ada());
    }

    #[test]
    fn an_item_of_a_newer_version_is_refused() {
        let refused = read(with_version(item(ada()), 3));
        assert!(
            matches!(
                refused,
                Err(StoreError::Newer {
                    found: 3,
                    known: 2,
                    ..
                })
            ),
            "{refused:?}"
        );
    }

    #[test]
    fn an_item_whose_version_is_no_number_above_zero_is_corrupt() {
        for version in [attribute(0), attribute(-1), attribute("2"), attribute(1.5)] {
            let mut item = item(ada());
            item.insert(VERSION.to_owned(), version);
            let refused = read(item);
            assert!(
                matches!(refused, Err(StoreError::Corrupt { .. })),
                "{refused:?}"
            );
        }
    }
}
