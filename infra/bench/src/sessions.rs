//! Sessions put straight into the table, so that 100,000 take seconds instead of an hour of logins.
//!
//! They are copies of a real one under other keys: live, of the same size, and of the same form whatever that is.

use std::fmt;
use std::str::FromStr;

use dynoxide::types::{AttributeValue, Item};
use dynoxide::{Database, ImportOptions};
use serde_json::json;
use shared::ground::entropy::{OsEntropy, uuid_v4};
use shared::routes::Table;

use crate::Failure;

/// How many are written in one transaction of the engine.
const BATCH: usize = 5_000;

/// Whose the sessions are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// The user whose session is there already: all in one partition.
    Same,
    /// Somebody else each.
    Others,
}

/// An order to add sessions, sent as a line of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fill {
    /// Whose.
    pub owner: Owner,
    /// How many.
    pub count: usize,
}

impl fmt::Display for Fill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let owner = match self.owner {
            Owner::Same => "same",
            Owner::Others => "others",
        };
        write!(f, "{owner} {}", self.count)
    }
}

impl FromStr for Fill {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self, Failure> {
        let (owner, count) = text.split_once(' ').ok_or("no order")?;
        let owner = match owner {
            "same" => Owner::Same,
            "others" => Owner::Others,
            _ => return Err("no such owner".into()),
        };
        Ok(Self {
            owner,
            count: count.parse()?,
        })
    }
}

/// Carries an order out. There must be a session already.
///
/// # Errors
/// The engine's, or there is no session to copy.
pub fn fill(database: &Database, order: Fill) -> Result<(), Failure> {
    let table = format!("dashtam-local-{}", Table::Tokens.name());
    let scan = serde_json::from_value(json!({ "TableName": table, "Limit": 1 }))?;
    let found = database.scan(scan)?.items.unwrap_or_default();
    let pattern = found.first().ok_or("there is no session to copy")?;
    let mut left = order.count;
    while left > 0 {
        let batch = left.min(BATCH);
        left -= batch;
        let copies = (0..batch).map(|_| copy(pattern, order.owner)).collect();
        database.import_items(&table, copies, ImportOptions::default())?;
    }
    Ok(())
}

fn copy(pattern: &Item, owner: Owner) -> Item {
    let mut item = pattern.clone();
    let mut set = |name: &str, text: String| item.insert(name.to_owned(), AttributeValue::S(text));
    let id = uuid_v4(&OsEntropy);
    set("sk", format!("SESSION#{id}"));
    set("id", id.to_string());
    if owner == Owner::Others {
        let user = uuid_v4(&OsEntropy);
        set("pk", format!("USER#{user}"));
        set("user_id", user.to_string());
    }
    item
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_reads_back_as_it_was_written() {
        for order in [
            Fill {
                owner: Owner::Same,
                count: 9,
            },
            Fill {
                owner: Owner::Others,
                count: 0,
            },
        ] {
            assert_eq!(order.to_string().parse::<Fill>().unwrap(), order);
        }
        assert!("many 7".parse::<Fill>().is_err());
    }

    #[test]
    fn a_copy_for_others_shares_neither_key_nor_owner() {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let names = ["pk", "sk", "id", "user_id", "family"];
        let pattern: Item = names
            .into_iter()
            .map(|name| (name.to_owned(), text(name)))
            .collect();
        let (same, other) = (copy(&pattern, Owner::Same), copy(&pattern, Owner::Others));
        let kept = |item: &Item| names.map(|name| item[name] == pattern[name]);
        assert_eq!(kept(&same), [true, false, false, true, true]);
        assert_eq!(kept(&other), [false, false, false, false, true]);
    }
}
