//! Reading the audit trail: for its owner and for investigators. No rule goes by it.
//!
//! It is walked from the newest record to the oldest. A user's records stand in the user's partition; everything else is
//! found by the indexes, each of which sorts by the records' identifiers and so by time. The place in a walk is one
//! identifier, whatever partitions it goes through: a later call goes on from there, and what has come meanwhile is newer.

use std::collections::{BTreeMap, VecDeque};

use aws_sdk_dynamodb::types::AttributeValue;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::item::Item;
use super::keys::{self, DAY_MILLIS, ONCE_MILLIS};
use super::schema::{Schema, Stored};
use super::single::parse;
use super::{Store, StoreError};
use crate::audit_event::Entry;
use crate::domain::{EventId, SessionId, Timestamp, UserId};
use crate::routes::{Index, Table};

/// How many records a query asks for; each has less than a kilobyte.
const CHUNK: i32 = 50;
/// How many it asks for at first where sixteen partitions are read beside each other: they share a page, so most of what is
/// read of each would not be shown. Whoever reads on asks for twice as many each time.
const CHUNK_OF_SHARD: i32 = 8;

/// A record of the audit log.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "AuditRecord")]
pub struct Record {
    /// Names the record; later records have greater identifiers.
    pub event_id: EventId,
    /// When it happened.
    #[serde(serialize_with = "Timestamp::rfc3339")]
    #[schemars(schema_with = "crate::domain::schema::timestamp")]
    pub occurred_at: Timestamp,
    /// What was tried, such as `auth.login`.
    pub action: String,
    /// `success` or `refused`.
    pub outcome: String,
    /// Why it was refused, more exactly than the answer says.
    #[serde(default)]
    pub reason: Option<String>,
    /// The account that it concerns.
    #[serde(default)]
    pub user_id: Option<UserId>,
    /// Who did it, where that is not the owner of the account.
    #[serde(default)]
    pub actor_id: Option<UserId>,
    /// The session that it concerns.
    #[serde(default)]
    pub session_id: Option<SessionId>,
    /// The request, as `X-Request-Id` of its answer.
    pub request_id: Uuid,
    /// The trace (W3C Trace Context) of the request.
    pub trace_id: String,
    /// The HTTP method; `TASK` for a job or a command.
    pub method: String,
    /// The route, the job or the command.
    pub endpoint: String,
    /// The address of the client.
    #[serde(default)]
    pub ip_address: Option<String>,
    /// The `User-Agent` of the client.
    #[serde(default)]
    pub user_agent: Option<String>,
    /// SHA-256 of address and agent.
    #[serde(default)]
    pub fingerprint: Option<String>,
    /// Anything else worth knowing.
    #[serde(default)]
    pub details: BTreeMap<String, String>,
}

impl Stored for Record {
    const SCHEMA: Schema = Entry::SCHEMA;
}

impl Record {
    /// Leaves away from where it was done, if it was not `owner` who did it but an admin or the operator.
    pub fn withhold_others(&mut self, owner: UserId) {
        let by_operator = self.details.contains_key("operator");
        if by_operator || self.actor_id.is_some_and(|actor| actor != owner) {
            self.session_id = None;
            self.ip_address = None;
            self.user_agent = None;
            self.fingerprint = None;
        }
    }
}

/// Whose records are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// A user's. What stands in the user's partition is read strongly consistent.
    User(UserId),
    /// A session's.
    Session(SessionId),
    /// A request's.
    Request(Uuid),
    /// Everybody's.
    All,
    /// Those that stand in no user's partition: of nobody known, of the service as a whole, and refusals that are recorded
    /// once. They are read strongly consistent; within ten minutes they come in no order.
    Nobody,
}

/// What a step of a walk came to.
#[derive(Debug)]
pub enum Step {
    /// The next record.
    Record(Box<Record>),
    /// The end of a month, or of a day of [`Whose::Nobody`], behind which there may be more.
    Pause,
    /// There are no more.
    End,
}

/// A walk through records, from the newest to the oldest. Whatever has several partitions is merged, so the order is one.
pub struct Walk<'a> {
    store: &'a Store,
    whose: Whose,
    least: EventId,
    position: EventId,
    streams: Vec<Stream>,
    /// How many queries it has made.
    pub queries: usize,
    /// How many records it has passed.
    pub passed: usize,
}

/// One partition, of the table or of an index.
struct Stream {
    index: Option<Index>,
    partition: String,
    /// The least and the greatest sort key.
    span: (String, String),
    start: Option<Item>,
    /// How many records the next query asks for.
    chunk: i32,
    ahead: VecDeque<Record>,
    is_read: bool,
}

