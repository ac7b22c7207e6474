//! When which call of the response was answered: what every try is judged by.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// A call of the response that ends tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// The signing keys were dropped.
    Keys,
    /// The version of everybody was raised.
    Tokens,
}

impl Call {
    /// Its name in the report.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Keys => "drop the signing keys",
            Self::Tokens => "rotate everybody's tokens",
        }
    }
}

/// When what was answered.
#[derive(Debug, Default)]
pub struct Timeline {
    begin: OnceLock<Instant>,
    keys: OnceLock<Instant>,
    tokens: OnceLock<Instant>,
}

impl Timeline {
    /// The load begins.
    pub fn begin(&self) {
        self.begin.get_or_init(Instant::now);
    }

    /// How long the load has run.
    #[must_use]
    pub fn since_begin(&self) -> Duration {
        self.begin.get().map(Instant::elapsed).unwrap_or_default()
    }

    /// A call has just been answered.
    pub fn mark(&self, call: Call) {
        self.of(call).get_or_init(Instant::now);
    }

    /// When a call was answered, if it was.
    #[must_use]
    pub fn answered(&self, call: Call) -> Option<Instant> {
        self.of(call).get().copied()
    }

    const fn of(&self, call: Call) -> &OnceLock<Instant> {
        match call {
            Call::Keys => &self.keys,
            Call::Tokens => &self.tokens,
        }
    }
}
