//! THE key schema. Nothing else writes a prefix, and a [`Key`] can only be made here.
//!
//! | item | table | pk | sk | ttl | read by |
//! |---|---|---|---|---|---|
//! | USER | users | `USER#<id>` | | end of an unfinished registration | everything about an account |
//! | EMAIL | users | `EMAIL#<sha256 of the canonical address>` | | end of a registration or a claim | login, register, mail requests |
//! | INVITATION | users | `INVITATION#<id>` | | its end | invitations |
//! | erased account | users | `ERASED#<id>` | | 400 days | imports |
//! | SESSION | tokens | `USER#<id>` | `SESSION#<id>` | end of the session | AUTH, refresh, session endpoints |
//! | SECURITY | security | `SECURITY#<0..3>` | | | AUTH, one copy at random |
//! | last rotation | security | `ROTATION#LAST` | | | security configuration |
//! | data keys | security | `KEYS#DATA` | | | security configuration |
//! | MIGRATION | security | `MIGRATION#<id>` | | | the operator's command |
//! | AUDIT | audit | `USER#<id>` or `ANON#<day>#<0..15>` | `<time>#<event id>` | retention | activity, investigators |
//! | OUTBOX | outbox | `OUTBOX#<id>` | | 30 days | the consumers |
//! | bucket | limits | `LIMIT#<rule>#<who>` | | full again | rate limits |
//! | LOCK | limits | `LOCK#<sha256 of the canonical address>` | | forgotten | login |
//! | LOCK | limits | `LOCK#SESSIONS#<user>` | | forgotten | password checks inside a session |
//! | segment | seals | `LANE#<0..3>` | `<number, 20 digits>` | | the sealer, whoever verifies the trail |
//! | none | any | `NOTHING` | `NOTHING` | | functions that start, to open a connection |
//! | checkpoint | seals | `CHECKPOINT` | `<number, 20 digits>` | | whoever verifies the trail |
//!
//! The audit table has indexes, for investigators alone; all sort by `event_id`, which sorts by time:
//!
//! | index | by | of |
//! |---|---|---|
//! | `by_month` | `month`: `<month>#<0..15>` | every record |
//! | `by_session` | `indexed_session` | the record that opens a session, and records of it that are not its user's |
//! | `by_user` | `once_user` | records of a user that stand outside the user's partition, because they stand for several refusals |
//!
//! Two more hold nothing but keys: `by_directory` of the users table (`directory`, `id`) lists accounts and invitations, and
//! `due_digests` of the outbox (`due_shard`, `due_at`) finds the digests of notices that are due.
//!
//! Addresses stand in keys as hashes: keys show up in metrics and in the store's own errors.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use crate::domain::{EmailAddress, EventId, InvitationId, RowId, SessionId, Timestamp, UserId};
use crate::ground::digest;
use crate::routes::{Rule, Table};

/// How many equal copies of SECURITY there are: a single item would cap the service at 3,000 reads a second.
pub(super) const SECURITY_COPIES: u8 = 4;
/// Over how many partitions the records of a time are spread, in the index by month and where nobody is known.
const SHARDS: u8 = 16;
/// Refusals with the same name within so long are one record.
pub(super) const ONCE_MILLIS: i64 = 600_000;
/// A day.
pub(super) const DAY_MILLIS: i64 = 86_400_000;
/// What the keys of users and migrations, and the sort keys of sessions, begin with.
pub(super) const USER_PREFIX: &str = "USER#";
pub(super) const INVITATION_PREFIX: &str = "INVITATION#";
pub(super) const MIGRATION_PREFIX: &str = "MIGRATION#";
pub(super) const SESSION_PREFIX: &str = "SESSION#";

/// A chain of seals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Chain {
    /// The segments of a lane.
    Lane(u8),
    /// The checkpoints.
    Checkpoints,
}

/// The primary key of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    pub(super) table: Table,
    pub(super) pk: String,
    pub(super) sk: Option<String>,
}

impl Key {
    const fn new(table: Table, pk: String) -> Self {
        Self {
            table,
            pk,
            sk: None,
        }
    }

    fn with_sort(self, sk: String) -> Self {
        Self {
            sk: Some(sk),
            ..self
        }
    }

    /// The key's attributes.
    pub(super) fn into_item(self) -> HashMap<String, AttributeValue> {
        let pk = ("pk".to_owned(), AttributeValue::S(self.pk));
        let sk = self.sk.map(|sk| ("sk".to_owned(), AttributeValue::S(sk)));
        std::iter::once(pk).chain(sk).collect()
    }
}

