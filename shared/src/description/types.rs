//! Types of answers that many endpoints share.

use schemars::JsonSchema;
use serde::Serialize;

/// An answer that only says what was done.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Acknowledgement")]
pub struct Message {
    /// What was done, for people. Its words may change.
    #[schemars(example = &"Done.")]
    pub message: &'static str,
}
