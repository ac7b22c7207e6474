//! The seals of the audit trail: chains of texts in a table of their own, each put once where nothing stands.

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};

use super::image::Image;
use super::item::Item;
use super::keys::{self, Chain};
use super::schema::{Schema, Stored, item};
use super::single::parse;
use super::{Store, StoreError};
use crate::routes::Table;

/// A link of a chain as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seal {
    /// The place in the chain, from 1; stands in the key.
    #[serde(skip)]
    pub number: u64,
    /// The text that is hashed.
    pub body: String,
    /// The hash that was stored with it.
    pub hash: String,
    /// A checkpoint's signature, base64url.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
    /// The key of the signature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
}

impl Stored for Seal {
    const SCHEMA: Schema = Schema::NONE;
}

/// Items of one answer, and from where to go on.
#[derive(Debug)]
pub struct Page<T> {
    /// What was read.
    pub items: Vec<T>,
    next: Option<Item>,
}

impl<T> Page<T> {
    /// Where the next page begins; `None` behind the last.
    #[must_use]
    pub fn rest(&mut self) -> Option<Start> {
        self.next.take().map(Start)
    }
}

/// Where a page begins.
#[derive(Debug, Clone)]
pub struct Start(Item);

impl Store {
    /// Puts a link; `false` if its place is taken.
    pub async fn put_seal(&self, chain: Chain, seal: &Seal) -> Result<bool, StoreError> {
        let key = keys::seal(chain, seal.number);
        let request = self.client.put_item().table_name(self.table(key.table));
        let request = request.set_item(Some(
            key.into_item().into_iter().chain(item(seal)).collect(),
        ));
        match request
            .condition_expression("attribute_not_exists(pk)")
            .send()
            .await
        {
            Ok(_) => Ok(true),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(PutItemError::is_conditional_check_failed_exception) =>
            {
                Ok(false)
            }
            Err(error) => Err(StoreError::from_sdk("put_seal", error)),
        }
    }

    /// Links of a chain from its beginning on, or from its end back, strongly consistent; at most `most` at once.
    pub async fn seals(
        &self,
        chain: Chain,
        backwards: bool,
        most: i32,
        from: Option<Start>,
    ) -> Result<Page<Seal>, StoreError> {
        let request = self
            .client
            .query()
            .table_name(self.table(Table::Seals))
            .consistent_read(true);
        let request = request.key_condition_expression("pk = :pk");
        let request =
            request.expression_attribute_values(":pk", AttributeValue::S(keys::chain(chain)));
        let request = request.scan_index_forward(!backwards).limit(most);
        let request = request.set_exclusive_start_key(from.map(|Start(key)| key));
        let page = request
            .send()
            .await
            .map_err(|error| StoreError::from_sdk("seals", error))?;
        let items = page
            .items
            .unwrap_or_default()
            .into_iter()
            .map(numbered)
            .collect::<Result<_, _>>()?;
        Ok(Page {
            items,
            next: page.last_evaluated_key,
        })
    }

    /// The last link of a chain.
    pub async fn last_seal(&self, chain: Chain) -> Result<Option<Seal>, StoreError> {
        Ok(self
            .seals(chain, true, 1, None)
            .await?
            .items
            .into_iter()
            .next())
    }

    /// One link of a chain.
    pub async fn seal(&self, chain: Chain, number: u64) -> Result<Option<Seal>, StoreError> {
        let seal: Option<Seal> = self.read("seal", keys::seal(chain, number)).await?;
        Ok(seal.map(|seal| Seal { number, ..seal }))
    }

    /// A share of all records, strongly consistent: those of one of `shares` parts of the table, in pages.
    pub async fn records_in_share(
        &self,
        share: u8,
        shares: u8,
        from: Option<Start>,
    ) -> Result<Page<Image>, StoreError> {
        let request = self
            .client
            .scan()
            .table_name(self.table(Table::Audit))
            .consistent_read(true);
        let request = request
            .segment(i32::from(share))
            .total_segments(i32::from(shares));
        let request = request.set_exclusive_start_key(from.map(|Start(key)| key));
        let page = request
            .send()
            .await
            .map_err(|error| StoreError::from_sdk("records_in_share", error))?;
        let items = page
            .items
            .unwrap_or_default()
            .into_iter()
            .map(Image::new)
            .collect();
        Ok(Page {
            items,
            next: page.last_evaluated_key,
        })
    }

    /// All records of one partition, strongly consistent, in pages.
    pub async fn images_of_partition(
        &self,
        pk: &str,
        from: Option<Start>,
    ) -> Result<Page<Image>, StoreError> {
        let request = self
            .client
            .query()
            .table_name(self.table(Table::Audit))
            .consistent_read(true);
        let request = request.key_condition_expression("pk = :pk");
        let request = request.expression_attribute_values(":pk", AttributeValue::S(pk.to_owned()));
        let request = request.set_exclusive_start_key(from.map(|Start(key)| key));
        let page = request
            .send()
            .await
            .map_err(|error| StoreError::from_sdk("images_of_partition", error))?;
        let items = page
            .items
            .unwrap_or_default()
            .into_iter()
            .map(Image::new)
            .collect();
        Ok(Page {
            items,
            next: page.last_evaluated_key,
        })
    }
}

fn numbered(item: Item) -> Result<Seal, StoreError> {
    let number = super::item::text(&item, "sk").and_then(|sk| sk.parse().ok());
    let number = number.ok_or(StoreError::Corrupt {
        operation: "seals",
        source: None,
    })?;
    Ok(Seal {
        number,
        ..parse("seals", item)?
    })
}
