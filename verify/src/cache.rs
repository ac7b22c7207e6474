//! State that may be as old as the verifier's bound, and no older.
//!
//! What is kept is what the tables said, never a verdict: `exp`, idle limits and the ends of graces are compared with the
//! clock at each check. Age counts from the moment the read began, by the verifier's clock. The cache's own timer, which
//! goes by the machine's monotonic time, ends entries besides: a clock that is set back makes none of them live longer.
//!
//! Concurrent misses of one key wait for one read. Who joined a read that began before they asked, learns so from its
//! number, and can ask for a newer one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use moka::future::Cache;
use uuid::Uuid;

use crate::clock::Clock;
use crate::error::Unavailable;
use crate::state::State;
use crate::time::Timestamp;

/// A user and a session.
pub(crate) type Subject = (Uuid, Uuid);

/// What a read said, and when.
#[derive(Debug)]
pub(crate) struct Reading {
    /// What it said.
    pub state: State,
    /// When it began.
    pub began: Timestamp,
    /// Which one it was, from 1 on, in the order of their beginnings.
    pub serial: u64,
}

type Read = Result<Arc<Reading>, Unavailable>;

/// The readings of the last while.
pub(crate) struct Readings {
    clock: Arc<dyn Clock>,
    bound: Duration,
    begun: AtomicU64,
    // A failure stands here only until the read that made it has told all who waited.
    kept: Option<Cache<Subject, Read>>,
}

impl Readings {
    /// Keeps at most `capacity` readings for less than `bound`; none at all where `bound` is zero.
    pub fn new(clock: Arc<dyn Clock>, bound: Duration, capacity: u64) -> Self {
        let cache = || {
            Cache::builder()
                .max_capacity(capacity)
                .time_to_live(bound)
                .build()
        };
        let kept = (!bound.is_zero()).then(cache);
        Self {
            clock,
            bound,
            begun: AtomicU64::new(0),
            kept,
        }
    }

    /// How many reads have begun so far: later ones have higher numbers.
    pub fn begun(&self) -> u64 {
        self.begun.load(Ordering::SeqCst)
    }

    /// Whether a reading may still be used.
    pub fn is_in_bound(&self, reading: &Reading) -> bool {
        self.clock.now().is_within(self.bound, reading.began)
    }

    /// A reading of `subject` with a number above `newer_than`: one that is kept, one that is under way, or a new one.
    pub async fn get<F>(
        &self,
        subject: Subject,
        newer_than: u64,
        read: impl FnOnce() -> F + Send,
    ) -> Read
    where
        F: Future<Output = Result<State, Unavailable>> + Send,
    {
        let begin = async {
            let serial = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
            let began = self.clock.now();
            read().await.map(|state| {
                Arc::new(Reading {
                    state,
                    began,
                    serial,
                })
            })
        };
        let Some(kept) = &self.kept else {
            return begin.await;
        };
        let is_useless = |read: &Read| match read {
            Ok(reading) => reading.serial <= newer_than || !self.is_in_bound(reading),
            Err(_) => true,
        };
        let entry = kept
            .entry(subject)
            .or_insert_with_if(begin, is_useless)
            .await;
        let failed = entry.is_fresh() && entry.value().is_err();
        let read = entry.into_value();
        if failed {
            kept.invalidate(&subject).await;
        }
        read
    }

