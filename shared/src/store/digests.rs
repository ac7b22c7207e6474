//! Digests: notices that are gathered into one mail.
//!
//! A digest is an outbox row that waits until it is due. Its identifier follows from the address and the hour, so
//! every mailer finds the same one without a look-up, and the first event of an hour opens it. While it waits it requests
//! nothing; when it is due it is released into the stream like any other row. A sparse index finds those that are due.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;

use super::expression::Expression;
use super::item::{Item, attribute, text};
use super::keys;
use super::row::Row;
use super::single::Updated;
use super::{Store, StoreError};
use crate::clock::MAX_CLOCK_SKEW;
use crate::domain::{RowId, Timestamp, UserId};
use crate::ground::{digest, entropy};
use crate::routes::{Index, MailKind, Table};

/// Events of one address within this long are gathered into one digest.
const SLOT: Duration = Duration::from_secs(3_600);
/// A digest tells of this many events; it only counts those beyond.
pub const MOST_TOLD: usize = 20;
/// Longer than a queue keeps a message.
const RETENTION: Duration = Duration::from_secs(30 * 86_400);
/// Over how many partitions the digests that wait are spread.
const SHARDS: u8 = 4;

/// What became of a notice that may be gathered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gathered {
    /// It is in a digest that waits.
    Waiting,
    /// No digest waits for its address.
    NoDigest,
}

impl Store {
    /// Adds a notice to the digest of its address, if one waits; with `open`, one is begun.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn gather(&self, row: &Row, open: bool) -> Result<Gathered, StoreError> {
        let (Some(address), Some(user)) = (&row.address, row.user_id) else {
            return Ok(Gathered::NoDigest);
        };
        let now = self.now();
        let start =
            Timestamp::from_millis(now.as_millis() - now.as_millis().rem_euclid(slot_millis()));
        // A digest that was released early by another clock is closed; the next one takes the notice.
        for slot in [start, start.plus(SLOT)] {
            let expression = if open {
                opening(row, address, user, slot)
            } else {
                joining(row)
            };
            match self
                .update("gather", keys::outbox(digest_of(address, slot)), expression)
                .await?
            {
                Updated::Done(_) => return Ok(Gathered::Waiting),
                Updated::Unmet(Some(old)) if tells_of(&old, row.id) => {
                    return Ok(Gathered::Waiting);
                }
                Updated::Unmet(Some(old)) if is_full(&old) => {
                    let counted = Expression::update(
                        "SET #total = #total + :one",
                        "attribute_exists(#due_shard)",
                    )
                    .value("one", 1);
                    self.update("gather", keys::outbox(digest_of(address, slot)), counted)
                        .await?;
                    return Ok(Gathered::Waiting);
                }
                Updated::Unmet(_) => {}
            }
            if !open {
                return Ok(Gathered::NoDigest);
            }
        }
        Err(StoreError::Contended {
            operation: "gather",
        })
    }

    /// Releases every digest that is due to the mailer. Repeating it does no harm.
    ///
    /// # Errors
    /// [`StoreError`]; what was released stays released, and the next run goes on.
    pub async fn release_digests(&self) -> Result<usize, StoreError> {
        let now = self.now();
        let mut released = 0;
        for shard in 0..SHARDS {
            for id in self.due_digests(shard, now).await? {
                let due = Expression::update(
                    "SET #mail = :digest, #redriven_at = :now REMOVE #due_shard",
                    "#due_shard = :shard",
                )
                .value("digest", MailKind::Digest)
                .value("now", now)
                .value("shard", shard.to_string());
                let done = self
                    .update("release_digests", keys::outbox(id), due)
                    .await?;
                released += usize::from(matches!(done, Updated::Done(_)));
            }
        }
        Ok(released)
    }

    /// The digests that are due at `now`, and those that would be due later than any digest can be: a clock that was ahead
    /// has opened them.
    async fn due_digests(&self, shard: u8, now: Timestamp) -> Result<Vec<RowId>, StoreError> {
        let mut due = self.waiting_digests(shard, "due_at <= :bound", now).await?;
        let latest = now.plus(SLOT * 2).plus(MAX_CLOCK_SKEW);
        due.extend(
            self.waiting_digests(shard, "due_at > :bound", latest)
                .await?,
        );
        Ok(due)
    }

    async fn waiting_digests(
        &self,
        shard: u8,
        when: &str,
        bound: Timestamp,
    ) -> Result<Vec<RowId>, StoreError> {
        const OPERATION: &str = "due_digests";
        let mut due = Vec::new();
        let mut start = None;
        loop {
            let request = self
                .client
                .query()
                .table_name(self.table(Table::Outbox))
                .index_name(Index::DueDigests.name())
                .key_condition_expression(format!("due_shard = :shard AND {when}"))
                .expression_attribute_values(":shard", AttributeValue::S(shard.to_string()))
                .expression_attribute_values(":bound", attribute(bound))
                .set_exclusive_start_key(start);
            let page = request
                .send()
                .await
                .map_err(|error| StoreError::from_sdk(OPERATION, error))?;
            let keys = page.items.unwrap_or_default();
            due.extend(
                keys.iter()
                    .filter_map(|item| Self::row_named(text(item, "pk")?)),
            );
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(due);
            }
        }
    }
}

