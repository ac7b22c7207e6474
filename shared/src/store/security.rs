//! SECURITY: the service's version level and public keys, in equal copies.

use aws_sdk_dynamodb::types::AttributeValue;

use super::expression::{Expression, item};
use super::keys::{self, SECURITY_COPIES};
use super::transaction::{CommitError, Transaction};
use super::{Store, StoreError};
use crate::entropy;
use crate::tokens::SecurityRecord;

impl Store {
    /// One copy, at random. `None` before the first start has made it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn security(&self) -> Result<Option<SecurityRecord>, StoreError> {
        self.read("security", keys::security(self.any_copy())).await
    }

    /// Writes the first record. Another one that was first stays; `false` then.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn publish_first(&self, record: &SecurityRecord) -> Result<bool, StoreError> {
        let transaction = (0..SECURITY_COPIES).fold(Transaction::default(), |transaction, copy| {
            let mut item = item(record);
            item.insert("copy".to_owned(), AttributeValue::N(copy.to_string()));
            transaction.put("security", keys::security(copy), item, Expression::when("attribute_not_exists(#pk)"))
        });
        self.commit("publish_first", transaction)
            .await
            .map(|()| true)
            .or_else(|error: CommitError| error.condition_to(false))
    }

    /// The number of a copy, at random.
    pub(super) fn any_copy(&self) -> u8 {
        let [byte] = entropy::bytes::<1>(self.entropy());
        byte % SECURITY_COPIES
    }
}