    #[cfg(test)]
    async fn count(&self) -> u64 {
        let Some(kept) = &self.kept else { return 0 };
        kept.run_pending_tasks().await;
        kept.entry_count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::MockClock;
    use crate::state::SecurityState;
    use futures::future::join_all;
    use tokio::sync::Semaphore;

    const BOUND: Duration = Duration::from_secs(30);
    const MILLI: Duration = Duration::from_millis(1);
    const JUST_WITHIN: Duration = Duration::from_millis(29_999);

    struct Fixture {
        clock: Arc<MockClock>,
        readings: Readings,
    }

    fn fixture(bound: Duration, capacity: u64) -> Fixture {
        let clock = Arc::new(MockClock::at(Timestamp::from_millis(1_700_000_000_000)));
        let readings = Readings::new(clock.clone(), bound, capacity);
        Fixture { clock, readings }
    }

    fn state() -> State {
        let security =
            serde_json::json!({ "ver_current": 1, "ver_floor": 1, "ver_until": 0, "keys": [] });
        let security: SecurityState = serde_json::from_value(security).expect("a record");
        State {
            user: None,
            session: None,
            security,
        }
    }

    fn subject(n: u128) -> Subject {
        (Uuid::from_u128(n), Uuid::from_u128(n))
    }

    impl Fixture {
        async fn serial(&self, newer_than: u64) -> u64 {
            let read = self
                .readings
                .get(subject(1), newer_than, async || Ok(state()))
                .await;
            read.expect("a reading").serial
        }
    }

    #[tokio::test]
    async fn without_a_bound_nothing_is_kept() {
        let fixture = fixture(Duration::ZERO, 10);
        assert_eq!((fixture.serial(0).await, fixture.serial(0).await), (1, 2));
        assert_eq!(fixture.readings.count().await, 0);
    }

    #[tokio::test]
    async fn a_reading_is_used_until_the_bound_and_not_at_it() {
        // RV-05
        let fixture = fixture(BOUND, 10);
        assert_eq!(fixture.serial(0).await, 1);
        fixture.clock.advance(JUST_WITHIN);
        assert_eq!(fixture.serial(0).await, 1);
        fixture.clock.advance(MILLI);
        assert_eq!(fixture.serial(0).await, 2);
    }

    #[tokio::test]
    async fn age_counts_from_the_beginning_of_the_read() {
        let fixture = fixture(BOUND, 10);
        let slow = async || {
            fixture.clock.advance(JUST_WITHIN);
            Ok(state())
        };
        let reading = fixture
            .readings
            .get(subject(1), 0, slow)
            .await
            .expect("a reading");
        assert!(fixture.readings.is_in_bound(&reading));
        fixture.clock.advance(MILLI);
        assert!(!fixture.readings.is_in_bound(&reading));
        assert_eq!(fixture.serial(0).await, 2);
    }

    #[tokio::test]
    async fn a_use_never_makes_a_reading_younger() {
        let fixture = fixture(BOUND, 10);
        for _ in 0..3 {
            assert_eq!(fixture.serial(0).await, 1);
            fixture.clock.advance(BOUND / 3);
        }
        assert_eq!(fixture.serial(0).await, 2);
    }

    #[tokio::test]
    async fn a_clock_that_is_set_back_makes_no_reading_live_longer() {
        let clock = Arc::new(MockClock::at(Timestamp::from_millis(1_000)));
        let reading = Reading {
            state: state(),
            began: Timestamp::from_millis(1_001),
            serial: 1,
        };
        assert!(!Readings::new(clock, BOUND, 10).is_in_bound(&reading));
    }

    #[tokio::test]
    async fn concurrent_misses_of_one_key_make_one_read() {
        let fixture = fixture(BOUND, 10);
        let gate = Semaphore::new(0);
        let waiting = (0..50).map(|_| {
            fixture.readings.get(subject(1), 0, async || {
                gate.acquire().await.expect("open").forget();
                Ok(state())
            })
        });
        let (read, ()) = tokio::join!(join_all(waiting), async {
            tokio::task::yield_now().await;
            gate.add_permits(1);
        });
        assert!(
            read.into_iter()
                .all(|read| read.expect("a reading").serial == 1)
        );
        assert_eq!(fixture.readings.begun(), 1);
    }

    #[tokio::test]
    async fn a_newer_reading_can_be_asked_for_and_replaces_the_kept_one() {
        let fixture = fixture(BOUND, 10);
        assert_eq!(fixture.serial(0).await, 1);
        assert_eq!(fixture.serial(1).await, 2);
        assert_eq!(fixture.serial(0).await, 2);
    }

    #[tokio::test]
    async fn a_failure_is_not_kept() {
        let fixture = fixture(BOUND, 10);
        let failing = async || Err(Unavailable::new("down"));
        assert!(fixture.readings.get(subject(1), 0, failing).await.is_err());
        assert_eq!(fixture.readings.count().await, 0);
        assert_eq!(fixture.serial(0).await, 2);
    }

    #[tokio::test]
    async fn the_number_of_kept_readings_is_bounded() {
        let fixture = fixture(BOUND, 10);
        for n in 0..1_000 {
            fixture
                .readings
                .get(subject(n), 0, async || Ok(state()))
                .await
                .expect("a reading");
        }
        assert!(fixture.readings.count().await <= 10);
    }
}
