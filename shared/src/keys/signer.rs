//! Signs access tokens with the key that the security record names.
//!
//! The ring is read when a process starts, which fails without it, and kept in memory. It is read again when the record
//! names a key that it lacks, once an hour, and at the latest when half of the time is over for which it may be kept. Where that fails, because Secrets Manager cannot be reached or the new
//! version is malformed or lacks that key, the last good ring signs on: for as long as `DASHTAM_KEYS_STALE_SECONDS` says,
//! and only with keys that the record lists, so a key that was dropped stops signing all the same.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{KeysError, SIGNING_RING, read_ring};
use crate::clock::MAX_CLOCK_SKEW;
use crate::domain::Timestamp;
use crate::ground::error_chain;
use crate::keys::secrets::Secrets;
use crate::telemetry::{self, Metric};
use crate::tokens::{Claims, SecurityRecord, SigningRing};

/// A ring this old is read again, also where it may be kept for longer.
const REFRESH_INTERVAL: Duration = Duration::from_secs(3_600);
/// However often the same key is missed, the ring is read once in this time.
const PAUSE: Duration = Duration::from_secs(5);

/// Signs access tokens with the active key.
#[derive(Clone)]
pub struct Signer {
    secrets: Secrets,
    stale: Duration,
    held: Arc<Mutex<Held>>,
    /// Whoever reads the ring has it, so that those who miss the same key wait for that read instead of failing.
    turn: Arc<tokio::sync::Mutex<()>>,
}

/// The ring in memory.
struct Held {
    ring: Arc<SigningRing>,
    /// When it was read.
    read_at: Timestamp,
    /// When it was last tried to be read, and for which key.
    tried_at: Timestamp,
    tried_for: String,
}

impl Signer {
    /// Reads the ring. A process without keys does not start; one whose service has not begun yet does.
    pub async fn open(
        secrets: Secrets,
        stale: Duration,
        now: Timestamp,
    ) -> Result<Self, KeysError> {
        let ring = Arc::new(read_ring(&secrets).await?.unwrap_or_default());
        let held = Held {
            ring,
            read_at: now,
            tried_at: now,
            tried_for: String::new(),
        };
        Ok(Self {
            secrets,
            stale,
            held: Arc::new(Mutex::new(held)),
            turn: Arc::default(),
        })
    }

    /// The key that `record` names for `now`, or the one that signs in its place.
    pub async fn key(
        &self,
        record: &SecurityRecord,
        now: Timestamp,
    ) -> Result<ActiveKey, KeysError> {
        let kid = record.signing_kid(now);
        let ring = self.ring(kid, now).await?;
        let stand_in = || stand_in(&ring, record, now).map(str::to_owned);
        let kid = ring.key(kid).map(|_| kid.to_owned()).or_else(stand_in);
        let kid = kid.ok_or_else(|| KeysError::NotInRing(record.signing_kid(now).to_owned()))?;
        let until = record.key(&kid, now).and_then(|key| key.until);
        Ok(ActiveKey { ring, kid, until })
    }

    async fn ring(&self, kid: &str, now: Timestamp) -> Result<Arc<SigningRing>, KeysError> {
        let is_missing = self
            .held
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .ring
            .key(kid)
            .is_none();
        let _turn = if is_missing {
            Some(self.turn.lock().await)
        } else {
            None
        };
        let (ring, read_at, due) = {
            let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
            let wanted =
                held.ring.key(kid).is_none() || !is_within(self.interval(), held.read_at, now);
            let due = wanted && (held.tried_for != kid || !is_within(PAUSE, held.tried_at, now));
            if due {
                held.tried_at = now;
                kid.clone_into(&mut held.tried_for);
            }
            (Arc::clone(&held.ring), held.read_at, due)
        };
        if due {
            match self.read(kid).await {
                Ok(read) => return Ok(self.hold(read, now)),
                Err(error) => {
                    tracing::error!(
                        secret = SIGNING_RING,
                        error = error_chain(&error),
                        "the last good keys sign on"
                    );
                    telemetry::count(Metric::KeysStale);
                }
            }
        }
        if is_within(self.stale, read_at, now) {
            Ok(ring)
        } else {
            Err(KeysError::Stale)
        }
    }

    /// The age at which the ring is read again: early enough for some failures before it is too old.
    fn interval(&self) -> Duration {
        REFRESH_INTERVAL.min(self.stale / 2)
    }

    /// The ring, if it holds the key that signs: an emptied or older version is as bad as a malformed one.
    async fn read(&self, kid: &str) -> Result<SigningRing, KeysError> {
        let read = read_ring(&self.secrets)
            .await?
            .filter(|ring| ring.key(kid).is_some());
        read.ok_or_else(|| KeysError::NotInRing(kid.to_owned()))
    }

    fn hold(&self, ring: SigningRing, now: Timestamp) -> Arc<SigningRing> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.ring = Arc::new(ring);
        held.read_at = now;
        Arc::clone(&held.ring)
    }
}

/// Whether `now` is less than `bound` after `at`. A clock that was set back says nothing about the age of a ring.
fn is_within(bound: Duration, at: Timestamp, now: Timestamp) -> bool {
    at <= now.plus(MAX_CLOCK_SKEW) && now < at.plus(bound)
}

/// A key that signs now.
pub struct ActiveKey {
    ring: Arc<SigningRing>,
    kid: String,
    /// When it stops to verify, if that is known: no token may live longer.
    pub until: Option<Timestamp>,
}

impl ActiveKey {
    /// The token that says `claims`.
    pub fn sign(&self, claims: &Claims) -> Result<String, KeysError> {
        let key = self
            .ring
            .key(&self.kid)
            .ok_or_else(|| KeysError::NotInRing(self.kid.clone()))?;
        Ok(key.issue(claims)?)
    }
}

/// The newest key that may sign in the place of one that is not available: the record lists it, and it does not retire.
/// While a rotation waits that is the former key, which verifiers know.
fn stand_in<'a>(ring: &'a SigningRing, record: &SecurityRecord, now: Timestamp) -> Option<&'a str> {
    let kids = || {
        ring.keys()
            .iter()
            .rev()
            .map(|key| key.public().kid.as_str())
    };
    let listed = |kid: &&str| record.key(kid, now).is_some();
    let lasting = |kid: &&str| record.key(kid, now).is_some_and(|key| key.until.is_none());
    kids().find(lasting).or_else(|| kids().find(listed))
}
