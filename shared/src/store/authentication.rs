//! The one read behind every use of a token.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::KeysAndAttributes;

use super::item::Item;
use super::keys::{self, Key};
use super::single::parse;
use super::{Store, StoreError, TRIES};
use crate::domain::{Session, SessionId, User, UserId};
use crate::routes::Table;
use crate::tokens::SecurityRecord;

/// What AUTH reads.
#[derive(Debug)]
pub struct Authentication {
    /// The account, if there is one.
    pub user: Option<User>,
    /// The session, if it has not ended. It may have expired.
    pub session: Option<Session>,
    /// The service's version level and keys.
    pub security: SecurityRecord,
}

impl Store {
    /// AUTH: user, session and security record in one strongly consistent read.
    ///
    /// # Errors
    /// [`StoreError`], also if the store keeps answering only a part: a missing answer is never taken for absence.
    pub async fn authentication(
        &self,
        user: UserId,
        session: SessionId,
    ) -> Result<Authentication, StoreError> {
        let mut found = self
            .read_together(
                "authentication",
                vec![
                    keys::user(user),
                    keys::session(user, session),
                    keys::security(self.any_copy()),
                ],
            )
            .await?;
        let [user, session, security] =
            [Table::Users, Table::Tokens, Table::Security].map(|table| found.remove(&table));
        Ok(Authentication {
            user: user.map(|item| parse("authentication", item)).transpose()?,
            session: session
                .map(|item| parse("authentication", item))
                .transpose()?,
            security: security_of("authentication", security)?,
        })
    }

    /// USER and SECURITY together: what a login must see at one moment, before it hashes.
    pub async fn user_and_security(
        &self,
        user: UserId,
    ) -> Result<(Option<User>, SecurityRecord), StoreError> {
        let mut found = self
            .read_together(
                "user_and_security",
                vec![keys::user(user), keys::security(self.any_copy())],
            )
            .await?;
        let user = found
            .remove(&Table::Users)
            .map(|item| parse("user_and_security", item))
            .transpose()?;
        Ok((
            user,
            security_of("user_and_security", found.remove(&Table::Security))?,
        ))
    }

    /// Reads one item of each named table.
    async fn read_together(
        &self,
        operation: &'static str,
        wanted: Vec<Key>,
    ) -> Result<HashMap<Table, Item>, StoreError> {
        let mut missing = HashMap::new();
        for key in wanted {
            let table = self.table(key.table);
            let request = KeysAndAttributes::builder()
                .keys(key.into_item())
                .consistent_read(true)
                .build();
            missing.insert(
                table,
                request.map_err(|source| StoreError::Refused {
                    operation,
                    source: Box::new(source),
                })?,
            );
        }
        let mut found = HashMap::new();
        for attempt in 0..TRIES {
            let answer = self
                .client
                .batch_get_item()
                .set_request_items(Some(missing))
                .send()
                .await;
            let answer = answer.map_err(|error| StoreError::from_sdk(operation, error))?;
            for (name, items) in answer.responses.unwrap_or_default() {
                let name = name.strip_prefix(&*self.prefix);
                let table = Table::ALL
                    .into_iter()
                    .find(|table| name == Some(table.name()));
                found.extend(table.zip(items.into_iter().next()));
            }
            missing = answer.unprocessed_keys.unwrap_or_default();
            if missing.is_empty() {
                return Ok(found);
            }
            self.pause(attempt).await;
        }
        Err(StoreError::Unavailable {
            operation,
            source: None,
        })
    }
}

/// Without a security record nothing can be judged: the first start has not happened yet.
fn security_of(operation: &'static str, item: Option<Item>) -> Result<SecurityRecord, StoreError> {
    parse(
        operation,
        item.ok_or(StoreError::Unavailable {
            operation,
            source: None,
        })?,
    )
}
