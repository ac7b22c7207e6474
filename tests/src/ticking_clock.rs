//! A clock that runs.

use std::sync::Arc;
use std::time::Duration;

use shared::clock::{Clock, MockClock};
use shared::domain::Timestamp;

/// Each reading is a millisecond later than the one before. A rule that reads the clock twice, and needs both readings to be
/// equal, holds under a clock that stands still and fails under this one.
pub(crate) struct TickingClock(Arc<MockClock>);

impl TickingClock {
    /// Moves `clock` at each reading.
    pub(crate) const fn new(clock: Arc<MockClock>) -> Self {
        Self(clock)
    }
}

impl Clock for TickingClock {
    fn now(&self) -> Timestamp {
        self.0.advance(Duration::from_millis(1));
        self.0.now()
    }
}
