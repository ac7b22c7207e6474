//! A message in a queue, how long it rests after a failure, and where it goes when it is given up.

use std::path::PathBuf;
use std::time::Duration;

use local_aws::files::append_line;
use serde_json::json;

pub(super) const FIRST_DELAY: Duration = Duration::from_millis(500);
pub(super) const LONGEST_DELAY: Duration = Duration::from_secs(10);

/// The queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Queue {
    Mailer,
    Sweeper,
}

impl Queue {
    /// Its name.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Mailer => "mailer",
            Self::Sweeper => "sweeper",
        }
    }
}

/// A row in a queue.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) body: String,
    pub(super) attempts: u32,
}

/// How long a message rests after its `attempts`th failure.
pub(super) fn delay(attempts: u32) -> Duration {
    let doublings = attempts.saturating_sub(1).min(10);
    FIRST_DELAY
        .saturating_mul(1 << doublings)
        .min(LONGEST_DELAY)
}

/// Writes a message to the dead-letter file; false when that failed, and the message must be kept.
pub(super) fn bury(file: Option<&PathBuf>, queue: &str, message: &Message, failure: &str) -> bool {
    let Message { body, attempts } = message;
    tracing::error!(queue, body, attempts, failure, "a message is given up");
    let Some(file) = file else { return true };
    let line = json!({ "queue": queue, "body": body, "attempts": attempts, "failure": failure })
        .to_string();
    append_line(file, &line)
        .inspect_err(|error| tracing::error!(%error, "the dead-letter file cannot be written"))
        .is_ok()
}
