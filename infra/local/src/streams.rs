//! The outbox table's stream, read from where the last run left off.
//!
//! Deployed, two pipes carry the inserted rows to two queues; the template's filters say which row goes where, and
//! [`Row`] says the same. The position on disk lies below everything that is not finished, so a crash costs a
//! second delivery and never a first one.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use dynoxide::actions::describe_stream::DescribeStreamRequest;
use dynoxide::actions::describe_table::DescribeTableRequest;
use dynoxide::actions::get_records::{GetRecordsRequest, Record};
use dynoxide::actions::get_shard_iterator::GetShardIteratorRequest;
use dynoxide::{AttributeValue, Database, DynoxideError};
use thiserror::Error;

use crate::data_directory::replace_file;

/// The file in the data directory that holds the position.
pub const CHECKPOINT_FILE: &str = "outbox.checkpoint";

/// Why the stream cannot be read.
#[derive(Debug, Error)]
pub enum StreamError {
    /// The engine's reason.
    #[error("the outbox stream cannot be read: {0}")]
    Engine(#[from] DynoxideError),
    /// The table has no stream, or the stream no shard.
    #[error("the outbox table has no stream")]
    NoStream,
    /// The engine gave a sequence number that is none.
    #[error("the outbox stream has a malformed sequence number")]
    MalformedSequence,
    /// The file with the position cannot be read or written.
    #[error("{0} cannot be used: {1}")]
    Checkpoint(PathBuf, String),
}

/// A record's place in the stream: a number of 21 digits or more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sequence(u128);

impl Sequence {
    /// The place just before this one, from which a reader meets this one next.
    #[must_use]
    pub fn before(self) -> Self {
        Self(self.0.saturating_sub(1))
    }
}

impl FromStr for Sequence {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:021}", self.0)
    }
}

/// What the pipes look at in a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its place.
    pub sequence: Sequence,
    /// The row's key, for an inserted row.
    pub inserted: Option<String>,
    /// Whether it asks for a mail.
    pub mail: bool,
    /// Whether it asks for a sweep of sessions.
    pub sweep: bool,
}

impl Row {
    fn read(record: Record) -> Result<Self, StreamError> {
        let sequence = record.dynamodb.sequence_number.parse().map_err(|_| StreamError::MalformedSequence)?;
        let image = record.dynamodb.new_image.filter(|_| record.event_name == "INSERT").unwrap_or_default();
        let inserted = match image.get("pk") {
            Some(AttributeValue::S(key)) => Some(key.clone()),
            _ => None,
        };
        Ok(Self { sequence, inserted, mail: image.contains_key("mail"), sweep: image.contains_key("sweep") })
    }
}

/// A reader of the outbox table's stream.
pub struct OutboxStream {
    database: Database,
    iterator: String,
}

impl OutboxStream {
    /// Reads the records of `table` behind `after`, or all of them.
    ///
    /// # Errors
    /// [`StreamError`] when there is no stream.
    pub fn open(database: Database, table: &str, after: Option<Sequence>) -> Result<Self, StreamError> {
        let description = database.describe_table(DescribeTableRequest { table_name: table.to_owned() })?;
        let stream_arn = description.table.latest_stream_arn.ok_or(StreamError::NoStream)?;
        let described =
            database.describe_stream(DescribeStreamRequest { stream_arn: stream_arn.clone(), ..Default::default() })?;
        // The engine has one shard for a table, and it never closes.
        let shard = described.stream_description.shards.into_iter().next().ok_or(StreamError::NoStream)?;
        let kind = if after.is_some() { "AFTER_SEQUENCE_NUMBER" } else { "TRIM_HORIZON" };
        let response = database.get_shard_iterator(GetShardIteratorRequest {
            stream_arn,
            shard_id: shard.shard_id,
            shard_iterator_type: kind.to_owned(),
            sequence_number: after.map(|sequence| sequence.to_string()),
        })?;
        Ok(Self { database, iterator: response.shard_iterator.ok_or(StreamError::NoStream)? })
    }

    /// The next records, at most `limit`; none at the end of what is there.
    ///
    /// # Errors
    /// [`StreamError`]; the position has not moved then.
    pub fn next(&mut self, limit: usize) -> Result<Vec<Row>, StreamError> {
        let request = GetRecordsRequest { shard_iterator: self.iterator.clone(), limit: Some(limit) };
        let response = self.database.get_records(request)?;
        let rows = response.records.into_iter().map(Row::read).collect::<Result<_, _>>()?;
        if let Some(iterator) = response.next_shard_iterator {
            self.iterator = iterator;
        }
        Ok(rows)
    }
}

/// The position that outlives the process, where there is a data directory.
#[derive(Debug)]
pub struct Checkpoint {
    file: Option<PathBuf>,
    saved: Option<Sequence>,
}

