//! USER learns how its password is kept, beside the hash: an operator sees how many accounts still have an imported
//! bcrypt hash or the costs of last year, and nobody has to read a hash for it.

use shared::domain::PasswordScheme;
use shared::store::{Change, Sight, Table};

use crate::Migration;

/// See the module.
pub const MIGRATION: Migration = Migration {
    id: "20261125_083000_password_scheme",
    description: "USER gets password_scheme (version 2)",
    table: Table::Users,
    up,
    down,
};

/// Also mends what a program of before has left: one that set a new hash on an item of version 2 and knew of no scheme.
fn up(user: &Sight<'_>) -> Option<Change> {
    if !user.is("USER#") {
        return None;
    }
    let scheme = PasswordScheme::of(user.text("password_hash")?);
    let is_told = user.version() >= 2 && user.text("password_scheme") == Some(scheme.as_str());
    (!is_told).then(|| Change::to_version(user.version().max(2)).set("password_scheme", scheme))
}

fn down(user: &Sight<'_>) -> Option<Change> {
    let is_new = user.is("USER#") && user.version() == 2;
    is_new.then(|| Change::to_version(1).remove("password_scheme"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use shared::store::Image;

    use super::*;

    fn image(more: &Value) -> Image {
        let mut item = json!({ "pk": { "S": "USER#1" }, "password_hash": { "S": "$2b$12$abc" } });
        item.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Image::from_json(item.as_object().unwrap()).unwrap()
    }

    #[test]
    fn up_concerns_accounts_of_before_and_those_whose_scheme_is_not_that_of_their_hash() {
        let done = json!({ "schema_version": { "N": "2" }, "password_scheme": { "S": "bcrypt cost=12" } });
        assert!(image(&done).examine(up).is_none());
        for old in [
            json!({}),
            json!({ "schema_version": { "N": "1" } }),
            json!({ "schema_version": { "N": "2" }, "password_scheme": { "S": "none" } }),
        ] {
            assert!(image(&old).examine(up).is_some(), "{old}");
        }
        assert!(image(&json!({ "pk": { "S": "EMAIL#1" } })).examine(up).is_none());
    }

    #[test]
    fn down_concerns_only_what_is_of_version_2() {
        assert!(image(&json!({})).examine(down).is_none());
        assert!(image(&json!({ "schema_version": { "N": "3" } })).examine(down).is_none());
        assert!(image(&json!({ "schema_version": { "N": "2" } })).examine(down).is_some());
    }
}
