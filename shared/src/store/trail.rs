//! Reading the audit trail: for its owner and for investigators. No rule goes by it.
//!
//! It is walked from the newest record to the oldest. A user's records are in the user's partition; everything else is
//! found by the indexes, each of which sorts by the records' identifiers and so by time. The place in a walk is one
//! identifier, whatever partitions it goes through: a later call goes on from there, and what was added since is newer.
//!
//! A write to an index costs as much as one to the table, so there are few. The records of a session are among those of its
//! user, whom the record that opened it names. The identifier of a request carries its time (UUID version 7), and its records
//! are among those of the next [`LONGEST_REQUEST`].

use std::collections::VecDeque;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use uuid::Uuid;

use super::item::Item;
use super::keys::{self, DAY_MILLIS, ONCE_MILLIS};
use super::record::Record;
use super::single::parse;
use super::{Store, StoreError};
use crate::domain::{EventId, SessionId, Timestamp, UserId};
use crate::routes::{Index, Table};

/// How many records a query asks for; each has less than a kilobyte.
const CHUNK: i32 = 50;
/// How many it asks for at first where sixteen partitions are read beside each other: they share a page, so most of what is
/// read of each would not be shown. Whoever reads on asks for twice as many each time.
const CHUNK_OF_SHARD: i32 = 8;

/// The records of a request are made within this time of its identifier: twice the longest time-out of a function that makes
/// any.
const LONGEST_REQUEST: Duration = Duration::from_secs(120);
/// Records of a session's index among which the one that opened it is looked for; it is the oldest.
const OPENING: i32 = 10;

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

impl Whose {
    /// Whether a record that was met on the walk is one of those that are looked for.
    fn has(self, record: &Record) -> bool {
        match self {
            Self::Session(session) => record.session_id == Some(session),
            Self::Request(request) => record.request_id == request,
            Self::User(_) | Self::All | Self::Nobody => true,
        }
    }
}

/// What a step of a walk came to.
#[derive(Debug)]
pub enum Step {
    /// The next record.
    Record(Box<Record>),
    /// The end of a month, or of a day of [`Whose::Nobody`], or a record that is not looked for; there may be more.
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
    path: Path,
    /// How many queries it has made.
    pub queries: usize,
    /// How many records it has passed.
    pub passed: usize,
}