impl Checkpoint {
    /// Reads the position; without a file it is the beginning.
    ///
    /// # Errors
    /// [`StreamError::Checkpoint`] for a file that holds something else: to begin anew instead would mail
    /// everything again.
    pub fn open(file: Option<PathBuf>) -> Result<Self, StreamError> {
        let Some(path) = &file else {
            return Ok(Self { file, saved: None });
        };
        let saved = match std::fs::read_to_string(path) {
            Ok(text) => Some(
                text.trim()
                    .parse()
                    .map_err(|_| StreamError::Checkpoint(path.clone(), "it holds no sequence number".to_owned()))?,
            ),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(StreamError::Checkpoint(path.clone(), error.to_string())),
        };
        Ok(Self { file, saved })
    }

    /// The saved position.
    #[must_use]
    pub fn saved(&self) -> Option<Sequence> {
        self.saved
    }

    /// Saves a position, if it is another than the saved one.
    ///
    /// # Errors
    /// [`StreamError::Checkpoint`]; the file still holds the position before.
    pub fn save(&mut self, position: Option<Sequence>) -> Result<(), StreamError> {
        let (Some(path), Some(sequence)) = (&self.file, position) else {
            return Ok(());
        };
        if self.saved == position {
            return Ok(());
        }
        replace_file(path, format!("{sequence}\n").as_bytes())
            .map_err(|error| StreamError::Checkpoint(path.clone(), error.to_string()))?;
        self.saved = position;
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::aws::testing::TempDir;
    use crate::database;
    use crate::template::tests::sample;
    use serde_json::{Value, json};

    pub(crate) const OUTBOX: &str = "dashtam-local-outbox";

    pub(crate) fn outbox() -> Database {
        let database = database::open(None).unwrap();
        database::create_missing_tables(&database, "dashtam-local-", &sample().tables).unwrap();
        database
    }

    pub(crate) fn put(database: &Database, item: &Value) {
        database.put_item(serde_json::from_value(json!({ "TableName": OUTBOX, "Item": item })).unwrap()).unwrap();
    }

    #[test]
    fn rows_come_in_order_and_once() {
        let database = outbox();
        let mut stream = OutboxStream::open(database.clone(), OUTBOX, None).unwrap();
        put(&database, &json!({ "pk": { "S": "OUTBOX#1" }, "mail": { "S": "verify" } }));
        put(&database, &json!({ "pk": { "S": "OUTBOX#2" }, "sweep": { "S": "user" } }));
        let rows = stream.next(10).unwrap();
        let read: Vec<_> = rows.iter().map(|row| (row.inserted.as_deref(), row.mail, row.sweep)).collect();
        assert_eq!(read, [(Some("OUTBOX#1"), true, false), (Some("OUTBOX#2"), false, true)]);
        assert!(rows[0].sequence < rows[1].sequence);
        assert!(stream.next(10).unwrap().is_empty());
    }

    #[test]
    fn changed_and_removed_rows_ask_for_nothing() {
        let database = outbox();
        put(&database, &json!({ "pk": { "S": "OUTBOX#1" }, "mail": { "S": "verify" } }));
        put(&database, &json!({ "pk": { "S": "OUTBOX#1" }, "mail": { "S": "verify" }, "sent": { "BOOL": true } }));
        let key = json!({ "TableName": OUTBOX, "Key": { "pk": { "S": "OUTBOX#1" } } });
        database.delete_item(serde_json::from_value(key).unwrap()).unwrap();
        let rows = OutboxStream::open(database, OUTBOX, None).unwrap().next(10).unwrap();
        assert_eq!(rows.iter().filter(|row| row.inserted.is_some()).count(), 1);
        assert_eq!(rows.len(), 3);
    }

    #[test]
    fn reading_goes_on_behind_a_position() {
        let database = outbox();
        for number in 1..=3 {
            put(&database, &json!({ "pk": { "S": format!("OUTBOX#{number}") }, "mail": { "S": "x" } }));
        }
        let rows = OutboxStream::open(database.clone(), OUTBOX, None).unwrap().next(10).unwrap();
        let behind = |after| OutboxStream::open(database.clone(), OUTBOX, Some(after)).unwrap().next(10).unwrap();
        assert_eq!(behind(rows[0].sequence), rows[1..]);
        assert_eq!(behind(rows[1].sequence.before()), rows[1..]);
    }

    #[test]
    fn a_position_survives_and_a_broken_file_is_refused() {
        let scratch = TempDir::new();
        let path = scratch.path(CHECKPOINT_FILE);
        let mut checkpoint = Checkpoint::open(Some(path.clone())).unwrap();
        assert_eq!(checkpoint.saved(), None);
        let position: Sequence = "100000000000000000007".parse().unwrap();
        checkpoint.save(Some(position)).unwrap();
        assert_eq!(Checkpoint::open(Some(path.clone())).unwrap().saved(), Some(position));
        std::fs::write(&path, "").unwrap();
        assert!(matches!(Checkpoint::open(Some(path)), Err(StreamError::Checkpoint(..))));
    }
}
