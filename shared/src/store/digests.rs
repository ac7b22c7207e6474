//! Digests: notices that are gathered into one mail.
//!
//! A digest is an outbox row that waits until it is due. Its identifier follows from account, address and hour, so
//! every mailer finds the same one without a look-up, and the first event of an hour opens it. While it waits it requests
//! nothing; when it is due it is released into the stream like any other row. A sparse index finds those that are due.

use std::collections::BTreeMap;
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
/// A digest lists this many events of a kind with a link, and one of a kind without; it only counts those beyond. The bound is
/// each kind's own, so that what strangers cause again and again leaves room for a sign-in.
const MAX_LISTED: u64 = 5;
/// Longer than a queue keeps a message.
const RETENTION: Duration = Duration::from_secs(30 * 86_400);
/// Over how many partitions the digests that wait are spread.
const SHARDS: u8 = 4;

/// What became of a notice that may be gathered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gathered {
    /// It is in a digest that waits.
    Waiting,
    /// No digest waits for its account and address.
    NoDigest,
}

impl Row {
    /// How many events of `kind` this digest counts.
    #[must_use]
    pub fn count_of(&self, kind: MailKind) -> u64 {
        self.counts.get(&name_of(kind)).copied().unwrap_or_default()
    }
}

impl Store {
    /// Adds a notice to the digest of its account and address, if one waits; with `open`, one is begun.
    pub async fn gather(&self, row: &Row, open: bool) -> Result<Gathered, StoreError> {
        let (Some(address), Some(user), Some(kind)) = (&row.address, row.user_id, row.mail) else {
            return Ok(Gathered::NoDigest);
        };
        let now = self.now();
        let start =
            Timestamp::from_millis(now.as_millis() - now.as_millis().rem_euclid(slot_millis()));
        if !open {
            return self.join(row, kind, digest_of(address, user, start)).await;
        }
        // A digest that was released early by another clock is closed; the next one takes the notice.
        for slot in [start, start.plus(SLOT)] {
            let id = digest_of(address, user, slot);
            let opened = self
                .update("gather", keys::outbox(id), opening(row, kind, id, slot))
                .await?;
            if matches!(opened, Updated::Done(_))
                || self.join(row, kind, id).await? == Gathered::Waiting
            {
                return Ok(Gathered::Waiting);
            }
        }
        Err(StoreError::Contended {
            operation: "gather",
        })
    }

    /// Adds a notice to a digest that waits. One beyond what the digest lists of its kind is counted.
    async fn join(&self, row: &Row, kind: MailKind, digest: RowId) -> Result<Gathered, StoreError> {
        let joined = self
            .update("gather", keys::outbox(digest), joining(row, kind))
            .await?;
        let old = match joined {
            Updated::Done(_) => return Ok(Gathered::Waiting),
            Updated::Unmet(None) => return Ok(Gathered::NoDigest),
            Updated::Unmet(Some(old)) => old,
        };
        if tells_of(&old, row.id) {
            return Ok(Gathered::Waiting);
        }
        if !old.contains_key("due_shard") {
            return Ok(Gathered::NoDigest);
        }
        let counted = Expression::update(
            format!("SET {}", counting(kind)),
            "attribute_exists(#due_shard)",
        )
        .value("one", 1);
        Ok(
            match self.update("gather", keys::outbox(digest), counted).await? {
                Updated::Done(_) => Gathered::Waiting,
                // It was released since.
                Updated::Unmet(_) => Gathered::NoDigest,
            },
        )
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

/// The digest of an account's address in the slot that begins at `slot`.
fn digest_of(address: &str, user: UserId, slot: Timestamp) -> RowId {
    let name = format!("digest\n{address}\n{user}\n{}", slot.as_millis());
    let name = digest::sha256(name.as_bytes());
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

/// The name of a kind in `counts`.
fn name_of(kind: MailKind) -> String {
    attribute(kind).as_s().cloned().unwrap_or_default()
}

/// Counts one more of a kind.
fn counting(kind: MailKind) -> String {
    let name = name_of(kind);
    format!("#counts.#{name} = #counts.#{name} + :one")
}

/// Joins a digest that waits, lists few of the kind, and does not list the row yet.
fn joining(row: &Row, kind: MailKind) -> Expression {
    let update = format!(
        "SET #gathered = list_append(#gathered, :rows), {}",
        counting(kind)
    );
    let condition = format!(
        "attribute_exists(#due_shard) AND NOT contains(#gathered, :row) AND #counts.#{} < :most",
        name_of(kind)
    );
    let most = if kind.can_secure() { MAX_LISTED } else { 1 };
    Expression::update(update, condition)
        .value("rows", [row.id])
        .value("row", row.id)
        .value("most", most)
        .value("one", 1)
}

fn opening(row: &Row, kind: MailKind, id: RowId, slot: Timestamp) -> Expression {
    let update = "SET #id = :id, #user_id = :user, #address = :address, #created_at = :created, #due_shard = :shard, \
                  #due_at = :due, #ttl = :ttl, #gathered = :rows, #counts = :counts";
    let shard = id.uuid().as_bytes().last().copied().unwrap_or_default() % SHARDS;
    let due = slot.plus(SLOT);
    // Every kind is there from the beginning: an update cannot add one to another.
    let counts: BTreeMap<_, _> = MailKind::GATHERED
        .map(|known| (name_of(known), u64::from(known == kind)))
        .into();
    Expression::update(update, "attribute_not_exists(#pk)")
        .value("id", id)
        .value("user", row.user_id)
        .value("address", &row.address)
        .value("created", row.created_at)
        .value("shard", shard.to_string())
        .value("due", due)
        .value("ttl", due.plus(RETENTION).as_secs())
        .value("rows", [row.id])
        .value("counts", counts)
}
