//! A place in a stream.

use std::fmt;
use std::str::FromStr;

/// What the engine adds to a stored number to make one of 21 digits.
const OFFSET: u128 = 100_000_000_000_000_000_000;

/// A record's place in the stream: a number of 21 digits or more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sequence(u128);

impl Sequence {
    /// The place just before this one, from which a reader meets this one next.
    #[must_use]
    pub fn before(self) -> Self {
        Self(self.0.saturating_sub(1))
    }

    /// The number as the engine stores it.
    pub(super) fn stored(self) -> Option<i64> {
        i64::try_from(self.0.checked_sub(OFFSET)?).ok()
    }
}

impl FromStr for Sequence {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:021}", self.0)
    }
}
