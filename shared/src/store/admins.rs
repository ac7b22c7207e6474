//! Who else has the admin role. No index is kept for this: it is asked when an operator takes the role from somebody.

use aws_sdk_dynamodb::types::AttributeValue;

use super::{Store, StoreError, Table};
use crate::domain::UserId;

/// Items of one page.
const PAGE: u32 = 1_000;

/// What a search for another admin has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OtherAdmin {
    /// There is one, with an open account and a proved address.
    Exists,
    /// There is none.
    Missing,
    /// There is none among the first accounts; the others were not looked at.
    NotFound,
}

impl Store {
    /// Whether anybody besides `user` has the stored role, among the first `most` items of the table. Each thousand of
    /// them is one call.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn other_admin(&self, user: UserId, most: u32) -> Result<OtherAdmin, StoreError> {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let mut start = None;
        for _ in 0..most.div_ceil(PAGE) {
            let request = self.client.scan().table_name(self.table(Table::Users)).consistent_read(true);
            let request = request.limit(PAGE.cast_signed()).set_exclusive_start_key(start).projection_expression("id");
            let request = request
                .filter_expression("#role = :admin AND #status = :active AND email_verified = :yes AND id <> :user")
                .expression_attribute_names("#role", "role")
                .expression_attribute_names("#status", "status")
                .expression_attribute_values(":admin", text("admin"))
                .expression_attribute_values(":active", text("active"))
                .expression_attribute_values(":yes", AttributeValue::Bool(true))
                .expression_attribute_values(":user", text(&user.to_string()));
            let page = request.send().await.map_err(|error| StoreError::from_sdk("other_admin", error))?;
            if page.count > 0 {
                return Ok(OtherAdmin::Exists);
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(OtherAdmin::Missing);
            }
        }
        Ok(OtherAdmin::NotFound)
    }
}
