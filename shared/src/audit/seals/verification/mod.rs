//! Reads the whole trail with its seals, and names what does not fit.
//!
//! First the checkpoints, then the lanes back from what is signed, then the records: in this order nothing that is written
//! meanwhile looks like a fault. Where a segment is not what its successor or a checkpoint says, the archive's copy, which
//! is found by that hash, takes its place, so that the records in it can still be judged one by one. About 100 bytes are
//! held in memory for a record.

mod checkpoints;
mod lanes;
mod records;

use std::collections::HashMap;
use std::time::Duration;

use serde::Serialize;

use super::SealError;
use super::key::PublicKey;
use super::segment::{Entry, Segment};
use crate::audit::archive::Archive;
use crate::domain::{Timestamp, UserId};
use crate::ground::digest;
use crate::store::Store;

/// So long a record may be without a seal, and a segment without a signature, before it counts as a fault. Keys of refusals
/// that are recorded once tell a moment up to ten minutes too early.
pub const UNSEALED: Duration = Duration::from_secs(15 * 60);

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// A record does not say what was sealed.
    Changed,
    /// A sealed record is gone before its time.
    Removed,
    /// No segment holds a record that should be sealed.
    Added,
    /// A record stands elsewhere in its segment than it was sealed.
    Reordered,
    /// A record was changed or removed once, as its segment says, and looks whole now.
    Alarm,
    /// A segment is not what was sealed.
    Rewritten,
    /// A segment or checkpoint is gone.
    Missing,
    /// A checkpoint is not what was signed.
    Forged,
    /// A segment is signed by no checkpoint though it is old enough.
    Unsigned,
}

impl Fault {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Removed => "removed",
            Self::Added => "added",
            Self::Reordered => "reordered",
            Self::Alarm => "alarm",
            Self::Rewritten => "rewritten",
            Self::Missing => "missing",
            Self::Forged => "forged",
            Self::Unsigned => "unsigned",
        }
    }
}

/// Something that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// What is wrong.
    pub fault: Fault,
    /// With what: `USER#<id> <time>#<event id>`, `lane 2 segment 17`, `checkpoint 9`.
    pub what: String,
    /// How it shows.
    pub detail: String,
}

/// Which records are looked at. The chains are always walked whole.
#[derive(Debug, Clone, Copy, Default)]
pub struct Scope {
    /// From this moment on.
    pub from: Option<Timestamp>,
    /// Up to this moment.
    pub to: Option<Timestamp>,
    /// Of this user only.
    pub user: Option<UserId>,
}

impl Scope {
    fn holds(&self, pk: &str, at: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= at)
            && self.to.is_none_or(|to| at <= to)
            && self.user.is_none_or(|user| pk == partition(user))
    }
}

/// The partition of a user's records.
fn partition(user: UserId) -> String {
    format!("USER#{user}")
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Records that were read and are in scope.
    pub records: u64,
    /// Segments of all lanes.
    pub segments: u64,
    /// Checkpoints.
    pub checkpoints: u64,
    /// When the last good checkpoint was made.
    pub signed_until: Option<String>,
    /// Sealed records that are gone because their time has passed.
    pub expired: u64,
    /// Records that are too young to be sealed.
    pub unsealed: u64,
    /// Records that were sealed late: what happened to them until then would not show.
    pub late: u64,
    /// What does not fit.
    pub findings: Vec<Finding>,
}

impl Report {
    fn add(&mut self, fault: Fault, what: impl Into<String>, detail: impl Into<String>) {
        self.findings.push(Finding {
            fault,
            what: what.into(),
            detail: detail.into(),
        });
    }
}

/// How far it has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Checkpoints read so far.
    Checkpoints(u64),
    /// Segments read so far.
    Segments(u64),
    /// Records read so far, and how many are sealed.
    Records(u64, u64),
}

/// Is told how far it has got.
pub type Tell<'a> = &'a mut dyn FnMut(Progress);

/// What was sealed for a record.
#[derive(Debug, Clone, Copy)]
struct Sealed {
    hash: [u8; 32],
    ttl: i64,
    lane: u8,
    seq: u64,
    index: usize,
}

/// What the lanes say.
#[derive(Default)]
struct Trail {
    sealed: HashMap<u128, Sealed>,
    /// Alarms by record: the entry, and when it was sealed.
    alarms: HashMap<u128, (Entry, String)>,
    /// Segments that the archive's copy has taken the place of.
    copies: HashMap<(u8, u64), Segment>,
}

/// Names a record in memory: the first half of a SHA-256 over its key.
#[must_use]
pub fn key_of(pk: &str, sk: &str) -> u128 {
    let hash = digest::sha256(format!("{}:{pk}{sk}", pk.len()).as_bytes());
    let (half, _) = hash.split_at(16);
    half.iter()
        .fold(0, |number, byte| number << 8 | u128::from(*byte))
}

/// Verifies the trail.
#[derive(Clone)]
pub struct Auditor {
    store: Store,
    archive: Archive,
}

impl Auditor {
    /// Over these tables and this archive.
    #[must_use]
    pub const fn new(store: Store, archive: Archive) -> Self {
        Self { store, archive }
    }

    /// Reads everything; checkpoints count if one of `keys` has signed them.
    ///
    /// # Errors
    /// [`SealError`], if something could not be read. What is wrong with the trail is no error but a finding.
    pub async fn verify(
        &self,
        scope: Scope,
        keys: &[PublicKey],
        tell: Tell<'_>,
    ) -> Result<Report, SealError> {
        let mut report = Report::default();
        let anchors = self.checkpoints(keys, &mut report, tell).await?;
        let trail = self.lanes(&scope, &anchors, &mut report, tell).await?;
        self.records(&scope, trail, &mut report, tell).await?;
        report.findings.sort();
        report.findings.dedup();
        Ok(report)
    }
}
