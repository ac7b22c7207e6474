//! The versions of the items' shapes.
//!
//! Items that live long carry `schema_version`; one without it is of version 1. A reader takes every version up to the
//! newest that it knows, and brings what is older up to date in memory; the table follows with the next write that is
//! made anyway, or with a migration. It refuses what is newer: after a release was rolled back an older program must not
//! guess what a newer one meant. So a release first learns to read a version, and the next one writes it
//! (`docs/migrations.md`).

use serde::Serialize;

use super::item::{Item, attribute, number};
use crate::audit_event::Entry;
use crate::domain::{Session, User};
use crate::tokens::SecurityRecord;

/// The attribute that holds the version.
pub(super) const VERSION: &str = "schema_version";

/// The versions of one kind of item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schema {
    /// The version that is written; `None` for what needs no number yet: it is replaced as a whole, gone before a
    /// change of its shape counts, or of version 1 by having none.
    pub written: Option<u32>,
    /// The newest version that is read; all older ones are, too.
    pub read: u32,
}

impl Schema {
    /// Written and read as version 1.
    pub(super) const FIRST: Self = Self {
        written: Some(1),
        read: 1,
    };
    /// Without a version.
    pub(super) const NONE: Self = Self {
        written: None,
        read: 1,
    };
}

/// What is stored as an item.
pub(super) trait Stored {
    /// Its versions.
    const SCHEMA: Schema;

    /// Brings an item of an older version up to date, in memory.
    fn upgrade(_item: &mut Item, _from: u32) {}
}

impl Stored for User {
    const SCHEMA: Schema = Schema::FIRST;
}

impl<T: Stored> Stored for &T {
    const SCHEMA: Schema = T::SCHEMA;
}

impl Stored for Session {
    const SCHEMA: Schema = Schema::FIRST;
}

impl Stored for SecurityRecord {
    const SCHEMA: Schema = Schema::FIRST;
}

/// A record is sealed as it is written, so no migration ever changes one: a new shape is a new version beside the old. It
/// is of version 1 by having none, since the longest records have not the bytes left that a number would take.
impl Stored for Entry {
    const SCHEMA: Schema = Schema::NONE;
}

/// An item's version; `None` if it is none.
pub(super) fn version(item: &Item) -> Option<u32> {
    if !item.contains_key(VERSION) {
        return Some(1);
    }
    number(item, VERSION)
        .and_then(|version| version.try_into().ok())
        .filter(|version| *version > 0)
}

/// A struct as an item, with the version of its shape.
pub(super) fn item<T: Serialize + Stored>(value: T) -> Item {
    let mut item: Item = serde_dynamo::to_item(value).unwrap_or_default();
    item.extend(
        T::SCHEMA
            .written
            .map(|version| (VERSION.to_owned(), attribute(version))),
    );
    item
}