impl Store {
    /// A walk through the records made from `from` on and whose identifiers are less than `before`. What is older than
    /// records are kept is over, even where the table still has it.
    #[must_use]
    pub fn walk(&self, whose: Whose, from: Timestamp, before: EventId) -> Walk<'_> {
        let kept = self.now().minus(self.retention);
        let least = EventId::floor_at(from.max(kept).max(Timestamp::EPOCH));
        let mut walk = Walk {
            store: self,
            whose,
            least,
            position: before,
            streams: Vec::new(),
            queries: 0,
            passed: 0,
        };
        walk.enter();
        walk
    }

    /// One page of a partition.
    async fn fill(&self, stream: &mut Stream) -> Result<(), StoreError> {
        let request = self
            .client
            .query()
            .table_name(self.table(Table::Audit))
            .limit(stream.chunk);
        let request = request.scan_index_forward(false);
        let (hash, range) = stream
            .index
            .map_or(("pk", "sk"), |index| (index.attribute(), "event_id"));
        let request = request
            .set_index_name(stream.index.map(|index| index.name().to_owned()))
            .consistent_read(stream.index.is_none())
            .key_condition_expression("#hash = :hash AND #range BETWEEN :least AND :most")
            .expression_attribute_names("#hash", hash)
            .expression_attribute_names("#range", range)
            .expression_attribute_values(":hash", AttributeValue::S(stream.partition.clone()))
            .expression_attribute_values(":least", AttributeValue::S(stream.span.0.clone()))
            .expression_attribute_values(":most", AttributeValue::S(stream.span.1.clone()))
            .set_exclusive_start_key(stream.start.take());
        let page = request
            .send()
            .await
            .map_err(|error| StoreError::from_sdk("records", error))?;
        for item in page.items.unwrap_or_default() {
            stream.ahead.push_back(parse("records", item)?);
        }
        stream.start = page.last_evaluated_key;
        stream.chunk = stream.chunk.saturating_mul(2).min(CHUNK);
        stream.is_read = stream.start.is_none();
        Ok(())
    }
}

impl Walk<'_> {
    /// Everything from this identifier on has been passed.
    #[must_use]
    pub const fn position(&self) -> EventId {
        self.position
    }

    /// Goes on to the next record, or to a pause.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn next(&mut self) -> Result<Step, StoreError> {
        while self.streams.iter().any(Stream::is_hungry) {
            let hungry = self.streams.iter_mut().filter(|stream| stream.is_hungry());
            let fills = hungry.map(|stream| self.store.fill(stream));
            self.queries += futures::future::try_join_all(fills).await?.len();
        }
        let ahead = |stream: &Stream| stream.ahead.front().map(|record| record.event_id);
        let newest = self.streams.iter_mut().max_by_key(|stream| ahead(stream));
        if let Some(record) = newest.and_then(|stream| stream.ahead.pop_front()) {
            // Only where there is an order is it a place in it.
            if self.whose != Whose::Nobody {
                self.position = record.event_id;
            }
            self.passed += 1;
            return Ok(Step::Record(Box::new(record)));
        }
        let place = self.position.just_before().made_at();
        let beginning = match self.whose {
            Whose::All => keys::month_of(place),
            Whose::Nobody => day_of(place),
            Whose::User(_) | Whose::Session(_) | Whose::Request(_) => return Ok(Step::End),
        };
        if self.position <= self.least {
            return Ok(Step::End);
        }
        self.position = EventId::floor_at(beginning).max(self.least);
        self.enter();
        Ok(Step::Pause)
    }

    /// Opens the partitions of the present position.
    fn enter(&mut self) {
        let most = self.position.just_before();
        let of_index = (self.least.to_string(), most.to_string());
        // A record that stands for several refusals has the key of its ten minutes' beginning.
        let late = if self.whose == Whose::Nobody {
            ONCE_MILLIS
        } else {
            0
        };
        let least = Timestamp::from_millis(self.least.made_at().as_millis().saturating_sub(late));
        let of_table = (least.to_string(), keys::audit_sort(most));
        let stream = |index: Option<Index>, partition| Stream {
            index,
            partition,
            span: if index.is_some() {
                of_index.clone()
            } else {
                of_table.clone()
            },
            start: None,
            chunk: if index == Some(Index::ByMonth) {
                CHUNK_OF_SHARD
            } else {
                CHUNK
            },
            ahead: VecDeque::new(),
            // An empty span is no query (the store refuses it).
            is_read: most < self.least,
        };
        self.streams = match self.whose {
            Whose::User(user) => {
                vec![
                    stream(None, keys::audit_of_user(user)),
                    stream(Some(Index::ByUser), user.to_string()),
                ]
            }
            Whose::Session(session) => vec![stream(Some(Index::BySession), session.to_string())],
            Whose::Request(request) => vec![stream(Some(Index::ByRequest), request.to_string())],
            Whose::Nobody => keys::audit_of_day(most.made_at())
                .map(|partition| stream(None, partition))
                .collect(),
            Whose::All => keys::audit_shards(most.made_at())
                .map(|shard| stream(Some(Index::ByMonth), shard))
                .collect(),
        };
    }
}

impl Stream {
    /// Whether it must be read before it is known what comes next.
    fn is_hungry(&self) -> bool {
        self.ahead.is_empty() && !self.is_read
    }
}

/// The beginning of a moment's day in UTC.
fn day_of(moment: Timestamp) -> Timestamp {
    Timestamp::from_millis(moment.as_millis().div_euclid(DAY_MILLIS) * DAY_MILLIS)
}
