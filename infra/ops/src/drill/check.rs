//! What the drill looks at besides tokens: what must be so, and the steps of the response.

use std::time::Duration;

use serde::Serialize;

use crate::drill::tries::millis;

/// Something that must be so.
#[derive(Debug, Clone, Serialize)]
pub struct Check {
    /// What.
    pub what: &'static str,
    /// Whether it is.
    pub passed: bool,
    /// What was seen.
    pub seen: String,
}

impl Check {
    /// A check.
    #[must_use]
    pub const fn new(what: &'static str, passed: bool, seen: String) -> Self {
        Self { what, passed, seen }
    }
}

/// A step of the response.
#[derive(Debug, Clone, Serialize)]
pub struct Step {
    /// What was done.
    pub name: &'static str,
    /// Whether it worked.
    pub done: bool,
    /// How long it took, in milliseconds.
    pub took_ms: f64,
    /// What came of it.
    pub outcome: String,
}

impl Step {
    /// The name of the step that needs Secrets Manager's help.
    pub const DATA_RING: &str = "rotate the data ring";

    /// A step that worked.
    #[must_use]
    pub fn done(name: &'static str, took: Duration, outcome: String) -> Self {
        Self {
            name,
            done: true,
            took_ms: millis(took),
            outcome,
        }
    }

    /// A step that did not.
    #[must_use]
    pub fn failed(name: &'static str, took: Duration, outcome: String) -> Self {
        Self {
            name,
            done: false,
            took_ms: millis(took),
            outcome,
        }
    }
}
