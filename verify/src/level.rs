//! Version levels: the switch that makes everything issued before worthless.
//!
//! Each user has one, and so has the service. A session carries the versions it was made under, an
//! access token repeats them, and every use compares them with the levels as they are now.

use std::time::Duration;

use crate::time::Timestamp;

/// The version in force, and what is still let in beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VersionLevel {
    /// The version that new sessions get. Only ever goes up.
    pub current: u64,
    /// The oldest version let in while the grace runs.
    pub floor: u64,
    /// When the grace ends.
    pub until: Timestamp,
}

impl VersionLevel {
    /// The level before any rotation.
    pub const FIRST: Self = Self { current: 1, floor: 1, until: Timestamp::EPOCH };

    /// Whether something made under `version` is still good at `now`.
    #[must_use]
    pub fn accepts(&self, version: u64, now: Timestamp) -> bool {
        self.least(now) <= version && version <= self.current
    }

    /// The oldest version that is good at `now`.
    #[must_use]
    pub fn least(&self, now: Timestamp) -> u64 {
        if now < self.until { self.floor.min(self.current) } else { self.current }
    }

    /// The level after a rotation at `now` that shelters what was good until then for `grace`. A running
    /// grace is never made longer.
    #[must_use]
    pub fn rotated(&self, now: Timestamp, grace: Duration) -> Self {
        let current = self.current + 1;
        if grace.is_zero() {
            return Self { current, floor: current, until: now };
        }
        let running = now < self.until;
        let until = now.plus(grace);
        Self {
            current,
            floor: if running { self.floor } else { self.current },
            until: if running { until.min(self.until) } else { until },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000_000);

    #[test]
    fn a_rotation_without_grace_refuses_everything_older_at_once() {
        let level = VersionLevel::FIRST.rotated(NOW, Duration::ZERO);
        assert!(level.accepts(2, NOW));
        assert!(!level.accepts(1, NOW));
    }

    #[test]
    fn a_grace_shelters_the_version_before_until_it_ends() {
        let level = VersionLevel::FIRST.rotated(NOW, Duration::from_secs(60));
        assert!(level.accepts(1, NOW.plus(Duration::from_millis(59_999))));
        assert!(!level.accepts(1, NOW.plus(Duration::from_secs(60))));
    }

    #[test]
    fn a_second_rotation_never_makes_a_running_grace_longer() {
        let first = VersionLevel::FIRST.rotated(NOW, Duration::from_secs(60));
        let second = first.rotated(NOW.plus(Duration::from_secs(30)), Duration::from_secs(600));
        assert!(second.accepts(1, NOW.plus(Duration::from_secs(59))));
        assert!(!second.accepts(1, NOW.plus(Duration::from_secs(60))));
        assert!(!second.accepts(2, NOW.plus(Duration::from_secs(60))));
    }

    #[test]
    fn a_rotation_without_grace_ends_a_running_one() {
        let first = VersionLevel::FIRST.rotated(NOW, Duration::from_secs(60));
        let second = first.rotated(NOW, Duration::ZERO);
        assert!(!second.accepts(1, NOW) && !second.accepts(2, NOW) && second.accepts(3, NOW));
    }

    #[test]
    fn a_version_from_the_future_is_refused() {
        assert!(!VersionLevel::FIRST.accepts(2, NOW));
    }
}
