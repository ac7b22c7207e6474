//! Reads that find nothing, for a function that starts.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::KeysAndAttributes;
use futures::future::try_join_all;

use super::{Store, StoreError, keys};
use crate::routes::Grant;

const OPERATION: &str = "prime";

impl Store {
    /// Opens as many connections as `calls_at_once`, and touches every part of the client, so that the first request finds
    /// all of it warm. It reads what `may` says that the function may read: a refusal would stand in the account's trail like
    /// a break-in that was tried. `false` if there is nothing that it may read.
    ///
    /// # Errors
    /// [`StoreError`]; the connections may be open all the same.
    pub async fn prime(&self, may: &[Grant], calls_at_once: usize) -> Result<bool, StoreError> {
        let asked = try_join_all((0..calls_at_once).map(|_| self.read_nothing(may))).await?;
        Ok(asked.into_iter().all(|asked| asked))
    }

    async fn read_nothing(&self, may: &[Grant]) -> Result<bool, StoreError> {
        let table = |action| {
            may.iter()
                .find(|(_, actions)| actions.contains(&action))
                .map(|(table, _)| *table)
        };
        if let Some(table) = table("BatchGetItem") {
            let key = KeysAndAttributes::builder()
                .keys(keys::nothing(table).into_item())
                .build()
                .ok();
            let wanted = key.map(|key| HashMap::from([(self.table(table), key)]));
            let answer = self
                .client
                .batch_get_item()
                .set_request_items(wanted)
                .send()
                .await;
            answer.map_err(|error| StoreError::from_sdk(OPERATION, error))?;
        } else if let Some(table) = table("GetItem") {
            let key = keys::nothing(table).into_item();
            let answer = self
                .client
                .get_item()
                .table_name(self.table(table))
                .set_key(Some(key))
                .send()
                .await;
            answer.map_err(|error| StoreError::from_sdk(OPERATION, error))?;
        } else if let Some(table) = table("Query") {
            let pk = keys::nothing(table).into_item().remove("pk");
            let query = self
                .client
                .query()
                .table_name(self.table(table))
                .key_condition_expression("pk = :pk");
            let answer = query
                .set_expression_attribute_values(
                    pk.map(|pk| HashMap::from([(":pk".to_owned(), pk)])),
                )
                .send()
                .await;
            answer.map_err(|error| StoreError::from_sdk(OPERATION, error))?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Settings;
    use crate::routes::Table;
    use crate::runtime::environment::Environment;

    #[tokio::test]
    async fn who_may_read_nothing_asks_for_nothing() {
        // Nothing listens there.
        let settings = Settings::default().with("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:9");
        let store = Environment::new(&settings).expect("valid").store();
        assert!(
            !store
                .prime(&[(Table::Audit, &["PutItem"])], 1)
                .await
                .expect("nothing asked")
        );
    }
}
