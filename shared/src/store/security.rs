//! SECURITY: the service's version level and public keys, in equal copies.
//!
//! All copies change in one transaction, on the condition that the part that is changed is still as it was read. Level and
//! keys are apart: a rotation of one never undoes one of the other.

use aws_sdk_dynamodb::types::AttributeValue;

use serde::{Deserialize, Serialize};

use super::expression::Expression;
use super::item::Item;
use super::keys::{self, SECURITY_COPIES};
use super::schema::{Schema, Stored, item};
use super::transaction::{CommitError, Transaction};
use super::{Store, StoreError};
use crate::audit_event::Entry;
use crate::domain::{Timestamp, UserId, VersionLevel};
use crate::ground::entropy;
use crate::tokens::{DataKeyInfo, SecurityRecord};

/// What the last global rotation was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastRotation {
    /// Why, in an admin's words.
    pub reason: String,
    /// The version before it.
    pub previous_version: u64,
    /// The version since then.
    pub new_version: u64,
    /// When.
    pub effective_at: Timestamp,
    /// How long what was good until then is let in, in seconds.
    pub grace_period_seconds: u64,
    /// Who; `None` for the operator's command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotated_by: Option<UserId>,
}

impl Stored for LastRotation {
    const SCHEMA: Schema = Schema::NONE;
}

/// The `KEYS#DATA` item.
#[derive(Serialize, Deserialize)]
struct DataKeys {
    keys: Vec<DataKeyInfo>,
}

impl Stored for DataKeys {
    const SCHEMA: Schema = Schema::NONE;
}

impl Store {
    /// One copy, at random. `None` before the first start has made it.
    pub async fn security(&self) -> Result<Option<SecurityRecord>, StoreError> {
        self.read("security", keys::security(self.any_copy())).await
    }

    /// Writes the first record. Another one that was first stays; `false` then.
    pub async fn publish_first(&self, record: &SecurityRecord) -> Result<bool, StoreError> {
        let transaction = (0..SECURITY_COPIES).fold(Transaction::default(), |transaction, copy| {
            let when = Expression::when("attribute_not_exists(#pk)");
            transaction.put(
                "security",
                keys::security(copy),
                copy_of(record, copy),
                when,
            )
        });
        self.commit("publish_first", transaction)
            .await
            .map(|()| true)
            .or_else(|error: CommitError| error.condition_to(false))
    }

    /// Every copy, in their order; `None` for one that is missing.
    pub async fn security_copies(&self) -> Result<Vec<Option<SecurityRecord>>, StoreError> {
        // One after the other, over the one connection of the start: no request waits for this.
        let mut copies = Vec::new();
        for copy in 0..SECURITY_COPIES {
            copies.push(self.read("security_copies", keys::security(copy)).await?);
        }
        Ok(copies)
    }

    /// Makes every copy `record`; `false` if one of them is not as it was `read` any more.
    pub async fn restore_security(
        &self,
        read: &[Option<SecurityRecord>],
        record: &SecurityRecord,
        entry: &Entry,
    ) -> Result<bool, StoreError> {
        let put = |transaction: Transaction, (copy, read): (u8, &Option<SecurityRecord>)| {
            // Those that are right are written as well: a rotation that comes in between must not be undone by the others.
            let when = match read {
                None => Expression::when("attribute_not_exists(#pk)"),
                Some(read) => Expression::when("#ver_current = :level AND #keys_version = :keys")
                    .value("level", read.ver_current)
                    .value("keys", read.keys_version),
            };
            transaction.put(
                "security",
                keys::security(copy),
                copy_of(record, copy),
                when,
            )
        };
        let transaction = (0..)
            .zip(read)
            .fold(Transaction::default(), put)
            .audit(entry);
        self.commit("restore_security", transaction)
            .await
            .map(|()| true)
            .or_else(|error| error.condition_to(false))
    }

