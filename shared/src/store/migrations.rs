//! Migrations: what a step sees of an item and does to it, and where each migration has got to.
//!
//! A write of an item is conditional on every attribute that the step has looked at, so whoever writes it in between wins
//! and the step looks again. The progress is one item in `security`, replaced only by whoever read its last write: of two
//! who run the same migration one is told.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};

use super::expression::Expression;
use super::image::Image;
use super::item::{Item, attribute, number, text};
use super::keys::{self, MIGRATION_PREFIX};
use super::schema::{self, Schema, Stored, VERSION, item};
use super::single::{Updated, parse};
use super::transaction::{CommitError, Transaction};
use super::{Store, StoreError};
use crate::audit_event::Entry;
use crate::domain::Timestamp;
use crate::routes::Table;

/// An item as a step sees it. It remembers what was looked at.
pub struct Sight<'a> {
    item: &'a Item,
    seen: RefCell<BTreeSet<&'static str>>,
}

impl<'a> Sight<'a> {
    /// Whether the item's own key, the sort key where there is one, begins so: `USER#`, `SESSION#`.
    #[must_use]
    pub fn is(&self, prefix: &str) -> bool {
        text(self.item, "sk")
            .or(text(self.item, "pk"))
            .is_some_and(|key| key.starts_with(prefix))
    }

    /// A text; `None` where there is none.
    #[must_use]
    pub fn text(&self, name: &'static str) -> Option<&'a str> {
        self.seen.borrow_mut().insert(name);
        text(self.item, name)
    }

    /// A whole number; `None` where there is none.
    #[must_use]
    pub fn number(&self, name: &'static str) -> Option<i64> {
        self.seen.borrow_mut().insert(name);
        number(self.item, name)
    }

    /// The version of the item's shape; 0 if it has none that is one.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.seen.borrow_mut().insert(VERSION);
        schema::version(self.item).unwrap_or_default()
    }
}

/// What a step does to an item.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    set: BTreeMap<&'static str, AttributeValue>,
    remove: BTreeSet<&'static str>,
}

impl Change {
    /// The item is of this version afterwards.
    #[must_use]
    pub fn to_version(version: u32) -> Self {
        Self {
            set: BTreeMap::from([(VERSION, attribute(version))]),
            remove: BTreeSet::new(),
        }
    }

    /// Gives an attribute a value.
    #[must_use]
    pub fn set(mut self, name: &'static str, value: impl Serialize) -> Self {
        self.set.insert(name, attribute(value));
        self
    }

    /// Removes an attribute.
    #[must_use]
    pub fn remove(mut self, name: &'static str) -> Self {
        self.remove.insert(name);
        self
    }
}

/// A change of an item, and what it rests on.
#[derive(Debug, Clone)]
pub struct Attempt {
    change: Change,
    seen: Vec<(&'static str, Option<AttributeValue>)>,
}

impl Attempt {
    fn expression(self) -> Expression {
        let sets: Vec<_> = self
            .change
            .set
            .keys()
            .map(|name| format!("#{name} = :new_{name}"))
            .collect();
        let removes: Vec<_> = self
            .change
            .remove
            .iter()
            .map(|name| format!("#{name}"))
            .collect();
        let remove = if removes.is_empty() {
            String::new()
        } else {
            format!(" REMOVE {}", removes.join(", "))
        };
        let same = self.seen.iter().map(|(name, value)| match value {
            Some(_) => format!("#{name} = :old_{name}"),
            None => format!("attribute_not_exists(#{name})"),
        });
        let condition: Vec<_> = std::iter::once("attribute_exists(#pk)".to_owned())
            .chain(same)
            .collect();
        let expression = Expression::update(
            format!("SET {}{remove}", sets.join(", ")),
            condition.join(" AND "),
        );
        let expression = self
            .change
            .set
            .into_iter()
            .fold(expression, |all, (name, value)| {
                all.raw(&format!("new_{name}"), value)
            });
        let old = self
            .seen
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)));
        old.fold(expression, |all, (name, value)| {
            all.raw(&format!("old_{name}"), value)
        })
    }
}

impl Image {
    /// What `step` wants to do to the item.
    #[must_use]
    pub fn examine(&self, step: fn(&Sight<'_>) -> Option<Change>) -> Option<Attempt> {
        let sight = Sight {
            item: self.item(),
            seen: RefCell::default(),
        };
        let change = step(&sight)?;
        let seen = sight.seen.into_inner().into_iter();
        Some(Attempt {
            change,
            seen: seen
                .map(|name| (name, self.item().get(name).cloned()))
                .collect(),
        })
    }
}

/// How the change of an item went.
#[derive(Debug)]
pub enum Migrated {
    /// It is done.
    Done,
    /// Somebody else has written the item meanwhile; as it is now, if it still is.
    Overtaken(Option<Image>),
}

/// How far a segment of a table has been read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// The key behind which it goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pk: Option<String>,
    /// Its sort key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sk: Option<String>,
    /// Whether its end has been reached.
    pub is_read: bool,
}

/// One way through a table, up or down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MigrationRun {
    /// Whether it goes up.
    pub is_up: bool,
    /// Who began it.
    pub operator: String,
    /// When.
    pub started_at: Timestamp,
    /// When its end was reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// How often it was begun or gone on with.
    pub attempts: u32,
    /// How many items were looked at.
    pub seen: u64,
    /// How many were changed; those of a page that was not saved before a crash are not among them.
    pub changed: u64,
    /// How often somebody else wrote an item between the look and the change.
    pub overtaken: u64,
}

