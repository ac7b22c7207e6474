//! `DynamoDB`: the one place that knows tables, keys and expressions.
//!
//! One operation is one function here, and one state change is one transaction that carries its audit record and its
//! outbox row. Every read that decides something is strongly consistent; an expired item that is still there counts as
//! absent to its reader. No trait stands in front of the store: tests use the real client against a real engine.

mod accounts;
mod addresses;
mod admins;
mod audit;
mod authentication;
mod buckets;
mod credentials;
mod digests;
mod directory;
mod directory_partition;
mod error;
mod expression;
mod image;
mod invitations;
mod item;
mod keys;
mod locks;
mod migrations;
mod moves;
mod outbox;
mod priming;
mod record;
mod redrive;
mod refreshes;
mod registrations;
mod row;
mod schema;
mod schemes;
mod seals;
mod security;
mod sessions;
mod single;
mod trail;
mod transaction;
mod users;

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use uuid::Uuid;

use crate::audit_event::{Entry, Outcome};
use crate::clock::Clock;
use crate::domain::{EventId, Session, Timestamp, User};
use crate::ground::entropy::{self, Entropy};
use crate::request::RequestMeta;
use crate::routes::Table;
use crate::tokens::SecurityRecord;

pub use accounts::{Admitted, Erased, NO_PASSWORD};
pub use addresses::{Address, AddressState, Holder};
pub use admins::{AdminChange, OtherAdmin};
pub use authentication::Authentication;
use buckets::LastSeen;
pub use buckets::{Admission, Charge, take};
pub use credentials::PasswordChange;
pub use digests::Gathered;
pub use directory::Listed;
pub use error::StoreError;
pub use image::Image;
pub use invitations::{Acceptance, Accepted, Invitation};
pub use keys::{Chain, Key};
pub use locks::{Lock, LockCharge, LockState};
pub use migrations::{Attempt, Change, Migrated, MigrationRun, MigrationState, Segment, Sight};
pub use moves::{Move, TakeBack};
pub use outbox::Claim;
pub use record::Record;
pub use redrive::Errand;
pub use refreshes::Refreshed;
pub use registrations::Registered;
pub use row::{Addressee, Origin, Row, SweepKind};
pub use schema::Schema;
use schema::Stored;
pub use seals::{Page, Seal, Start};
pub use security::LastRotation;
pub use sessions::{Arrival, Begun, MOST_ENDED_AT_ONCE};
pub use trail::{Step, Walk, Whose};
pub use transaction::CommitError;
pub(crate) use users::address_of;
pub use users::{NewToken, PendingEmail, TokenSlot};

/// Conflicts are tried this often; see [`Store::pause`].
pub(crate) const TRIES: u32 = 5;

/// How often a caller reads and writes again because another writer was first; see [`Store::before_try`]. Each round has a
/// winner, so with the pauses between them this many callers at once all win.
pub(crate) const RACE_TRIES: u32 = 20;

/// The tables.
#[derive(Clone)]
pub struct Store {
    client: Client,
    prefix: Arc<str>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    retention: Duration,
    last_seen: LastSeen,
}

impl Store {
    /// The tables whose names begin with `prefix`; records of the trail are kept for `retention`.
    #[must_use]
    pub fn new(
        client: Client,
        prefix: &str,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        retention: Duration,
    ) -> Self {
        Self {
            client,
            prefix: prefix.into(),
            clock,
            entropy,
            retention,
            last_seen: LastSeen::default(),
        }
    }

    /// The present moment, by the clock that all operations of this store go by.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The source of randomness that goes with the store.
    #[must_use]
    pub fn entropy(&self) -> &dyn Entropy {
        self.entropy.as_ref()
    }

    /// A record of the request's own success.
    #[must_use]
    pub fn entry(&self, meta: &RequestMeta) -> Entry {
        self.entry_with(meta, Outcome::Success)
    }

    /// A record of a refusal that no request has, such as one of a command's.
    #[must_use]
    pub fn refused_entry(&self, meta: &RequestMeta) -> Entry {
        self.entry_with(meta, Outcome::Refused)
    }

    fn entry_with(&self, meta: &RequestMeta, outcome: Outcome) -> Entry {
        let now = self.now();
        Entry::new(
            meta,
            outcome,
            EventId::new(entropy::uuid_v7(now, self.entropy())),
            now,
            self.retention,
        )
    }

    fn table(&self, table: Table) -> String {
        format!("{}{}", self.prefix, table.name())
    }

    /// A name that nothing has yet, 32 hex digits.
    #[must_use]
    pub fn fresh_name(&self) -> String {
        self.write_id()
    }

    /// Names one write, so that its repetition is recognised.
    fn write_id(&self) -> String {
        self.uuid().simple().to_string()
    }

    fn uuid(&self) -> Uuid {
        entropy::uuid_v4(self.entropy())
    }

    /// Waits before each try but the first: writers that lost a race against each other must not all try again at once.
    pub(crate) async fn before_try(&self, attempt: u32) {
        if let Some(lost) = attempt.checked_sub(1) {
            self.pause(lost).await;
        }
    }

    /// Waits before try number `attempt` + 1: full jitter between 10 ms and a bound that doubles up to 160 ms, so that
    /// contenders spread out.
    pub(crate) async fn pause(&self, attempt: u32) {
        let bound = (20_u64 << attempt.min(3)).max(20);
        let random = u64::from_be_bytes(entropy::bytes(self.entropy()));
        tokio::time::sleep(Duration::from_millis(10 + random % (bound - 9))).await;
    }
}

impl Schema {
    /// The kinds of items that carry a version, as `docs/tables.md` names them.
    pub const ALL: [(&'static str, Self); 5] = [
        ("USER", User::SCHEMA),
        ("EMAIL", Address::SCHEMA),
        ("SESSION", Session::SCHEMA),
        ("SECURITY", SecurityRecord::SCHEMA),
        ("MIGRATION", MigrationState::SCHEMA),
    ];
}
