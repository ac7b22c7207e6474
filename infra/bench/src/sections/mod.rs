//! What is measured: one file a table or a family of tables.

use std::time::Duration;

pub mod endpoints;
pub mod growth;
pub mod hashing;
pub mod limits;
pub mod revocation;
pub mod seals;
pub mod wrapper;

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// The time of one measurement of a fast endpoint.
    pub fast: Duration,
    /// The time of one measurement with password hashes in it.
    pub hashing: Duration,
    /// The requests of one client in one measurement.
    pub requests: usize,
    /// How often bare hashes and logins take turns.
    pub rounds: usize,
    /// How many of each in one turn.
    pub hashes: u32,
    /// Decisions of one caller on a bucket.
    pub decisions: usize,
    /// Tries of outdated tokens.
    pub stale_tries: usize,
    /// Audit records that are sealed and verified.
    pub audit_records: usize,
}

impl Bounds {
    /// Less than a minute.
    pub const QUICK: Self = Self {
        fast: Duration::from_millis(600),
        hashing: Duration::from_secs(2),
        requests: 20_000,
        rounds: 3,
        hashes: 40,
        decisions: 50,
        stale_tries: 2_000,
        audit_records: 10_000,
    };
    /// Less than five minutes.
    pub const FULL: Self = Self {
        fast: Duration::from_secs(4),
        hashing: Duration::from_secs(8),
        requests: 100_000,
        rounds: 7,
        hashes: 40,
        decisions: 300,
        stale_tries: 10_000,
        audit_records: 100_000,
    };
}

fn millis(value: f64) -> String {
    format!("{value:.2}")
}
