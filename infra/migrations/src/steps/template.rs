//! DESCRIPTION.

use shared::routes::Table;
use shared::store::{Change, Sight};

use crate::Migration;

/// See the module.
pub const MIGRATION: Migration = Migration {
    id: "00000000_000000_name",
    description: "DESCRIPTION",
    table: Table::Users,
    up,
    down,
};

fn up(item: &Sight<'_>) -> Option<Change> {
    let is_old = item.is("USER#") && item.version() < 2;
    is_old.then(|| Change::to_version(2))
}

fn down(item: &Sight<'_>) -> Option<Change> {
    let is_new = item.is("USER#") && item.version() == 2;
    is_new.then(|| Change::to_version(1))
}
