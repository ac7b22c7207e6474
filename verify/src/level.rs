//! Version levels: the switch that makes everything issued before worthless.
//!
//! Each user has one, and so has the service. A session carries the versions it was made under, an
//! access token repeats them, and every use compares them with the levels as they are now.

use std::time::Duration;

use crate::clock::MAX_CLOCK_SKEW;
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
    /// The longest grace that a rotation can give.
    pub const MAX_GRACE: Duration = Duration::from_secs(3_600);

    /// The level before any rotation.
    pub const FIRST: Self = Self {
        current: 1,
        floor: 1,
        until: Timestamp::EPOCH,
    };

    /// Whether something made under `version` is still good at `now`.
    #[must_use]
    pub fn accepts(&self, version: u64, now: Timestamp) -> bool {
        self.least(now) <= version && version <= self.current
    }

    /// The oldest version that is good at `now`.
    #[must_use]
    pub fn least(&self, now: Timestamp) -> u64 {
        if self.is_grace_running(now) {
            self.floor.min(self.current)
        } else {
            self.current
        }
    }

    /// When what was made under `version` is refused without another rotation: at the end of the grace that shelters it.
    /// `None` for the present version.
    #[must_use]
    pub fn end_of(&self, version: u64) -> Option<Timestamp> {
        (version < self.current).then_some(self.until)
    }

    /// Whether the grace runs at `now`. A later end than the longest grace can have was written by a clock that was ahead,
    /// and counts as none: what was revoked would otherwise be accepted for as long as that clock was wrong.
    #[must_use]
    pub fn is_grace_running(&self, now: Timestamp) -> bool {
        now < self.until && self.until <= now.plus(Self::MAX_GRACE).plus(MAX_CLOCK_SKEW)
    }

    /// The level after a rotation at `now` that shelters what was good until then for `grace`. A running
    /// grace is never made longer.
    #[must_use]
    pub fn rotated(&self, now: Timestamp, grace: Duration) -> Self {
        let current = self.current + 1;
        if grace.is_zero() {
            return Self {
                current,
                floor: current,
                until: now,
            };
        }
        let running = self.is_grace_running(now);
        let until = now.plus(grace);
        Self {
            current,
            floor: if running { self.floor } else { self.current },
            until: if running {
                until.min(self.until)
            } else {
                until
            },
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
    fn a_grace_that_ends_later_than_any_can_is_none() {
        let wrong_clock = NOW.plus(Duration::from_secs(7_200));
        let level = VersionLevel::FIRST.rotated(wrong_clock, Duration::from_secs(60));
        assert!(!level.accepts(1, NOW));
        let again = level.rotated(NOW, Duration::from_secs(60));
        assert!(again.accepts(2, NOW) && !again.accepts(1, NOW));
    }

    #[test]
    fn the_longest_grace_counts_although_the_other_clock_is_a_little_ahead() {
        let level = VersionLevel::FIRST.rotated(NOW.plus(MAX_CLOCK_SKEW), VersionLevel::MAX_GRACE);
        assert!(level.accepts(1, NOW));
    }

    #[test]
    fn an_old_version_ends_with_the_grace_and_the_present_one_has_no_end() {
        let level = VersionLevel::FIRST.rotated(NOW, Duration::from_secs(60));
        assert_eq!(level.end_of(1), Some(NOW.plus(Duration::from_secs(60))));
        assert_eq!(level.end_of(2), None);
    }

    #[test]
    fn a_version_from_the_future_is_refused() {
        assert!(!VersionLevel::FIRST.accepts(2, NOW));
    }
}
