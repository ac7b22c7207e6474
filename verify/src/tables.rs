//! The one read behind a check: USER, SESSION and one copy of SECURITY, strongly consistent, in one `BatchGetItem`.
//!
//! Only the attributes that decide something are asked for, so that a role can be limited to them: no address, no name
//! and no hash leaves the tables. Keys that the store leaves unprocessed are asked for again and then reported, never
//! taken for absent ones.

use std::collections::HashMap;
use std::time::Duration;

use aws_lc_rs::rand;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::error::Unavailable;
use crate::state::State;

/// How many equal copies of SECURITY there are.
const SECURITY_COPIES: u8 = 4;
/// So often unprocessed keys are asked for.
const TRIES: u32 = 5;

const USER_ATTRIBUTES: [&str; 5] = [
    "ver_current",
    "ver_floor",
    "ver_until",
    "status",
    "email_verified",
];
const SESSION_ATTRIBUTES: [&str; 4] = ["user_ver", "global_ver", "last_activity_at", "expires_at"];
const SECURITY_ATTRIBUTES: [&str; 4] = ["ver_current", "ver_floor", "ver_until", "keys"];

type Item = HashMap<String, AttributeValue>;

/// The service's tables.
pub(crate) struct Tables {
    client: Client,
    users: String,
    tokens: String,
    security: String,
}

impl Tables {
    /// The tables whose names begin with `prefix`.
    pub fn new(client: Client, prefix: &str) -> Self {
        let [users, tokens, security] =
            ["users", "tokens", "security"].map(|name| format!("{prefix}{name}"));
        Self {
            client,
            users,
            tokens,
            security,
        }
    }

    /// What they say of a user and a session.
    pub async fn read(&self, user: Uuid, session: Uuid) -> Result<State, Unavailable> {
        let user = format!("USER#{user}");
        let copy = random_byte() % SECURITY_COPIES;
        let wanted = HashMap::from([
            (
                self.users.clone(),
                request(&[("pk", &user)], &USER_ATTRIBUTES)?,
            ),
            (
                self.tokens.clone(),
                request(
                    &[("pk", &user), ("sk", &format!("SESSION#{session}"))],
                    &SESSION_ATTRIBUTES,
                )?,
            ),
            (
                self.security.clone(),
                request(&[("pk", &format!("SECURITY#{copy}"))], &SECURITY_ATTRIBUTES)?,
            ),
        ]);
        let mut found = self.read_all(wanted).await?;
        let security = found
            .remove(&self.security)
            .ok_or(Unavailable::new("there is no security record"))?;
        Ok(State {
            user: found.remove(&self.users).map(parse).transpose()?,
            session: found.remove(&self.tokens).map(parse).transpose()?,
            security: parse(security)?,
        })
    }

    /// The item of each table, if it has one.
    async fn read_all(
        &self,
        mut wanted: HashMap<String, KeysAndAttributes>,
    ) -> Result<HashMap<String, Item>, Unavailable> {
        let mut found = HashMap::new();
        for attempt in 0..TRIES {
            let answer = self
                .client
                .batch_get_item()
                .set_request_items(Some(wanted))
                .send()
                .await;
            let answer =
                answer.map_err(|error| Unavailable::because("the tables cannot be read", error))?;
            let responses = answer.responses.unwrap_or_default().into_iter();
            found.extend(
                responses.filter_map(|(table, items)| Some((table, items.into_iter().next()?))),
            );
            wanted = answer.unprocessed_keys.unwrap_or_default();
            if wanted.is_empty() {
                return Ok(found);
            }
            pause(attempt).await;
        }
        Err(Unavailable::new("the tables answer only in part"))
    }
}

fn request(key: &[(&str, &str)], attributes: &[&str]) -> Result<KeysAndAttributes, Unavailable> {
    let key = key
        .iter()
        .map(|(name, value)| ((*name).to_owned(), AttributeValue::S((*value).to_owned())))
        .collect();
    // By substitutes, because some of the names are reserved words.
    let named = attributes
        .iter()
        .enumerate()
        .map(|(index, name)| (format!("#a{index}"), *name));
    let request = KeysAndAttributes::builder().keys(key).consistent_read(true);
    let request = request.projection_expression(
        named
            .clone()
            .map(|(substitute, _)| substitute)
            .collect::<Vec<_>>()
            .join(","),
    );
    let request = named.fold(request, |request, (substitute, name)| {
        request.expression_attribute_names(substitute, name)
    });
    request
        .build()
        .map_err(|error| Unavailable::because("the request cannot be made", error))
}

fn parse<T: DeserializeOwned>(item: Item) -> Result<T, Unavailable> {
    serde_dynamo::from_item(item)
        .map_err(|error| Unavailable::because("an item is not as it should be", error))
}

/// Waits before try number `attempt` + 1: full jitter between 10 ms and a bound that doubles up to 160 ms.
async fn pause(attempt: u32) {
    let bound = 20_u64 << attempt.min(3);
    let random = u64::from(random_byte());
    tokio::time::sleep(Duration::from_millis(10 + random * (bound - 10) / 255)).await;
}

/// Spreads load and nothing else, so a source that fails may as well say 0.
fn random_byte() -> u8 {
    let mut bytes = [0];
    let _failed = rand::fill(&mut bytes);
    let [byte] = bytes;
    byte
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_consistent_and_asks_for_no_secret() {
        let request = request(&[("pk", "USER#1")], &USER_ATTRIBUTES).expect("a request");
        assert_eq!(request.consistent_read(), Some(true));
        assert_eq!(request.projection_expression(), Some("#a0,#a1,#a2,#a3,#a4"));
        let names = request.expression_attribute_names().expect("names");
        let mut names: Vec<_> = names.values().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(
            names,
            [
                "email_verified",
                "status",
                "ver_current",
                "ver_floor",
                "ver_until"
            ]
        );
    }
}
