//! Migrations: changes of the stored items' shape, while the service runs.
//!
//! A migration walks a table and changes each item that is of an older version. It may be stopped at any moment, by
//! `kill -9` too, and goes on where it was; what a crash repeats changes nothing, because a step changes only what it
//! still finds to change. The service reads both versions meanwhile (`shared/src/store/schema.rs`), and a write of the
//! service that comes in between wins. `docs/migrations.md` says how one is written, run and taken back.
//!
//! | module | what it does |
//! |---|---|
//! | [`steps`] | the migrations themselves, one file each, and [`steps::ALL`] |
//! | [`overview`](mod@overview) | which are pending, running, applied, and which may go next |
//! | [`runner`] | walks a table: pages, pace, progress, lease |

pub mod overview;
pub mod runner;
pub mod steps;

use shared::routes::Table;
use shared::store::{Change, Sight};

pub use overview::{Listed, Obstacle, Standing, overview};
pub use runner::{MigrationError, Runner, Terms};

/// A change of one kind of item.
///
/// Both steps are pure: what they make of an item depends on nothing else, so it does not matter how often, when, or by
/// whom they are asked. What they look at is what the write is conditional on.
#[derive(Clone, Copy)]
pub struct Migration {
    /// When it was written and what it is about: `20270412_083000_last_seen`. The file is named so, behind an `m`.
    pub id: &'static str,
    /// What it changes, in one line.
    pub description: &'static str,
    /// The table that it walks.
    pub table: Table,
    /// To the newer version; `None` for an item that is not concerned or changed already.
    pub up: fn(&Sight<'_>) -> Option<Change>,
    /// Back to the older version; `None` likewise.
    pub down: fn(&Sight<'_>) -> Option<Change>,
}

impl Migration {
    /// The step of a direction.
    #[must_use]
    pub fn step(&self, is_up: bool) -> fn(&Sight<'_>) -> Option<Change> {
        if is_up { self.up } else { self.down }
    }
}
