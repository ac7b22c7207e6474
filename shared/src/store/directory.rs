//! Lists of accounts and invitations, by an index that holds nothing but keys. No rule goes by it: it is behind the table by
//! up to some seconds.
//!
//! Accounts are spread over sixteen partitions by the first digit of their identifier, and each partition is sorted by
//! identifier, so the partitions in their order are all accounts in theirs.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::addresses::Address;
use super::directory_partition::Directory;
use super::invitations::Invitation;
use super::item::{Item, text};
use super::schema::Stored;
use super::single::parse;
use super::{Store, StoreError, TRIES};
use crate::domain::User;
use crate::routes::{Index, Table};

/// A page of a list, and where the next one begins.
#[derive(Debug)]
pub struct Listed<T> {
    /// What is there. It may be fewer than were asked for.
    pub items: Vec<T>,
    /// The last identifier that was passed; `None` if the list ends here.
    pub next: Option<Uuid>,
}

impl Store {
    /// Up to `most` accounts after the identifier `after`, by identifier.
    pub async fn list_users(
        &self,
        after: Option<Uuid>,
        most: u64,
    ) -> Result<Listed<User>, StoreError> {
        self.list("list_users", Directory::users_after(after), after, most)
            .await
    }

    /// Up to `most` invitations after the identifier `after`, by identifier. One that its address no longer names is left out.
    pub async fn list_invitations(
        &self,
        after: Option<Uuid>,
        most: u64,
    ) -> Result<Listed<Invitation>, StoreError> {
        const OPERATION: &str = "list_invitations";
        let mut page: Listed<Invitation> = self
            .list(OPERATION, vec![Directory::Invitations], after, most)
            .await?;
        let named: BTreeSet<String> = page
            .items
            .iter()
            .filter_map(Invitation::address_key)
            .collect();
        let addresses: Vec<Address> = self
            .read_all(OPERATION, named.into_iter().collect())
            .await?;
        let newest: BTreeSet<_> = addresses
            .iter()
            .filter_map(|address| address.invitation)
            .collect();
        page.items
            .retain(|invitation| newest.contains(&invitation.id));
        Ok(page)
    }

    async fn list<T: DeserializeOwned + Stored>(
        &self,
        operation: &'static str,
        partitions: Vec<Directory>,
        after: Option<Uuid>,
        most: u64,
    ) -> Result<Listed<T>, StoreError> {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let mut found: Vec<(String, Uuid)> = Vec::new();
        let mut more = false;
        for partition in partitions {
            let page = self
                .keys_of(operation, partition, after, most + 1 - found.len())
                .await?;
            found.extend(page);
            if found.len() > most {
                found.truncate(most);
                more = true;
                break;
            }
        }
        let next = found.last().map(|(_, id)| *id).filter(|_| more);
        let keys = found.into_iter().map(|(pk, _)| pk).collect();
        Ok(Listed {
            items: self.read_all(operation, keys).await?,
            next,
        })
    }

    /// Keys and identifiers of a partition.
    async fn keys_of(
        &self,
        operation: &'static str,
        partition: Directory,
        after: Option<Uuid>,
        most: usize,
    ) -> Result<Vec<(String, Uuid)>, StoreError> {
        let after = after.map(|after| after.to_string()).unwrap_or_default();
        let request = self
            .client
            .query()
            .table_name(self.table(Table::Users))
            .index_name(Index::ByDirectory.name())
            .key_condition_expression("#partition = :partition AND id > :after")
            .expression_attribute_names("#partition", Index::ByDirectory.attribute())
            .expression_attribute_values(":partition", AttributeValue::S(partition.partition()))
            .expression_attribute_values(
                ":after",
                AttributeValue::S(if after.is_empty() {
                    "-".to_owned()
                } else {
                    after
                }),
            )
            .limit(i32::try_from(most).unwrap_or(i32::MAX));
        let answer = request
            .send()
            .await
            .map_err(|error| StoreError::from_sdk(operation, error))?;
        let keys = answer.items.unwrap_or_default();
        Ok(keys
            .iter()
            .filter_map(|item| {
                Some((
                    text(item, "pk")?.to_owned(),
                    text(item, "id")?.parse().ok()?,
                ))
            })
            .collect())
    }

    /// The items of these keys, in their order; what is gone by now is left out.
    async fn read_all<T: DeserializeOwned + Stored>(
        &self,
        operation: &'static str,
        keys: Vec<String>,
    ) -> Result<Vec<T>, StoreError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let key = |pk: &String| HashMap::from([("pk".to_owned(), AttributeValue::S(pk.clone()))]);
        let all = keys.iter().map(key).collect();
        let request = KeysAndAttributes::builder()
            .set_keys(Some(all))
            .consistent_read(true)
            .build();
        let request = request.map_err(|source| StoreError::Refused {
            operation,
            source: Box::new(source),
        })?;
        let mut missing = HashMap::from([(self.table(Table::Users), request)]);
        let mut found: HashMap<String, Item> = HashMap::new();
        for attempt in 0..TRIES {
            let answer = self
                .client
                .batch_get_item()
                .set_request_items(Some(missing))
                .send()
                .await;
            let answer = answer.map_err(|error| StoreError::from_sdk(operation, error))?;
            let items = answer.responses.unwrap_or_default().into_values().flatten();
            found.extend(items.filter_map(|item| Some((text(&item, "pk")?.to_owned(), item))));
            missing = answer.unprocessed_keys.unwrap_or_default();
            if missing.is_empty() {
                let in_order = keys.iter().filter_map(|pk| found.remove(pk));
                return in_order.map(|item| parse(operation, item)).collect();
            }
            self.pause(attempt).await;
        }
        Err(StoreError::Unavailable {
            operation,
            source: None,
        })
    }
}
