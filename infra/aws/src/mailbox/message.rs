//! A message that was sent.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One caught mail.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Everyone it was sent to, copies included, each as `a@example.com` or `Name <a@example.com>`.
    pub to: Vec<String>,
    /// Who it says it is from, in the same form.
    pub from: String,
    /// The subject, decoded.
    pub subject: String,
    /// The plain part; empty if there is none.
    pub text: String,
    /// The HTML part; empty if there is none.
    pub html: String,
    /// When it was accepted, RFC 3339 in UTC.
    pub received_at: String,
}

/// Prints neither addresses nor contents: the text holds live tokens.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("received_at", &self.received_at)
            .finish_non_exhaustive()
    }
}