pub(super) fn user(id: UserId) -> Key {
    Key::new(Table::Users, format!("USER#{id}"))
}

pub(super) fn email(address: &EmailAddress) -> Key {
    email_of_key(&address.fingerprint())
}

/// The EMAIL item of an address that is known by its fingerprint.
pub(super) fn email_of_key(fingerprint: &str) -> Key {
    Key::new(Table::Users, format!("EMAIL#{fingerprint}"))
}

/// What is left of an erased account: its identifier is not used again.
pub(super) fn tombstone(id: UserId) -> Key {
    Key::new(Table::Users, format!("ERASED#{id}"))
}

pub(super) fn invitation(id: InvitationId) -> Key {
    Key::new(Table::Users, format!("{INVITATION_PREFIX}{id}"))
}

pub(super) fn session(user: UserId, session: SessionId) -> Key {
    Key::new(Table::Tokens, format!("USER#{user}")).with_sort(format!("{SESSION_PREFIX}{session}"))
}

pub(super) fn security(copy: u8) -> Key {
    Key::new(
        Table::Security,
        format!("SECURITY#{}", copy % SECURITY_COPIES),
    )
}

/// What the last global rotation was.
pub(super) fn last_rotation() -> Key {
    Key::new(Table::Security, "ROTATION#LAST".to_owned())
}

/// The versions of the data ring.
pub(super) fn data_keys() -> Key {
    Key::new(Table::Security, "KEYS#DATA".to_owned())
}

pub(super) fn migration(id: &str) -> Key {
    Key::new(Table::Security, format!("{MIGRATION_PREFIX}{id}"))
}

/// The key of an item that was read; `None` if it has none.
pub(super) fn of_item(table: Table, item: &HashMap<String, AttributeValue>) -> Option<Key> {
    let text = |name| item.get(name).and_then(|value| value.as_s().ok()).cloned();
    Some(Key {
        table,
        pk: text("pk")?,
        sk: text("sk"),
    })
}

pub(super) fn audit(user: Option<UserId>, at: Timestamp, event: EventId) -> Key {
    let pk = match user {
        Some(user) => audit_of_user(user),
        None => anonymous(at, event.uuid().as_bytes()),
    };
    Key::new(Table::Audit, pk).with_sort(format!("{at}#{event}"))
}

/// The one record of all refusals with the same `name` in the ten minutes around `at`.
pub(super) fn audit_once(at: Timestamp, name: &str) -> Key {
    let start = Timestamp::from_millis(at.as_millis().div_euclid(ONCE_MILLIS) * ONCE_MILLIS);
    let hash = digest::sha256(name.as_bytes());
    Key::new(Table::Audit, anonymous(start, &hash))
        .with_sort(format!("{start}#{}", digest::encode(&hash)))
}

fn anonymous(at: Timestamp, spread: &[u8]) -> String {
    let day: String = at.to_string().chars().take(10).collect();
    format!("ANON#{day}#{}", shard(spread))
}

fn shard(spread: &[u8]) -> u8 {
    spread.last().copied().unwrap_or_default() % SHARDS
}

fn month(at: Timestamp) -> String {
    at.to_string().chars().take(7).collect()
}

/// The attribute of a record that [`Index::ByMonth`] is partitioned by.
pub(super) fn audit_month(at: Timestamp, event: EventId) -> String {
    format!("{}#{}", month(at), shard(event.uuid().as_bytes()))
}

/// All values of [`audit_month`] of the month of `at`.
pub(super) fn audit_shards(at: Timestamp) -> impl Iterator<Item = String> {
    let month = month(at);
    (0..SHARDS).map(move |shard| format!("{month}#{shard}"))
}

/// The beginning of the month of `at`, in UTC.
pub(super) fn month_of(at: Timestamp) -> Timestamp {
    format!("{}-01T00:00:00Z", month(at))
        .parse()
        .unwrap_or(Timestamp::EPOCH)
}

/// The partitions of a day's records that are no user's, and of those that stand for several refusals.
pub(super) fn audit_of_day(day: Timestamp) -> impl Iterator<Item = String> {
    (0..SHARDS).map(move |shard| anonymous(day, &[shard]))
}

/// The partition of a user's records.
pub(super) fn audit_of_user(user: UserId) -> String {
    format!("USER#{user}")
}

/// The sort key of a record in its user's partition.
pub(super) fn audit_sort(event: EventId) -> String {
    format!("{}#{event}", event.made_at())
}

pub(super) fn outbox(row: RowId) -> Key {
    Key::new(Table::Outbox, format!("OUTBOX#{row}"))
}

