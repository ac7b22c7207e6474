//! Randomness as an argument.
//!
//! Production asks the operating system for every value: a generator seeded at start would be cloned
//! by a snapshot of the process, and two clones would mint the same tokens.

use std::sync::atomic::{AtomicU64, Ordering};

use dashtam_verify::Timestamp;
use uuid::Uuid;

use crate::ground::digest;

/// A source of unpredictable bytes.
pub trait Entropy: Send + Sync {
    /// Fills `buffer`.
    fn fill(&self, buffer: &mut [u8]);
}

/// The operating system's source.
#[derive(Debug, Default, Clone, Copy)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that asks the operating system"
    )]
    #[expect(
        clippy::expect_used,
        reason = "without a working source of randomness no token may be made; the panic becomes a 500"
    )]
    fn fill(&self, buffer: &mut [u8]) {
        getrandom::fill(buffer).expect("the operating system has no entropy to give");
    }
}

/// A repeatable stream; for tests.
#[derive(Debug)]
pub struct SeededEntropy {
    seed: u64,
    counter: AtomicU64,
}

impl SeededEntropy {
    /// A stream that is a function of `seed` alone.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self {
            seed,
            counter: AtomicU64::new(0),
        }
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(32) {
            let count = self.counter.fetch_add(1, Ordering::Relaxed);
            let block = digest::hmac(&self.seed.to_be_bytes(), &[&count.to_be_bytes()]);
            for (to, from) in chunk.iter_mut().zip(block) {
                *to = from;
            }
        }
    }
}

/// `N` random bytes.
#[must_use]
pub fn bytes<const N: usize>(entropy: &dyn Entropy) -> [u8; N] {
    let mut buffer = [0; N];
    entropy.fill(&mut buffer);
    buffer
}

/// A random identifier (RFC 9562 section 5.4).
#[must_use]
pub fn uuid_v4(entropy: &dyn Entropy) -> Uuid {
    uuid::Builder::from_random_bytes(bytes(entropy)).into_uuid()
}

/// An identifier that sorts by time (RFC 9562 section 5.7).
#[must_use]
pub fn uuid_v7(now: Timestamp, entropy: &dyn Entropy) -> Uuid {
    uuid_v7_with(now, &bytes(entropy))
}

/// An identifier that sorts by time and is a function of `now` and `rest`.
#[must_use]
pub fn uuid_v7_with(now: Timestamp, rest: &[u8; 10]) -> Uuid {
    let millis = u64::try_from(now.as_millis()).unwrap_or_default();
    uuid::Builder::from_unix_timestamp_millis(millis, rest).into_uuid()
}
