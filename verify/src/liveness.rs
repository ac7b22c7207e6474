//! Whether a session still counts: its times, and the versions that it was begun under.

use std::time::Duration;

use crate::level::VersionLevel;
use crate::time::Timestamp;

/// What decides whether a session is live.
#[derive(Debug, Clone, Copy)]
pub struct Liveness {
    /// The user's level.
    pub user: VersionLevel,
    /// The service's level.
    pub global: VersionLevel,
    /// A session without activity for this long is over, if set.
    pub idle: Option<Duration>,
    /// The moment of the question.
    pub now: Timestamp,
}

/// What a session says about its own life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionStamp {
    /// The user's version when the password was proved.
    pub user_ver: u64,
    /// The service's version when the password was proved.
    pub global_ver: u64,
    /// The last login or refresh.
    pub last_activity_at: Timestamp,
    /// The absolute end; nothing moves it.
    pub expires_at: Timestamp,
}

impl Liveness {
    /// Whether both levels accept these versions: of a session, or of a token that repeats them.
    #[must_use]
    pub fn accepts(&self, user_ver: u64, global_ver: u64) -> bool {
        self.user.accepts(user_ver, self.now) && self.global.accepts(global_ver, self.now)
    }
}

impl SessionStamp {
    /// Whether the session has neither ended by time nor been outdated by a rotation.
    #[must_use]
    pub fn is_live(&self, liveness: &Liveness) -> bool {
        self.is_in_time(liveness) && liveness.accepts(self.user_ver, self.global_ver)
    }

    /// Whether neither its absolute nor its idle limit has passed.
    #[must_use]
    pub fn is_in_time(&self, liveness: &Liveness) -> bool {
        let idle_end = liveness.idle.map(|idle| self.last_activity_at.plus(idle));
        liveness.now < self.expires_at && idle_end.is_none_or(|end| liveness.now < end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000_000);

    fn liveness() -> Liveness {
        Liveness {
            user: VersionLevel::FIRST,
            global: VersionLevel::FIRST,
            idle: None,
            now: NOW,
        }
    }

    fn stamp() -> SessionStamp {
        let expires_at = NOW.plus(Duration::from_millis(1));
        SessionStamp {
            user_ver: 1,
            global_ver: 1,
            last_activity_at: NOW,
            expires_at,
        }
    }

    #[test]
    fn a_session_ends_at_its_own_moment() {
        assert!(stamp().is_live(&liveness()));
        assert!(
            !SessionStamp {
                expires_at: NOW,
                ..stamp()
            }
            .is_live(&liveness())
        );
    }

    #[test]
    fn an_idle_session_is_over() {
        let idle = Liveness {
            idle: Some(Duration::from_secs(1)),
            ..liveness()
        };
        assert!(stamp().is_live(&idle));
        let asleep = SessionStamp {
            last_activity_at: NOW.minus(Duration::from_secs(1)),
            ..stamp()
        };
        assert!(!asleep.is_live(&idle) && asleep.is_live(&liveness()));
    }

    #[test]
    fn a_grace_of_one_level_never_shelters_what_the_other_refuses() {
        let hour = Duration::from_secs(3_600);
        let global = VersionLevel::FIRST.rotated(NOW, hour);
        let sheltered = Liveness {
            global,
            ..liveness()
        };
        assert!(stamp().is_live(&sheltered));
        let user = VersionLevel::FIRST.rotated(NOW, Duration::ZERO);
        assert!(!stamp().is_live(&Liveness { user, ..sheltered }));
    }
}
