//! The outbox as its operator sees it: what was never done, and handing it on once more.
//!
//! A row that is handed on is marked, the mark is a change in the table's stream, and the pipes take marked rows as they take
//! new ones. So nothing but the table is needed, whatever became of the message: it waits, it is a dead letter, the stream
//! had forgotten it. Consumers do a row's work once, and a message that still waits does no harm.

use super::expression::Expression;
use super::keys;
use super::row::Row;
use super::single::{Updated, parse};
use super::{Store, StoreError};
use crate::domain::{RowId, Timestamp};
use crate::routes::Table;

/// What a row is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Errand {
    /// A mail. The mailer says when it was sent, so rows whose mail was sent are left alone.
    Mail,
    /// A sweep. Nobody says when it was done, and it may be done again.
    Sweep,
}

impl Errand {
    /// Whether a row has it and, as far as the row tells, is not done with it.
    const fn condition(self) -> &'static str {
        match self {
            Self::Mail => "attribute_exists(#mail) AND attribute_not_exists(#settled_at)",
            Self::Sweep => "attribute_exists(#sweep)",
        }
    }
}

impl Store {
    /// The rows with this errand that were asked for by `before`, oldest first. The table is read whole; rows stay in it for
    /// 30 days.
    pub async fn rows_waiting(
        &self,
        errand: Errand,
        before: Timestamp,
    ) -> Result<Vec<Row>, StoreError> {
        const OPERATION: &str = "rows_waiting";
        let filter = format!("{} AND #created_at <= :before", errand.condition());
        let expression = Expression::when(filter).value("before", before);
        let mut rows: Vec<Row> = Vec::new();
        let mut start = None;
        loop {
            let request = self
                .client
                .scan()
                .table_name(self.table(Table::Outbox))
                .set_exclusive_start_key(start);
            let request = request
                .filter_expression(&expression.condition)
                .set_expression_attribute_names(expression.names())
                .set_expression_attribute_values(expression.values());
            let page = request
                .send()
                .await
                .map_err(|error| StoreError::from_sdk(OPERATION, error))?;
            for item in page.items.unwrap_or_default() {
                rows.push(parse(OPERATION, item)?);
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                rows.sort_by_key(|row| (row.created_at, row.id));
                return Ok(rows);
            }
        }
    }

    /// Hands a row on to its consumers once more; `false` if it is gone, or done by now. Repeating it does no harm.
    pub async fn redrive(&self, id: RowId, errand: Errand) -> Result<bool, StoreError> {
        let mark = Expression::update("SET #redriven_at = :now", errand.condition())
            .value("now", self.now());
        Ok(matches!(
            self.update("redrive", keys::outbox(id), mark).await?,
            Updated::Done(_)
        ))
    }
}
