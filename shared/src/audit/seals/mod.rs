//! What makes a change of the audit trail show.
//!
//! Writers of records know nothing of this. A sealer reads the table's stream and chains what it says into segments, in
//! one chain a [lane](segment::lane_of); a notary signs the heads of all lanes with a key that nothing else may use; the
//! reconciler seals what a stream that was out has lost. [`verification`] reads it all again and names what does not fit.
//! `docs/audit-integrity.md` says against whom it helps.

mod checkpoint;
mod events;
mod key;
mod notary;
mod reconciler;
mod sealer;
mod segment;
pub mod verification;

use crate::audit::archive::ArchiveError;
use crate::store::StoreError;

pub use checkpoint::{Checkpoint, Head};
pub use events::{MalformedEvent, Sealable, sealables};
pub use key::{AuditKey, KeyError, PublicKey};
pub use notary::Notary;
pub use reconciler::{Reconciler, SPAN};
pub use sealer::{Sealer, StreamHandler, archived_name};
pub use segment::{Body, Entry, Kind, LANES, MOST_ENTRIES, Segment, lane_of};

/// Why something was not sealed or signed. It is tried again.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The tables.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The archive.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The stream.
    #[error(transparent)]
    Event(#[from] MalformedEvent),
    /// Others sealed in the same lane all the time.
    #[error("lane {0} was busy all the time")]
    Busy(u8),
    /// The last link of a chain is of no form that this code writes.
    #[error("the last link of {0} is malformed")]
    Malformed(&'static str),
    /// A lane ends before what its last checkpoint has signed, or was rewritten.
    #[error("lane {0} does not hold what the last checkpoint has signed")]
    Truncated(u8),
}
