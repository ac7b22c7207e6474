//! The engine's file.
//!
//! What the engine does not do by itself (removing expired items) is ticked here. A write that was answered is in the
//! file's write-ahead log, so it survives the end of the process however it comes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use dynoxide::Database;
use thiserror::Error;

/// How often expired items are removed. AWS takes days, and no rule may depend on it.
pub const SWEEP_INTERVAL: Duration = Duration::from_secs(60);

/// Why the database cannot be used.
#[derive(Debug, Error)]
pub enum DatabaseError {
    /// The file cannot be opened, or is no database.
    #[error("the database {0} cannot be opened: {1}")]
    Unusable(PathBuf, String),
    /// The engine refused a table.
    #[error("the table {0} cannot be made: {1}")]
    Table(String, String),
    /// The file holds a table with other keys than its definition: it is of another version.
    #[error("the table {0} has other keys than its definition; the data belong to another version")]
    Different(String),
}

/// Opens the database file, or a database in memory.
pub fn open(file: Option<&Path>) -> Result<Database, DatabaseError> {
    let Some(path) = file else {
        return Database::memory()
            .map_err(|error| DatabaseError::Unusable("in memory".into(), error.to_string()));
    };
    let unusable = |reason: String| DatabaseError::Unusable(path.to_owned(), reason);
    let name = path
        .to_str()
        .ok_or_else(|| unusable("its path is not UTF-8".to_owned()))?;
    let database = Database::new(name).map_err(|error| {
        let text = error.to_string();
        // The engine guesses that the file is encrypted, and says how it could be built to read such files.
        let no_database = text.contains("not a valid SQLite database");
        unusable(if no_database {
            "it is damaged, or no SQLite database".to_owned()
        } else {
            text
        })
    })?;
    // The engine syncs the file at each commit. This sets SQLite's `synchronous` to NORMAL: with a write-ahead log every
    // commit still survives the end of the process, and only a power cut can take back the last ones. A laptop's disk
    // otherwise costs each login half its time.
    database
        .disable_bulk_loading()
        .map_err(|error| unusable(error.to_string()))?;
    index_streams(path).map_err(|error| unusable(error.to_string()))?;
    Ok(database)
}

/// Each write to a table with a stream looks for the stream's last record, and the engine looks through all of them: after
/// a hundred thousand that is a tenth of a second a write. An index makes it a look at one.
fn index_streams(path: &Path) -> rusqlite::Result<()> {
    const INDEX: &str = "CREATE INDEX IF NOT EXISTS stream_records_in_order \
                         ON _stream_records (table_name, CAST(sequence_number AS INTEGER))";
    rusqlite::Connection::open(path)?.execute_batch(INDEX)
}

/// Removes expired items at every tick, until the task is aborted.
pub async fn sweep_expired(database: Database, every: Duration) {
    let mut tick = tokio::time::interval(every);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let database = database.clone();
        // A sweep works through whole tables: off the threads that answer requests.
        match tokio::task::spawn_blocking(move || database.sweep_ttl()).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::warn!(%error, "expired items could not be removed"),
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TempDir;

    const FILE: &str = "dynamodb.sqlite";

    #[test]
    fn streams_are_indexed_in_a_file() {
        let scratch = TempDir::new();
        let file = scratch.path(FILE);
        drop(open(Some(&file)).unwrap());
        let plan = "EXPLAIN QUERY PLAN SELECT MAX(CAST(sequence_number AS INTEGER)) FROM _stream_records WHERE table_name = 'x'";
        let connection = rusqlite::Connection::open(&file).unwrap();
        let plan: String = connection.query_row(plan, [], |row| row.get(3)).unwrap();
        assert!(plan.contains("stream_records_in_order"), "{plan}");
    }

    #[test]
    fn a_file_that_is_no_database_is_an_error_of_one_line() {
        let scratch = TempDir::new();
        std::fs::write(
            scratch.path(FILE),
            "this is not a database, and it is long enough to be looked at".repeat(100),
        )
        .unwrap();
        let error = open(Some(&scratch.path(FILE)))
            .map(drop)
            .unwrap_err()
            .to_string();
        assert!(error.contains(FILE) && !error.contains('\n'), "{error}");
    }
}
