//! Reads and conditional writes of one item.

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure};
use serde::de::DeserializeOwned;

use super::expression::{Expression, Item};
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
        let answer = request.send().await.map_err(|error| StoreError::from_sdk(operation, error))?;
        answer.item.map(|item| parse(operation, item)).transpose()
    }

    /// Updates an item if the condition holds. Conflicts with a running transaction are retried.
    pub(super) async fn update(
        &self,
        operation: &'static str,
        key: Key,
        expression: Expression,
    ) -> Result<Updated, StoreError> {
        let request = self.client.update_item().table_name(self.table(key.table)).set_key(Some(key.into_item()));
        let condition = (!expression.condition.is_empty()).then(|| expression.condition.clone());
        let request = request.update_expression(&expression.update).set_condition_expression(condition);
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
pub(super) fn parse<T: DeserializeOwned + Stored>(operation: &'static str, mut item: Item) -> Result<T, StoreError> {
    let known = T::SCHEMA.read;
    match schema::version(&item) {
        None => return Err(StoreError::Corrupt { operation, source: None }),
        Some(found) if found > known => return Err(StoreError::Newer { operation, found, known }),
        Some(found) => T::upgrade(&mut item, found),
    }
    serde_dynamo::from_item(item).map_err(|error| StoreError::corrupt(operation, error))
}

/// A number in an item.
pub(super) fn number(item: &Item, name: &str) -> Option<i64> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

/// A text in an item.
pub(super) fn text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}