/// Which partitions a walk goes through.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Path {
    /// Not known yet: whose session it is has to be read first.
    Unknown,
    /// A user's, and of a session its index.
    OfUser(UserId),
    /// Everybody's, month by month.
    Months,
    /// Those of nobody, day by day.
    Days,
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
        let mut least = EventId::floor_at(from.max(kept).max(Timestamp::EPOCH));
        let mut position = before;
        if let Whose::Request(request) = whose {
            let begun = begun_at(request);
            let end = begun.map_or(least, |begun| {
                EventId::floor_at(begun.plus(LONGEST_REQUEST))
            });
            position = position.min(end);
            least = begun.map_or(least, |begun| least.max(EventId::floor_at(begun)));
        }
        let path = match whose {
            Whose::User(user) => Path::OfUser(user),
            Whose::Session(_) => Path::Unknown,
            Whose::Request(_) | Whose::All => Path::Months,
            Whose::Nobody => Path::Days,
        };
        let mut walk = Walk {
            store: self,
            whose,
            least,
            position,
            streams: Vec::new(),
            path,
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
    pub async fn next(&mut self) -> Result<Step, StoreError> {
        if let (Path::Unknown, Whose::Session(session)) = (self.path, self.whose) {
            self.find_user_of(session).await?;
        }
        while self.streams.iter().any(Stream::is_hungry) {
            let hungry = self.streams.iter_mut().filter(|stream| stream.is_hungry());
            let fills = hungry.map(|stream| self.store.fill(stream));
            self.queries += futures::future::try_join_all(fills).await?.len();
        }
        let ahead = |stream: &Stream| stream.ahead.front().map(|record| record.event_id);
        let newest = self.streams.iter_mut().max_by_key(|stream| ahead(stream));
        if let Some(record) = newest.and_then(|stream| stream.ahead.pop_front()) {
            // The record that opens a session is in its index and in its user's partition.
            for stream in &mut self.streams {
                if ahead(stream) == Some(record.event_id) {
                    stream.ahead.pop_front();
                }
            }
            // Only where there is an order is it a place in it.
            if self.path != Path::Days {
                self.position = record.event_id;
            }
            self.passed += 1;
            return Ok(if self.whose.has(&record) {
                Step::Record(Box::new(record))
            } else {
                Step::Pause
            });
        }
        let place = self.position.just_before().made_at();
        let beginning = match self.path {
            Path::Months => keys::month_of(place),
            Path::Days => day_of(place),
            Path::OfUser(_) | Path::Unknown => return Ok(Step::End),
        };
        if self.position <= self.least {
            return Ok(Step::End);
        }
        self.position = EventId::floor_at(beginning).max(self.least);
        self.enter();
        Ok(Step::Pause)
    }

    /// Reads whose session it is from the record that opened it. Where that is gone or was never there, everybody's records
    /// are walked through.
    async fn find_user_of(&mut self, session: SessionId) -> Result<(), StoreError> {
        let index = Index::BySession;
        let request = self
            .store
            .client
            .query()
            .table_name(self.store.table(Table::Audit))
            .index_name(index.name())
            .limit(OPENING)
            .key_condition_expression("#hash = :hash")
            .expression_attribute_names("#hash", index.attribute())
            .expression_attribute_values(":hash", AttributeValue::S(session.to_string()));
        let page = request
            .send()
            .await
            .map_err(|error| StoreError::from_sdk("records", error))?;
        self.queries += 1;
        let records = page.items.unwrap_or_default().into_iter();
        let records = records.map(|item| parse::<Record>("records", item));
        let records = records.collect::<Result<Vec<_>, _>>()?;
        let opening = records.iter().find(|record| record.is_of_its_user());
        self.path = Path::Months;
        if let Some((opening, user)) = opening.and_then(|record| Some((record, record.user_id?))) {
            self.path = Path::OfUser(user);
            self.least = self.least.max(opening.event_id);
        }
        self.enter();
        Ok(())
    }

    /// Opens the partitions of the present position.
    fn enter(&mut self) {
        let most = self.position.just_before();
        let of_index = (self.least.to_string(), most.to_string());
        // A record that stands for several refusals has the key of its ten minutes' beginning.
        let late = if self.path == Path::Days {
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
        self.streams = match self.path {
            Path::Unknown => Vec::new(),
            Path::OfUser(user) => {
                let session = match self.whose {
                    Whose::Session(session) => {
                        Some(stream(Some(Index::BySession), session.to_string()))
                    }
                    _ => None,
                };
                let of_user = [
                    stream(None, keys::audit_of_user(user)),
                    stream(Some(Index::ByUser), user.to_string()),
                ];
                of_user.into_iter().chain(session).collect()
            }
            Path::Days => keys::audit_of_day(most.made_at())
                .map(|partition| stream(None, partition))
                .collect(),
            Path::Months => keys::audit_shards(most.made_at())
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

/// When a request began, as its identifier says; `None` for one that this service has not made.
fn begun_at(request: Uuid) -> Option<Timestamp> {
    let seconds_and_nanos = request
        .get_timestamp()
        .filter(|_| request.get_version_num() == 7)?
        .to_unix();
    let millis =
        seconds_and_nanos.0.checked_mul(1_000)? + u64::from(seconds_and_nanos.1 / 1_000_000);
    i64::try_from(millis).ok().map(Timestamp::from_millis)
}

/// The beginning of a moment's day in UTC.
fn day_of(moment: Timestamp) -> Timestamp {
    Timestamp::from_millis(moment.as_millis().div_euclid(DAY_MILLIS) * DAY_MILLIS)
}
