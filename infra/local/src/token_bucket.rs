//! The gateway's throttling: a token bucket for each method of each path, with the template's measures.
//!
//! It lives in this process's memory, as a gateway's lives in the gateway; the limits that protect accounts are
//! the service's own and are in the `limits` table. Time is an argument.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::template::Throttle;

/// A bucket that fills at `rate` tokens a second up to `burst`; each request takes one.
#[derive(Debug)]
pub struct TokenBucket {
    rate: f64,
    burst: f64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    tokens: f64,
    at: Option<Instant>,
}

impl TokenBucket {
    /// A full bucket; rate and burst are multiplied by `scale` (for load tests).
    #[must_use]
    pub fn new(throttle: Throttle, scale: f64) -> Self {
        let burst = throttle.burst * scale;
        Self {
            rate: throttle.rate * scale,
            burst,
            state: Mutex::new(State {
                tokens: burst,
                at: None,
            }),
        }
    }

    /// Takes a token at the moment `now`; false when there is none. A clock that went back adds nothing.
    pub fn take(&self, now: Instant) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let elapsed = state
            .at
            .map_or(0.0, |at| now.saturating_duration_since(at).as_secs_f64());
        let tokens = (state.tokens + elapsed * self.rate).min(self.burst);
        state.at = Some(state.at.map_or(now, |at| at.max(now)));
        let allowed = tokens >= 1.0;
        state.tokens = if allowed { tokens - 1.0 } else { tokens };
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const TWO_A_SECOND: Throttle = Throttle {
        rate: 2.0,
        burst: 4.0,
    };

    fn allowed(bucket: &TokenBucket, now: Instant, requests: usize) -> usize {
        (0..requests).filter(|_| bucket.take(now)).count()
    }

    #[test]
    fn a_full_bucket_allows_its_burst() {
        assert_eq!(
            allowed(&TokenBucket::new(TWO_A_SECOND, 1.0), Instant::now(), 10),
            4
        );
    }

    #[test]
    fn an_empty_bucket_fills_at_its_rate() {
        let (bucket, start) = (TokenBucket::new(TWO_A_SECOND, 1.0), Instant::now());
        assert_eq!(allowed(&bucket, start, 4), 4);
        assert!(!bucket.take(start + Duration::from_millis(499)));
        assert!(bucket.take(start + Duration::from_millis(500)));
        assert_eq!(allowed(&bucket, start + Duration::from_secs(2), 10), 3);
    }

    #[test]
    fn a_bucket_never_holds_more_than_its_burst() {
        let (bucket, start) = (TokenBucket::new(TWO_A_SECOND, 1.0), Instant::now());
        assert!(bucket.take(start));
        assert_eq!(allowed(&bucket, start + Duration::from_hours(1), 10), 4);
    }

    #[test]
    fn a_clock_that_goes_back_gives_nothing() {
        let (bucket, early) = (TokenBucket::new(TWO_A_SECOND, 1.0), Instant::now());
        let start = early + Duration::from_secs(10);
        assert_eq!(allowed(&bucket, start, 4), 4);
        assert!(!bucket.take(early));
        assert!(!bucket.take(start));
    }

    #[test]
    fn the_scale_multiplies_rate_and_burst() {
        let (bucket, start) = (TokenBucket::new(TWO_A_SECOND, 10.0), Instant::now());
        assert_eq!(allowed(&bucket, start, 100), 40);
        assert_eq!(allowed(&bucket, start + Duration::from_secs(1), 100), 20);
    }

    #[test]
    fn parallel_requests_get_exactly_the_burst() {
        let (bucket, now) = (
            TokenBucket::new(
                Throttle {
                    rate: 0.0,
                    burst: 50.0,
                },
                1.0,
            ),
            Instant::now(),
        );
        let total: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| allowed(&bucket, now, 100)))
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .sum()
        });
        assert_eq!(total, 50);
    }
}
