//! How many accounts keep their password how. For an operator who has raised the costs or imported accounts: a hash is
//! replaced when its owner logs in, and this tells how far that has got. No hash leaves the table.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;

use super::item::text;
use super::keys::USER_PREFIX;
use super::{Store, StoreError};
use crate::routes::Table;

impl Store {
    /// The accounts by their [`PasswordScheme`](crate::domain::PasswordScheme). The table is read whole, so it costs as
    /// much as its size, whatever little is shown of it.
    pub async fn password_schemes(&self) -> Result<BTreeMap<String, u64>, StoreError> {
        let operation = "password_schemes";
        let mut schemes = BTreeMap::new();
        let mut start = None;
        loop {
            let request = self
                .client
                .scan()
                .table_name(self.table(Table::Users))
                .set_exclusive_start_key(start);
            let request = request
                .filter_expression("begins_with(pk, :user)")
                .expression_attribute_values(":user", AttributeValue::S(USER_PREFIX.to_owned()))
                .projection_expression("password_scheme");
            let page = request
                .send()
                .await
                .map_err(|error| StoreError::from_sdk(operation, error))?;
            for item in page.items.unwrap_or_default() {
                let scheme = text(&item, "password_scheme").ok_or(StoreError::Corrupt {
                    operation,
                    source: None,
                })?;
                *schemes.entry(scheme.to_owned()).or_default() += 1;
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(schemes);
            }
        }
    }
}
