//! The stream of a table, read from where the last run left off.
//!
//! The position on disk lies below everything that is not finished, so a crash costs a second delivery and never a first
//! one. What is below it is removed: each record holds an item twice, and the streams would outgrow the tables, and keep what
//! was erased from them. A database in memory ends with its process and keeps them.

use std::path::PathBuf;
use std::time::Duration;

use dynoxide::actions::describe_stream::DescribeStreamRequest;
use dynoxide::actions::describe_table::DescribeTableRequest;
use dynoxide::actions::get_records::{GetRecordsRequest, Record};
use dynoxide::actions::get_shard_iterator::GetShardIteratorRequest;
use dynoxide::{Database, DynoxideError};
use thiserror::Error;

use super::sequence::Sequence;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dynamodb::{Checkpoint, database, tables};
    use crate::testing::{self, TempDir};
    use dynoxide::AttributeValue;
    use serde_json::{Value, json};

    const OUTBOX: &str = "app-outbox";

    fn outbox() -> Database {
        let database = database::open(None).unwrap();
        tables::create_missing_tables(&database, "app-", &testing::tables()).unwrap();
        database
    }

    fn put(database: &Database, item: &Value) {
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
        let file = scratch.path("dynamodb.sqlite");
        let database = database::open(Some(&file)).unwrap();
        tables::create_missing_tables(&database, "app-", &testing::tables()).unwrap();
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
