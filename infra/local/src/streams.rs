//! The stream of a table, read from where the last run left off.
//!
//! The position on disk lies below everything that is not finished, so a crash costs a second delivery and never a first
//! one. What is below it is removed: each record holds an item twice, and the streams would outgrow the tables, and keep what
//! was erased from them. A database in memory ends with its process and keeps them.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use dynoxide::actions::describe_stream::DescribeStreamRequest;
use dynoxide::actions::describe_table::DescribeTableRequest;
use dynoxide::actions::get_records::{GetRecordsRequest, Record};
use dynoxide::actions::get_shard_iterator::GetShardIteratorRequest;
use dynoxide::{Database, DynoxideError};
use thiserror::Error;

use crate::data_directory::replace_file;

/// Why the stream cannot be read.
#[derive(Debug, Error)]
pub enum StreamError {
    /// The engine's reason.
    #[error("a stream cannot be read: {0}")]
    Engine(#[from] DynoxideError),
    /// The table has no stream, or the stream no shard.
    #[error("the table {0} has no stream")]
    NoStream(String),
    /// Records that were read cannot be removed.
    #[error("what was read of a stream cannot be removed: {0}")]
    Trim(#[from] rusqlite::Error),
    /// The engine gave a sequence number that is none.
    #[error("a stream has a malformed sequence number")]
    MalformedSequence,
    /// The file with the position cannot be read or written.
    #[error("{0} cannot be used: {1}")]
    Checkpoint(PathBuf, String),
}

/// What the engine adds to a stored number to make one of 21 digits.
const OFFSET: u128 = 100_000_000_000_000_000_000;

/// A record's place in the stream: a number of 21 digits or more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sequence(u128);

impl Sequence {
    /// The place just before this one, from which a reader meets this one next.
    #[must_use]
    pub fn before(self) -> Self {
        Self(self.0.saturating_sub(1))
    }

    /// The number as the engine stores it.
    fn stored(self) -> Option<i64> {
        i64::try_from(self.0.checked_sub(OFFSET)?).ok()
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

/// A reader of a table's stream.
pub struct TableStream {
    database: Database,
    iterator: String,
    table: String,
    trimmer: Option<rusqlite::Connection>,
    /// What is removed already.
    trimmed: Option<Sequence>,
}

impl TableStream {
    /// Reads the records of `table` behind `after`, or all of them.
    ///
    /// # Errors
    /// [`StreamError`] when there is no stream.
    pub fn open(
        database: Database,
        table: &str,
        after: Option<Sequence>,
    ) -> Result<Self, StreamError> {
        let no_stream = || StreamError::NoStream(table.to_owned());
        let description = database.describe_table(DescribeTableRequest {
            table_name: table.to_owned(),
        })?;
        let stream_arn = description.table.latest_stream_arn.ok_or_else(no_stream)?;
        let described = database.describe_stream(DescribeStreamRequest {
            stream_arn: stream_arn.clone(),
            ..Default::default()
        })?;
        // The engine has one shard for a table, and it never closes.
        let shard = described
            .stream_description
            .shards
            .into_iter()
            .next()
            .ok_or_else(no_stream)?;
        let kind = if after.is_some() {
            "AFTER_SEQUENCE_NUMBER"
        } else {
            "TRIM_HORIZON"
        };
        let response = database.get_shard_iterator(GetShardIteratorRequest {
            stream_arn,
            shard_id: shard.shard_id,
            shard_iterator_type: kind.to_owned(),
            sequence_number: after.map(|sequence| sequence.to_string()),
        })?;
        let trimmer = trimmer(&database)?;
        Ok(Self {
            database,
            iterator: response.shard_iterator.ok_or_else(no_stream)?,
            table: table.to_owned(),
            trimmer,
            trimmed: None,
        })
    }

    /// Removes the records up to a position. The numbers of later ones do not depend on them: they follow the clock.
    ///
    /// # Errors
    /// [`StreamError::Trim`]; the next call removes what this one did not.
    pub fn trim(&mut self, through: Sequence) -> Result<(), StreamError> {
        const TRIM: &str = "DELETE FROM _stream_records WHERE table_name = ?1 AND CAST(sequence_number AS INTEGER) <= ?2";
        let (Some(trimmer), Some(stored)) = (&self.trimmer, through.stored()) else {
            return Ok(());
        };
        if self.trimmed == Some(through) {
            return Ok(());
        }
        trimmer
            .prepare_cached(TRIM)?
            .execute((&self.table, stored))?;
        self.trimmed = Some(through);
        Ok(())
    }

    /// The next records, at most `limit`; none at the end of what is there.
    ///
    /// # Errors
    /// [`StreamError`]; the position has not moved then.
    pub fn next(&mut self, limit: usize) -> Result<Vec<(Sequence, Record)>, StreamError> {
        let request = GetRecordsRequest {
            shard_iterator: self.iterator.clone(),
            limit: Some(limit),
        };
        let response = self.database.get_records(request)?;
        let place = |record: &Record| {
            record
                .dynamodb
                .sequence_number
                .parse()
                .map_err(|_| StreamError::MalformedSequence)
        };
        let records = response
            .records
            .into_iter()
            .map(|record| Ok((place(&record)?, record)));
        let records = records.collect::<Result<_, StreamError>>()?;
        if let Some(iterator) = response.next_shard_iterator {
            self.iterator = iterator;
        }
        Ok(records)
    }
}

/// A connection of our own to the engine's file; `None` for a database in memory.
fn trimmer(database: &Database) -> Result<Option<rusqlite::Connection>, StreamError> {
    let Some(path) = database.db_path()?.filter(|path| !path.is_empty()) else {
        return Ok(None);
    };
    let connection = rusqlite::Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    // Nothing is lost if a power cut takes a removal back. What is removed is overwritten, since it may be an erased address.
    connection.execute_batch("PRAGMA synchronous = NORMAL; PRAGMA secure_delete = ON;")?;
    Ok(Some(connection))
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
            Ok(text) => Some(text.trim().parse().map_err(|_| {
                StreamError::Checkpoint(path.clone(), "it holds no sequence number".to_owned())
            })?),
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
    use dynoxide::AttributeValue;
    use serde_json::{Value, json};

    pub(crate) const OUTBOX: &str = "dashtam-local-outbox";

    pub(crate) fn outbox() -> Database {
        let database = database::open(None).unwrap();
        database::create_missing_tables(&database, "dashtam-local-", &sample().tables).unwrap();
        database
    }

    pub(crate) fn put(database: &Database, item: &Value) {
        database
            .put_item(serde_json::from_value(json!({ "TableName": OUTBOX, "Item": item })).unwrap())
            .unwrap();
    }

    #[test]
    fn rows_come_in_order_and_once() {
        let database = outbox();
        let mut stream = TableStream::open(database.clone(), OUTBOX, None).unwrap();
        put(
            &database,
            &json!({ "pk": { "S": "OUTBOX#1" }, "mail": { "S": "verify" } }),
        );
        put(
            &database,
            &json!({ "pk": { "S": "OUTBOX#2" }, "sweep": { "S": "user" } }),
        );
        let rows = stream.next(10).unwrap();
        let read: Vec<_> = rows
            .iter()
            .map(|(_, record)| record.dynamodb.keys["pk"].clone())
            .collect();
        assert_eq!(
            read,
            ["OUTBOX#1", "OUTBOX#2"].map(|key| AttributeValue::S(key.to_owned()))
        );
        assert!(rows[0].0 < rows[1].0);
        assert!(stream.next(10).unwrap().is_empty());
    }

    #[test]
    fn reading_goes_on_behind_a_position() {
        let database = outbox();
        for number in 1..=3 {
            put(
                &database,
                &json!({ "pk": { "S": format!("OUTBOX#{number}") }, "mail": { "S": "x" } }),
            );
        }
        let places = |rows: Vec<(Sequence, Record)>| {
            rows.into_iter().map(|(place, _)| place).collect::<Vec<_>>()
        };
        let rows = places(
            TableStream::open(database.clone(), OUTBOX, None)
                .unwrap()
                .next(10)
                .unwrap(),
        );
        let behind = |after| {
            TableStream::open(database.clone(), OUTBOX, Some(after))
                .unwrap()
                .next(10)
                .unwrap()
        };
        assert_eq!(places(behind(rows[0])), rows[1..]);
        assert_eq!(places(behind(rows[1].before())), rows[1..]);
    }

    #[test]
    fn what_is_below_the_position_is_removed_and_the_rest_is_read() {
        let scratch = TempDir::new();
        let file = scratch.path(database::FILE);
        let database = database::open(Some(&file)).unwrap();
        database::create_missing_tables(&database, "dashtam-local-", &sample().tables).unwrap();
        for number in 1..=3 {
            put(
                &database,
                &json!({ "pk": { "S": format!("OUTBOX#{number}") }, "mail": { "S": "x" } }),
            );
        }
        let mut stream = TableStream::open(database.clone(), OUTBOX, None).unwrap();
        let rows = stream.next(2).unwrap();
        stream.trim(rows[1].0).unwrap();
        let left = || {
            let connection = rusqlite::Connection::open(&file).unwrap();
            connection
                .query_row("SELECT COUNT(*) FROM _stream_records", [], |row| {
                    row.get::<_, u64>(0)
                })
                .unwrap()
        };
        assert_eq!(left(), 1);
        assert_eq!(stream.next(10).unwrap().len(), 1);
        let behind = TableStream::open(database.clone(), OUTBOX, Some(rows[1].0))
            .unwrap()
            .next(10)
            .unwrap();
        stream.trim(behind[0].0).unwrap();
        assert_eq!((behind.len(), left()), (1, 0));
        // A later record still comes behind the position.
        put(
            &database,
            &json!({ "pk": { "S": "OUTBOX#4" }, "mail": { "S": "x" } }),
        );
        assert_eq!(stream.next(10).unwrap().len(), 1);
        assert_eq!(
            TableStream::open(database, OUTBOX, Some(behind[0].0))
                .unwrap()
                .next(10)
                .unwrap()
                .len(),
            1
        );
    }

    #[test]
    fn a_position_survives_and_a_broken_file_is_refused() {
        let scratch = TempDir::new();
        let path = scratch.path("outbox.checkpoint");
        let mut checkpoint = Checkpoint::open(Some(path.clone())).unwrap();
        assert_eq!(checkpoint.saved(), None);
        let position: Sequence = "100000000000000000007".parse().unwrap();
        checkpoint.save(Some(position)).unwrap();
        assert_eq!(
            Checkpoint::open(Some(path.clone())).unwrap().saved(),
            Some(position)
        );
        std::fs::write(&path, "").unwrap();
        assert!(matches!(
            Checkpoint::open(Some(path)),
            Err(StreamError::Checkpoint(..))
        ));
    }
}
