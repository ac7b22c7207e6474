//! A checkpoint: the heads of all lanes at one moment, chained and signed.

use serde::{Deserialize, Serialize};

use crate::ground::digest;

/// What is hashed, and signed, before a checkpoint's text.
const LABEL: &str = "dashtam audit checkpoint 1\n";
/// The form of the text, raised when it changes.
pub(super) const FORMAT: u32 = 1;

/// The end of a lane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The lane.
    pub lane: u8,
    /// The number of its last segment; 0 for a lane without one.
    pub seq: u64,
    /// That segment's hash; empty for a lane without one.
    pub hash: String,
    /// Entries of the lane so far.
    pub total: u64,
}

/// What a checkpoint says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The form of the text.
    pub format: u32,
    /// The place in the chain, from 1.
    pub number: u64,
    /// When it was made, RFC 3339.
    pub made_at: String,
    /// The hash of the checkpoint before; empty for the first.
    pub prev: String,
    /// The ends of all lanes, in order.
    pub lanes: Vec<Head>,
}

impl Checkpoint {
    /// The text that is stored, hashed and signed.
    #[must_use]
    pub fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// From a stored text; `None` if it is of another form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text)
            .ok()
            .filter(|checkpoint: &Self| checkpoint.format == FORMAT)
    }
}

/// What is signed for a text.
#[must_use]
pub fn signed(text: &str) -> Vec<u8> {
    format!("{LABEL}{text}").into_bytes()
}

/// The hash of a text, SHA-256 in base64url.
#[must_use]
pub fn hash(text: &str) -> String {
    digest::fingerprint(&signed(text))
}

/// Where a checkpoint stands in the archive.
#[must_use]
pub fn name(number: u64, hash: &str) -> String {
    format!("checkpoints/{number:020}-{hash}.json")
}

/// What stands before the names of the checkpoints from `number` on, in the archive's order.
#[must_use]
pub fn names_from(number: u64) -> String {
    format!("checkpoints/{number:020}")
}
