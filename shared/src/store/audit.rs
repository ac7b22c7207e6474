//! The audit trail: put only, and only where nothing is yet.

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::AttributeValue;

use super::expression::Expression;
use super::item::{Item, attribute};
use super::keys::{self, Key};
use super::schema::item;
use super::transaction::Transaction;
use super::{Row, Store, StoreError};
use crate::audit_event::{Entry, Outcome, Refusal};
use crate::domain::SessionId;
use crate::request::RequestMeta;
use crate::routes::Index;

/// The condition of every put: a record is never changed.
const ABSENT: &str = "attribute_not_exists(#pk)";

impl Transaction {
    /// Adds the record of the change.
    pub(super) fn audit(self, entry: &Entry) -> Self {
        let key = keys::audit(entry.user_id, entry.occurred_at, entry.event_id);
        self.put("audit", key, audit_item(entry), Expression::when(ABSENT))
    }

    /// Adds the record that opens its session: all others of the session are found by way of it.
    pub(super) fn audit_opening(self, entry: &Entry) -> Self {
        let key = keys::audit(entry.user_id, entry.occurred_at, entry.event_id);
        let mut record = audit_item(entry);
        record.extend(entry.session_id.map(in_session));
        self.put("audit", key, record, Expression::when(ABSENT))
    }
}

impl Store {
    /// Records a refusal.
    ///
    /// # Errors
    /// [`StoreError`] if it could not be recorded.
    pub async fn record_refusal(
        &self,
        meta: &RequestMeta,
        refusal: &Refusal,
    ) -> Result<(), StoreError> {
        let mut entry = self
            .entry_with(meta, Outcome::Refused)
            .reason(refusal.cause);
        entry.user_id = refusal.user_id;
        entry.actor_id = refusal.actor_id;
        entry.session_id = refusal.session_id;
        entry.details.clone_from(&refusal.details);
        if let Some(notice) = &refusal.notice {
            let row = self
                .row(&entry, Some(notice.kind), refusal.user_id)
                .asked_by(meta);
            let row = Row {
                address: notice.address.clone(),
                level: notice.level,
                ..row
            };
            return self.ask_for_mail(&row, &entry).await;
        }
        if let Some(name) = &refusal.once {
            return self.record_once(&entry, name).await;
        }
        let key = keys::audit(entry.user_id, entry.occurred_at, entry.event_id);
        self.put_record(key, audit_item(&entry)).await
    }

    /// Records what is recorded once: of all entries with the same `name` within ten minutes the first one.
    ///
    /// # Errors
    /// [`StoreError`] if it could not be recorded.
    pub async fn record_once(&self, entry: &Entry, name: &str) -> Result<(), StoreError> {
        let mut item = audit_item(entry);
        // It cannot stand in the user's partition, since its key is not that of its own moment.
        if let Some(user) = entry.user_id {
            item.insert(Index::ByUser.attribute().to_owned(), attribute(user));
        }
        self.put_record(keys::audit_once(entry.occurred_at, name), item)
            .await
    }

    /// A record that stands already is this one: its key names the event, or the refusals that it stands for.
    async fn put_record(&self, key: Key, record: Item) -> Result<(), StoreError> {
        let table = self.table(key.table);
        let item: Item = key.into_item().into_iter().chain(record).collect();
        let request = self
            .client
            .put_item()
            .table_name(table)
            .set_item(Some(item))
            .condition_expression(ABSENT);
        match request.expression_attribute_names("#pk", "pk").send().await {
            Ok(_) => Ok(()),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(PutItemError::is_conditional_check_failed_exception) =>
            {
                Ok(())
            }
            Err(error) => Err(StoreError::from_sdk("record_refusal", error)),
        }
    }
}

/// A record as it is stored, with what the indexes go by. Each index that it is in costs a write, so it is in that of its
/// session only if it cannot be found among those of the session's user.
fn audit_item(entry: &Entry) -> Item {
    let mut item = item(entry);
    item.insert(
        Index::ByMonth.attribute().to_owned(),
        attribute(keys::audit_month(entry.occurred_at, entry.event_id)),
    );
    let is_of_its_user = entry.user_id.is_some()
        && entry
            .actor_id
            .is_none_or(|actor| Some(actor) == entry.user_id);
    if !is_of_its_user {
        item.extend(entry.session_id.map(in_session));
    }
    item
}

fn in_session(session: SessionId) -> (String, AttributeValue) {
    (Index::BySession.attribute().to_owned(), attribute(session))
}
