//! Looks into the tables, and ages what stands there.

use std::collections::HashMap;
use std::fmt::Write as _;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use shared::aws::{AwsBase, client};
use shared::config::Settings;

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
            .fold(Settings::default(), |all, (name, value)| {
                all.with(&name, value)
            });
        let base = AwsBase::new(settings);
        let sockets = base.http();
        client(&base.with_http(self.aws.in_process.client(sockets)))
    }

    /// Every item of a table, named without its prefix.
    pub async fn db_scan(&self, table: &str) -> Vec<Item> {
        let mut items = Vec::new();
        let mut start = None;
        loop {
            let request = self
                .db()
                .scan()
                .table_name(format!("dashtam-local-{table}"))
                .set_exclusive_start_key(start);
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
            .map(|item| {
                format!(
                    "{} {} {}",
                    field(item, "action"),
                    field(item, "outcome"),
                    field(item, "reason")
                )
            })
            .collect()
    }

    /// Sets an attribute of the item that `key` names by its `pk` and `sk`.
    pub async fn db_set(&self, table: &str, key: &Item, name: &str, value: AttributeValue) {
        let request = self
            .db()
            .update_item()
            .table_name(format!("dashtam-local-{table}"))
            .set_key(Some(key_of(key)));
        let request = request
            .update_expression("SET #n = :v")
            .expression_attribute_names("#n", name);
        request
            .expression_attribute_values(":v", value)
            .send()
            .await
            .expect("updated");
    }

    /// The USER item of `email`.
    pub async fn db_user(&self, email: &str) -> Item {
        let users = self.db_items("users", "USER#").await;
        users
            .into_iter()
            .find(|user| text(user, "email") == Some(email))
            .expect("a user")
    }

    /// Makes `email` an admin.
    pub async fn db_grant_admin(&self, email: &str) {
        let user = self.db_user(email).await;
        self.db_set(
            "users",
            &user,
            "role",
            AttributeValue::S("admin".to_owned()),
        )
        .await;
    }

    /// Ages the password proof of every session by `seconds`.
    pub async fn db_age_proofs(&self, seconds: i64) {
        for session in self.db_items("tokens", "USER#").await {
            let proved: i64 = session["auth_time"]
                .as_n()
                .expect("a number")
                .parse()
                .expect("a number");
            let earlier = AttributeValue::N((proved - seconds * 1_000).to_string());
            self.db_set("tokens", &session, "auth_time", earlier).await;
        }
    }

    /// Puts an item.
    pub async fn db_put(&self, table: &str, item: Item) {
        let request = self
            .db()
            .put_item()
            .table_name(format!("dashtam-local-{table}"))
            .set_item(Some(item));
        request.send().await.expect("put");
    }

    /// Removes the items of a table whose key begins with `prefix`.
    pub async fn db_remove(&self, table: &str, prefix: &str) {
        self.db_remove_where(table, prefix, |_| true).await;
    }

    /// Removes those of them that `is_meant`.
    pub async fn db_remove_where(
        &self,
        table: &str,
        prefix: &str,
        is_meant: impl Fn(&Item) -> bool,
    ) {
        for item in self
            .db_items(table, prefix)
            .await
            .into_iter()
            .filter(is_meant)
        {
            let request = self
                .db()
                .delete_item()
                .table_name(format!("dashtam-local-{table}"));
            request
                .set_key(Some(key_of(&item)))
                .send()
                .await
                .expect("removed");
        }
    }

    /// Every item of every table as text, for searches.
    pub async fn db_everything(&self) -> String {
        let mut all = String::new();
        for table in shared::routes::Table::ALL {
            let _ = writeln!(all, "{:?}", self.db_scan(table.name()).await);
        }
        all
    }
}

fn key_of(item: &Item) -> Item {
    let key = item
        .iter()
        .filter(|(name, _)| ["pk", "sk"].contains(&name.as_str()));
    key.map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// A text attribute.
#[must_use]
pub fn text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}
