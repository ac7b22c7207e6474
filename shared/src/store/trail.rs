//! Reading the audit trail: for investigators. No endpoint of an account's owner and no rule reads it.
//!
//! A partition is read from its newest record on, so that a bounded look shows what happened last. Records that concern
//! nobody known, the service as a whole, or refusals that are recorded once stand in the partitions of their day.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::keys::{self, Table};
use super::single::parse;
use super::{Store, StoreError};
use crate::domain::{EventId, SessionId, Timestamp, UserId};

/// A record as it is read; [`crate::audit::Entry`] says what its members mean.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(missing_docs, reason = "`Entry` documents the same members")]
pub struct Record {
    pub event_id: EventId,
    #[serde(serialize_with = "Timestamp::rfc3339")]
    pub occurred_at: Timestamp,
    pub action: String,
    pub outcome: String,
    #[serde(default)]
    pub reason: Option<String>,
    #[serde(default)]
    pub user_id: Option<UserId>,
    #[serde(default)]
    pub actor_id: Option<UserId>,
    #[serde(default)]
    pub session_id: Option<SessionId>,
    pub request_id: Uuid,
    pub trace_id: String,
    pub method: String,
    pub endpoint: String,
    pub ip_address: String,
    pub user_agent: String,
    pub fingerprint: String,
    #[serde(default)]
    pub details: BTreeMap<String, String>,
}

/// Which records are looked for.
pub struct Search<'a> {
    /// The earliest moment.
    pub from: Timestamp,
    /// The latest moment.
    pub to: Timestamp,
    /// At most this many, the newest.
    pub most: usize,
    /// What else is asked of a record.
    pub wanted: &'a (dyn Fn(&Record) -> bool + Sync),
}

impl Store {
    /// The records of a user's partition, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn records_of_user(&self, user: UserId, search: &Search<'_>) -> Result<Vec<Record>, StoreError> {
        self.records_in(keys::audit_of_user(user), search).await
    }

    /// The records that stand in no user's partition, newest first: sixteen partitions for each day.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn records_of_nobody(&self, search: &Search<'_>) -> Result<Vec<Record>, StoreError> {
        let mut found = Vec::new();
        let mut day = search.to.as_millis().div_euclid(keys::DAY_MILLIS);
        let first = search.from.as_millis().div_euclid(keys::DAY_MILLIS);
        while day >= first && found.len() < search.most {
            let start = Timestamp::from_millis(day * keys::DAY_MILLIS);
            let partitions = keys::audit_of_day(start).map(|partition| self.records_in(partition, search));
            for records in futures::future::try_join_all(partitions).await? {
                found.extend(records);
            }
            day -= 1;
        }
        found.sort_by_key(|record| std::cmp::Reverse((record.occurred_at, record.event_id)));
        found.truncate(search.most);
        Ok(found)
    }

    /// The records of one partition, newest first, strongly consistent.
    async fn records_in(&self, partition: String, search: &Search<'_>) -> Result<Vec<Record>, StoreError> {
        let (least, most) = keys::audit_span(search.from, search.to);
        let mut found = Vec::new();
        let mut start = None;
        loop {
            let request = self.client.query().table_name(self.table(Table::Audit)).consistent_read(true);
            let request = request.key_condition_expression("pk = :pk AND sk BETWEEN :least AND :most");
            let request = request.expression_attribute_values(":pk", AttributeValue::S(partition.clone()));
            let request = request.expression_attribute_values(":least", AttributeValue::S(least.clone()));
            let request = request.expression_attribute_values(":most", AttributeValue::S(most.clone()));
            let request = request.scan_index_forward(false).set_exclusive_start_key(start);
            let page = request.send().await.map_err(|error| StoreError::from_sdk("records", error))?;
            for item in page.items.unwrap_or_default() {
                let record: Record = parse("records", item)?;
                let in_time = search.from <= record.occurred_at && record.occurred_at <= search.to;
                if in_time && (search.wanted)(&record) {
                    found.push(record);
                }
                if found.len() >= search.most {
                    return Ok(found);
                }
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(found);
            }
        }
    }
}
