//! One state change, one transaction.
//!
//! A transaction is built once, carries a request token, and is re-sent only as it is: an answer that got lost after the
//! commit is found again by the token. Conflicts are retried with jitter; a failed condition is the caller's to judge,
//! with the item as it was.

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    CancellationReason, ConditionCheck, Delete, Put, ReturnValuesOnConditionCheckFailure,
    TransactWriteItem, Update,
};

use super::expression::Expression;
use super::item::Item;
use super::keys::Key;
use super::{Store, StoreError, TRIES};
use crate::telemetry::{self, Metric};

const ALL_OLD: ReturnValuesOnConditionCheckFailure = ReturnValuesOnConditionCheckFailure::AllOld;

/// Why a transaction did not happen.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Conditions did not hold: each failed item's label with what was there.
    #[error("a condition of {operation} did not hold")]
    Condition {
        /// What was tried.
        operation: &'static str,
        /// The labels of the failed items, with the items as they were.
        failed: Vec<(&'static str, Option<Item>)>,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl CommitError {
    /// For callers to whom any failed condition means the same.
    pub(super) fn condition_to<T>(self, outcome: T) -> Result<T, StoreError> {
        match self {
            Self::Condition { .. } => Ok(outcome),
            Self::Store(error) => Err(error),
        }
    }
}

/// A transaction under construction.
#[derive(Default)]
pub(super) struct Transaction {
    writes: Vec<(&'static str, Write)>,
}

enum Write {
    Put(Key, Item, Expression),
    Update(Key, Expression),
    Delete(Key, Expression),
    Check(Key, Expression),
}

impl Transaction {
    /// Puts an item; `label` names it in a failure.
    pub(super) fn put(
        mut self,
        label: &'static str,
        key: Key,
        item: Item,
        when: Expression,
    ) -> Self {
        self.writes.push((label, Write::Put(key, item, when)));
        self
    }

    /// Updates an item.
    pub(super) fn update(mut self, label: &'static str, key: Key, expression: Expression) -> Self {
        self.writes.push((label, Write::Update(key, expression)));
        self
    }

    /// Deletes an item.
    pub(super) fn delete(mut self, label: &'static str, key: Key, when: Expression) -> Self {
        self.writes.push((label, Write::Delete(key, when)));
        self
    }

    /// Lets the transaction happen only while an item is as `when` says; needs the right `dynamodb:ConditionCheckItem`. Never for
    /// an item that many requests share: each check of it conflicts with every other one.
    pub(super) fn check(mut self, label: &'static str, key: Key, when: Expression) -> Self {
        self.writes.push((label, Write::Check(key, when)));
        self
    }
}

impl Store {
    /// Commits.
    pub(super) async fn commit(
        &self,
        operation: &'static str,
        transaction: Transaction,
    ) -> Result<(), CommitError> {
        let (labels, writes): (Vec<_>, Vec<_>) = transaction.writes.into_iter().unzip();
        let items: Vec<_> = writes
            .into_iter()
            .map(|write| self.item_of(write))
            .collect::<Result<_, _>>()
            .map_err(|source| StoreError::Refused {
                operation,
                source: Box::new(source),
            })?;
        let token = self.write_id();
        for attempt in 0..TRIES {
            let sent = self
                .client
                .transact_write_items()
                .set_transact_items(Some(items.clone()))
                .client_request_token(&token)
                .send()
                .await;
            let Err(error) = sent else { return Ok(()) };
            let Some(reasons) = cancelled(&error) else {
                if is_in_progress(&error) {
                    telemetry::count(Metric::Conflicts);
                    self.pause(attempt).await;
                    continue;
                }
                return Err(StoreError::from_sdk(operation, error).into());
            };
            let failed: Vec<_> = failed_conditions(&labels, reasons);
            if !failed.is_empty() {
                return Err(CommitError::Condition { operation, failed });
            }
            if !reasons.iter().any(is_temporary) {
                return Err(StoreError::from_sdk(operation, error).into());
            }
            telemetry::count(Metric::Conflicts);
            self.pause(attempt).await;
        }
        Err(StoreError::Contended { operation }.into())
    }

    fn item_of(
        &self,
        write: Write,
    ) -> Result<TransactWriteItem, aws_sdk_dynamodb::error::BuildError> {
        let builder = TransactWriteItem::builder();
        let condition = |expression: &Expression| {
            (!expression.condition.is_empty()).then(|| expression.condition.clone())
        };
        Ok(match write {
            Write::Put(key, item, when) => {
                let table = self.table(key.table);
                let item = key.into_item().into_iter().chain(item).collect();
                let put = Put::builder()
                    .table_name(table)
                    .set_item(Some(item))
                    .set_condition_expression(condition(&when));
                let put = put
                    .set_expression_attribute_names(when.names())
                    .set_expression_attribute_values(when.values());
                builder.put(
                    put.return_values_on_condition_check_failure(ALL_OLD)
                        .build()?,
                )
            }
            Write::Update(key, expression) => {
                let update = Update::builder()
                    .table_name(self.table(key.table))
                    .set_key(Some(key.into_item()));
                let update = update
                    .update_expression(&expression.update)
                    .set_condition_expression(condition(&expression));
                let update = update
                    .set_expression_attribute_names(expression.names())
                    .set_expression_attribute_values(expression.values());
                builder.update(
                    update
                        .return_values_on_condition_check_failure(ALL_OLD)
                        .build()?,
                )
            }
            Write::Delete(key, when) => {
                let delete = Delete::builder()
                    .table_name(self.table(key.table))
                    .set_key(Some(key.into_item()));
                let delete = delete
                    .set_condition_expression(condition(&when))
                    .set_expression_attribute_names(when.names());
                let delete = delete.set_expression_attribute_values(when.values());
                builder.delete(
                    delete
                        .return_values_on_condition_check_failure(ALL_OLD)
                        .build()?,
                )
            }
            Write::Check(key, when) => {
                let check = ConditionCheck::builder()
                    .table_name(self.table(key.table))
                    .set_key(Some(key.into_item()));
                let check = check
                    .set_condition_expression(condition(&when))
                    .set_expression_attribute_names(when.names());
                let check = check.set_expression_attribute_values(when.values());
                builder.condition_check(
                    check
                        .return_values_on_condition_check_failure(ALL_OLD)
                        .build()?,
                )
            }
        }
        .build())
    }
}

fn cancelled(error: &SdkError<TransactWriteItemsError>) -> Option<&[CancellationReason]> {
    match error.as_service_error()? {
        TransactWriteItemsError::TransactionCanceledException(cancelled) => {
            Some(cancelled.cancellation_reasons())
        }
        _ => None,
    }
}

fn is_in_progress(error: &SdkError<TransactWriteItemsError>) -> bool {
    error
        .as_service_error()
        .is_some_and(TransactWriteItemsError::is_transaction_in_progress_exception)
}

fn failed_conditions(
    labels: &[&'static str],
    reasons: &[CancellationReason],
) -> Vec<(&'static str, Option<Item>)> {
    let pairs = labels.iter().zip(reasons);
    let failed = pairs.filter(|(_, reason)| reason.code() == Some("ConditionalCheckFailed"));
    failed
        .map(|(label, reason)| (*label, reason.item().cloned()))
        .collect()
}

fn is_temporary(reason: &CancellationReason) -> bool {
    matches!(
        reason.code(),
        Some("TransactionConflict" | "ThrottlingError" | "ProvisionedThroughputExceeded")
    )
}