/// The row that a queue message names; `None` if it names none.
pub(super) fn parse_outbox(pk: &str) -> Option<RowId> {
    pk.strip_prefix("OUTBOX#")?.parse().ok()
}

pub(super) fn bucket(rule: Rule, who: &str) -> Key {
    Key::new(Table::Limits, format!("LIMIT#{}#{who}", rule.name()))
}

pub(super) fn lock(address: &EmailAddress) -> Key {
    Key::new(Table::Limits, format!("LOCK#{}", address.fingerprint()))
}

/// The lock of the checks inside an account's sessions.
pub(super) fn session_lock(user: UserId) -> Key {
    Key::new(Table::Limits, format!("LOCK#SESSIONS#{user}"))
}

/// The key of no item.
pub(super) fn nothing(table: Table) -> Key {
    let key = Key::new(table, "NOTHING".to_owned());
    let sorts = matches!(table, Table::Tokens | Table::Audit | Table::Seals);
    if sorts {
        key.with_sort("NOTHING".to_owned())
    } else {
        key
    }
}

/// The partition of a chain.
pub(super) fn chain(chain: Chain) -> String {
    match chain {
        Chain::Lane(lane) => format!("LANE#{lane}"),
        Chain::Checkpoints => "CHECKPOINT".to_owned(),
    }
}

pub(super) fn seal(of: Chain, number: u64) -> Key {
    Key::new(Table::Seals, chain(of)).with_sort(format!("{number:020}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn every_key_is_as_the_table_says() {
        let id = UserId::new(Uuid::from_u128(1));
        let address = EmailAddress::parse("ada@example.com").expect("valid");
        let at = Timestamp::from_millis(1_700_000_000_000);
        let event = EventId::new(Uuid::from_u128(17));
        let shown = |key: Key| {
            format!(
                "{} {} {}",
                key.table.name(),
                key.pk,
                key.sk.unwrap_or_default()
            )
        };
        let uuid = "00000000-0000-0000-0000-00000000000";
        assert_eq!(shown(user(id)), format!("users USER#{uuid}1 "));
        assert_eq!(
            shown(session(id, SessionId::new(Uuid::from_u128(2)))),
            format!("tokens USER#{uuid}1 SESSION#{uuid}2")
        );
        assert_eq!(shown(security(6)), "security SECURITY#2 ");
        assert_eq!(
            shown(audit(Some(id), at, event)),
            "audit USER#00000000-0000-0000-0000-000000000001 2023-11-14T22:13:20.000Z#00000000-0000-0000-0000-000000000011"
        );
        assert_eq!(audit(None, at, event).pk, "ANON#2023-11-14#1");
        assert_eq!(
            shown(bucket(Rule::Login, "192.0.2.1")),
            "limits LIMIT#login#192.0.2.1 "
        );
        assert_eq!(
            shown(seal(Chain::Lane(3), 17)),
            "seals LANE#3 00000000000000000017"
        );
        assert_eq!(
            shown(seal(Chain::Checkpoints, 1)),
            "seals CHECKPOINT 00000000000000000001"
        );
        assert!(lock(&address).pk.starts_with("LOCK#") && !lock(&address).pk.contains("ada"));
        assert!(email(&address).pk.starts_with("EMAIL#") && !email(&address).pk.contains("ada"));
    }

    #[test]
    fn a_records_place_is_told_by_its_identifier() {
        let at = Timestamp::from_millis(1_700_000_000_000);
        let event = EventId::new(crate::ground::entropy::uuid_v7(
            at,
            &crate::ground::entropy::SeededEntropy::new(1),
        ));
        let user = Some(UserId::new(Uuid::from_u128(1)));
        assert_eq!(audit(user, at, event).sk, Some(audit_sort(event)));
        assert!(audit_shards(at).any(|shard| shard == audit_month(at, event)));
        assert!(audit_of_day(at).any(|partition| partition == audit(None, at, event).pk));
        assert_eq!(month_of(at).to_string(), "2023-11-01T00:00:00.000Z");
        assert_eq!(audit_shards(at).count(), 16);
        assert!(audit_sort(event.just_before()) < audit_sort(event));
    }

    #[test]
    fn refusals_of_the_same_ten_minutes_share_one_key() {
        let at = Timestamp::from_millis(1_700_000_400_000);
        let later = at.plus(std::time::Duration::from_secs(599));
        assert_eq!(audit_once(at, "x"), audit_once(later, "x"));
        assert_ne!(
            audit_once(at, "x"),
            audit_once(at.plus(std::time::Duration::from_secs(600)), "x")
        );
        assert_ne!(audit_once(at, "x"), audit_once(at, "y"));
    }
}
