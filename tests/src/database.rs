//! Looks into the tables, and ages what stands there.

use std::collections::HashMap;
use std::fmt::Write as _;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use shared::config::Settings;
use shared::store::{AwsBase, client};

use crate::app::TestApp;

/// An item.
pub type Item = HashMap<String, AttributeValue>;

impl TestApp {
    /// A client that goes past the proxy.
    #[must_use]
    pub fn db(&self) -> Client {
        let settings = self
            .aws
            .endpoints
            .variables()
            .into_iter()
            .fold(Settings::default(), |all, (name, value)| all.with(&name, value));
        client(&AwsBase::new(settings))
    }

    /// Every item of a table, named without its prefix.
    pub async fn db_scan(&self, table: &str) -> Vec<Item> {
        let mut items = Vec::new();
        let mut start = None;
        loop {
            let request = self.db().scan().table_name(format!("dashtam-local-{table}")).set_exclusive_start_key(start);
            let page = request.send().await.expect("a page");
            items.extend(page.items.unwrap_or_default());
            start = page.last_evaluated_key;
            if start.is_none() {
                return items;
            }
        }
    }

    /// The items of a table whose key begins with `prefix`.
    pub async fn db_items(&self, table: &str, prefix: &str) -> Vec<Item> {
        let mut items = self.db_scan(table).await;
        items.retain(|item| text(item, "pk").is_some_and(|pk| pk.starts_with(prefix)));
        items
    }

    /// The audit records, oldest first, as `action outcome reason`.
    pub async fn db_audit(&self) -> Vec<String> {
        let mut records: Vec<_> = self.db_scan("audit").await;
        records.sort_by_key(|item| text(item, "event_id").unwrap_or_default().to_owned());
        let field = |item: &Item, name| text(item, name).unwrap_or("-").to_owned();
        records
            .iter()
            .map(|item| format!("{} {} {}", field(item, "action"), field(item, "outcome"), field(item, "reason")))
            .collect()
    }

    /// Puts an item.
    pub async fn db_put(&self, table: &str, item: Item) {
        let request = self.db().put_item().table_name(format!("dashtam-local-{table}")).set_item(Some(item));
        request.send().await.expect("put");
    }

    /// Every item of every table as text, for searches.
    pub async fn db_everything(&self) -> String {
        let mut all = String::new();
        for table in shared::store::Table::ALL {
            let _ = writeln!(all, "{:?}", self.db_scan(table.name()).await);
        }
        all
    }
}

/// A text attribute.
#[must_use]
pub fn text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}
