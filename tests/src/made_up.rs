//! A made-up migration, for the tests of the runner and of `ops migrate`: no migration has been released yet, and the tests
//! of the machinery must not depend on those that a release has. No program that ships depends on this crate.

use aws_sdk_dynamodb::types::AttributeValue;
use migrations::Migration;
use shared::routes::Table;
use shared::store::{Change, Sight};

use crate::database::{Item, text};

/// USER gets `nickname`. The service knows nothing of it: it reads an account of either shape and leaves the attribute
/// alone, as a release does that the migration's release was rolled back to. So the item stays of version 1.
pub const NICKNAME: Migration = Migration {
    id: "20270101_000000_nickname",
    description: "USER gets nickname, the first word of its name",
    table: Table::Users,
    up,
    down,
};

/// The migrations of a made-up release.
pub static MADE_UP: &[Migration] = &[NICKNAME];

fn up(user: &Sight<'_>) -> Option<Change> {
    let is_old = user.is("USER#") && user.version() == 1 && user.text("nickname").is_none();
    let name = user.text("name").filter(|_| is_old)?;
    Some(Change::to_version(1).set("nickname", nickname(name)))
}

fn down(user: &Sight<'_>) -> Option<Change> {
    let is_new = user.is("USER#") && user.version() == 1 && user.text("nickname").is_some();
    is_new.then(|| Change::to_version(1).remove("nickname"))
}

fn nickname(name: &str) -> &str {
    name.split(' ').next().unwrap_or_default()
}

/// Whether an account is as [`NICKNAME`] makes it.
#[must_use]
pub fn is_migrated(user: &Item) -> bool {
    let is_of_version_1 = user.get("schema_version") == Some(&AttributeValue::N("1".to_owned()));
    is_of_version_1
        && text(user, "nickname").is_some_and(|own| text(user, "name").map(nickname) == Some(own))
}