/// Where a migration has got to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MigrationState {
    /// Its name.
    pub id: String,
    /// The name of this write; the next one replaces it and no other.
    pub write: String,
    /// Until when whoever wrote it works on; `None` once the end is reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_until: Option<Timestamp>,
    /// The run that goes on, or the last one.
    pub run: MigrationRun,
    /// How far that run is.
    pub segments: Vec<Segment>,
    /// The runs before it, oldest first.
    pub earlier: Vec<MigrationRun>,
}

impl Stored for MigrationState {
    const SCHEMA: Schema = Schema::FIRST;
}

impl Store {
    /// The items of a table behind a place in segment `number` of `segments`, `limit` at most, and the place behind them.
    pub async fn migration_page(
        &self,
        table: Table,
        (number, segments): (usize, usize),
        place: &Segment,
        limit: u32,
    ) -> Result<(Vec<Image>, Segment), StoreError> {
        let whole = |number: usize| i32::try_from(number).unwrap_or(i32::MAX);
        let start = place
            .pk
            .iter()
            .map(|pk| ("pk", pk))
            .chain(place.sk.iter().map(|sk| ("sk", sk)));
        let start: Item = start
            .map(|(name, text)| (name.to_owned(), attribute(text)))
            .collect();
        let request = self
            .client
            .scan()
            .table_name(self.table(table))
            .consistent_read(true);
        let request = request
            .limit(limit.cast_signed())
            .segment(whole(number))
            .total_segments(whole(segments));
        let request =
            request.set_exclusive_start_key(Some(start).filter(|start| !start.is_empty()));
        let page = request
            .send()
            .await
            .map_err(|error| StoreError::from_sdk("migration_page", error))?;
        let of = |name| {
            page.last_evaluated_key
                .as_ref()
                .and_then(|key| text(key, name))
                .map(str::to_owned)
        };
        let next = Segment {
            pk: of("pk"),
            sk: of("sk"),
            is_read: page.last_evaluated_key.is_none(),
        };
        Ok((
            page.items
                .unwrap_or_default()
                .into_iter()
                .map(Image::new)
                .collect(),
            next,
        ))
    }

    /// Changes an item if it is still as the attempt saw it.
    pub async fn migrate(
        &self,
        table: Table,
        image: &Image,
        attempt: Attempt,
    ) -> Result<Migrated, StoreError> {
        let key = keys::of_item(table, image.item()).ok_or(StoreError::Corrupt {
            operation: "migrate",
            source: None,
        })?;
        Ok(
            match self.update("migrate", key, attempt.expression()).await? {
                Updated::Done(_) => Migrated::Done,
                Updated::Unmet(found) => Migrated::Overtaken(found.map(Image::new)),
            },
        )
    }

    /// Every migration that was ever begun.
    pub async fn migrations(&self) -> Result<Vec<MigrationState>, StoreError> {
        let mut states = Vec::new();
        let mut start = None;
        loop {
            let request = self
                .client
                .scan()
                .table_name(self.table(Table::Security))
                .consistent_read(true);
            let request = request
                .filter_expression("begins_with(pk, :prefix)")
                .expression_attribute_values(":prefix", attribute(MIGRATION_PREFIX))
                .set_exclusive_start_key(start);
            let page = request
                .send()
                .await
                .map_err(|error| StoreError::from_sdk("migrations", error))?;
            for item in page.items.unwrap_or_default() {
                states.push(parse("migrations", item)?);
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(states);
            }
        }
    }

    /// Puts `next` in the place of the state whose write was `before`, with a record where there is one; `false` if
    /// somebody else has written meanwhile. Repeating it with the same `next` changes nothing.
    pub async fn put_migration(
        &self,
        before: Option<&str>,
        next: &MigrationState,
        entry: Option<&Entry>,
    ) -> Result<bool, StoreError> {
        let when = match before {
            Some(before) => Expression::when("#write = :before").value("before", before),
            None => Expression::when("attribute_not_exists(#pk)"),
        };
        let transaction =
            Transaction::default().put("migration", keys::migration(&next.id), item(next), when);
        let transaction = entry.into_iter().fold(transaction, Transaction::audit);
        match self.commit("put_migration", transaction).await {
            Ok(()) => Ok(true),
            Err(CommitError::Condition { failed, .. }) => {
                Ok(failed.iter().any(|(label, found)| {
                    *label == "migration"
                        && found.as_ref().and_then(|item| text(item, "write")) == Some(&next.write)
                }))
            }
            Err(CommitError::Store(error)) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn image() -> Image {
        let item = json!({ "pk": { "S": "USER#1" }, "a": { "S": "x" }, "n": { "N": "7" } });
        Image::from_json(item.as_object().expect("an object")).expect("an image")
    }

    #[test]
    fn a_change_rests_on_everything_that_was_looked_at_and_on_nothing_else() {
        let step = |sight: &Sight<'_>| {
            let is_old = sight.is("USER#") && sight.version() == 1 && sight.text("b").is_none();
            is_old.then(|| Change::to_version(2).set("c", sight.text("a")).remove("d"))
        };
        let expression = image().examine(step).expect("a change").expression();
        assert_eq!(
            expression.update,
            "SET #c = :new_c, #schema_version = :new_schema_version REMOVE #d"
        );
        let seen =
            "#a = :old_a AND attribute_not_exists(#b) AND attribute_not_exists(#schema_version)";
        assert_eq!(
            expression.condition,
            format!("attribute_exists(#pk) AND {seen}")
        );
    }

    #[test]
    fn an_item_that_a_step_does_not_want_is_left_alone() {
        assert!(image().examine(|_| None).is_none());
        assert!(
            image()
                .examine(|sight| sight.is("EMAIL#").then(|| Change::to_version(2)))
                .is_none()
        );
    }
}