fn slot_millis() -> i64 {
    i64::try_from(SLOT.as_millis()).unwrap_or(i64::MAX)
}

/// The digest of an address in the slot that begins at `slot`.
fn digest_of(address: &str, slot: Timestamp) -> RowId {
    let name = digest::sha256(format!("digest\n{address}\n{}", slot.as_millis()).as_bytes());
    let rest = name.first_chunk().copied().unwrap_or_default();
    RowId::new(entropy::uuid_v7_with(slot, &rest))
}

fn tells_of(old: &Item, row: RowId) -> bool {
    let rows = old.get("gathered").and_then(|rows| rows.as_l().ok());
    rows.is_some_and(|rows| {
        rows.iter()
            .any(|told| told.as_s().is_ok_and(|told| *told == row.to_string()))
    })
}

/// Whether the digest still waits and tells of as many events as it can.
fn is_full(old: &Item) -> bool {
    let rows = old.get("gathered").and_then(|rows| rows.as_l().ok());
    old.contains_key("due_shard") && rows.is_some_and(|rows| rows.len() >= MOST_TOLD)
}

/// The digest waits, has room, and does not tell of the row yet.
const WAITS: &str =
    "attribute_exists(#due_shard) AND size(#gathered) < :most AND NOT contains(#gathered, :row)";

fn joining(row: &Row) -> Expression {
    Expression::update(
        "SET #gathered = list_append(#gathered, :rows), #total = #total + :one",
        WAITS,
    )
    .value("rows", [row.id])
    .value("row", row.id)
    .value("most", MOST_TOLD)
    .value("one", 1)
}

fn opening(row: &Row, address: &str, user: UserId, slot: Timestamp) -> Expression {
    let id = digest_of(address, slot);
    let update = "SET #id = :id, #user_id = :user, #address = :address, #level = if_not_exists(#level, :level), \
                  #created_at = if_not_exists(#created_at, :created), #due_shard = :shard, #due_at = :due, #ttl = :ttl, \
                  #gathered = list_append(if_not_exists(#gathered, :nothing), :rows), #total = if_not_exists(#total, :zero) + :one";
    let condition = format!("attribute_not_exists(#pk) OR ({WAITS})");
    let shard = id.uuid().as_bytes().last().copied().unwrap_or_default() % SHARDS;
    let due = slot.plus(SLOT);
    Expression::update(update, condition)
        .value("id", id)
        .value("user", user)
        .value("address", address)
        .value("level", row.level)
        .value("created", row.created_at)
        .value("shard", shard.to_string())
        .value("due", due)
        .value("ttl", due.plus(RETENTION).as_secs())
        .value("nothing", Vec::<RowId>::new())
        .value("rows", [row.id])
        .value("row", row.id)
        .value("most", MOST_TOLD)
        .value("zero", 0)
        .value("one", 1)
}