    /// Raises the service's version level from the one that was read; `false` if somebody else has raised it meanwhile.
    pub async fn rotate_all(
        &self,
        read: &SecurityRecord,
        level: VersionLevel,
        last: &LastRotation,
        entry: &Entry,
    ) -> Result<bool, StoreError> {
        let update = "SET #ver_current = :current, #ver_floor = :floor, #ver_until = :until, #effective_at = :now";
        let expression = Expression::update(update, "#ver_current = :read")
            .value("read", read.ver_current)
            .value("current", level.current)
            .value("floor", level.floor)
            .value("until", level.until)
            .value("now", last.effective_at);
        let transaction = on_all_copies(&expression).put(
            "last",
            keys::last_rotation(),
            item(last),
            Expression::default(),
        );
        let committed = self.commit("rotate_all", transaction.audit(entry)).await;
        committed
            .map(|()| true)
            .or_else(|error| error.condition_to(false))
    }

    /// Changes the keys from those that were read; `false` if somebody else has changed them meanwhile.
    pub async fn change_keys(
        &self,
        read: &SecurityRecord,
        next: &SecurityRecord,
        entry: &Entry,
    ) -> Result<bool, StoreError> {
        let (set_next, remove_next) = if next.next.is_some() {
            (", #next = :next", "")
        } else {
            ("", " REMOVE #next")
        };
        let update = format!(
            "SET #active_kid = :active, #keys = :keys, #keys_version = :version{set_next}{remove_next}"
        );
        let mut expression = Expression::update(update, "#keys_version = :read")
            .value("active", &next.active_kid)
            .value("keys", &next.keys)
            .value("version", next.keys_version)
            .value("read", read.keys_version);
        if let Some(next) = &next.next {
            expression = expression.value("next", next);
        }
        let committed = self
            .commit("change_keys", on_all_copies(&expression).audit(entry))
            .await;
        committed
            .map(|()| true)
            .or_else(|error| error.condition_to(false))
    }

    /// What the last global rotation was, if there was one.
    pub async fn last_rotation(&self) -> Result<Option<LastRotation>, StoreError> {
        self.read("last_rotation", keys::last_rotation()).await
    }

    /// The versions of the data ring, oldest first.
    pub async fn data_keys(&self) -> Result<Vec<DataKeyInfo>, StoreError> {
        let found: Option<DataKeys> = self.read("data_keys", keys::data_keys()).await?;
        Ok(found.map(|found| found.keys).unwrap_or_default())
    }

    /// Writes down the versions of the data ring, unless as many or more are: versions are only ever added, and whoever
    /// writes late knows fewer. Repeating it changes nothing and leaves no second record.
    pub async fn publish_data_keys(
        &self,
        infos: &[DataKeyInfo],
        entry: &Entry,
    ) -> Result<(), StoreError> {
        let fewer = Expression::when("attribute_not_exists(#keys) OR size(#keys) < :count")
            .value("count", infos.len());
        let keys = item(DataKeys {
            keys: infos.to_vec(),
        });
        let transaction = Transaction::default()
            .put("data keys", keys::data_keys(), keys, fewer)
            .audit(entry);
        self.commit("publish_data_keys", transaction)
            .await
            .or_else(|error| error.condition_to(()))
    }

    /// Writes down the versions of the first data ring, if nothing is written down yet.
    pub async fn publish_first_data_keys(&self, infos: &[DataKeyInfo]) -> Result<(), StoreError> {
        let absent = Expression::when("attribute_not_exists(#pk)");
        let keys = item(DataKeys {
            keys: infos.to_vec(),
        });
        let transaction = Transaction::default().put("data keys", keys::data_keys(), keys, absent);
        self.commit("publish_first_data_keys", transaction)
            .await
            .or_else(|error| error.condition_to(()))
    }

    /// The number of a copy, at random.
    pub(super) fn any_copy(&self) -> u8 {
        let [byte] = entropy::bytes::<1>(self.entropy());
        byte % SECURITY_COPIES
    }
}

fn copy_of(record: &SecurityRecord, copy: u8) -> Item {
    let mut item = item(record);
    item.insert("copy".to_owned(), AttributeValue::N(copy.to_string()));
    item
}

fn on_all_copies(expression: &Expression) -> Transaction {
    (0..SECURITY_COPIES).fold(Transaction::default(), |transaction, copy| {
        transaction.update("security", keys::security(copy), expression.clone())
    })
}
