//! Lockout: consecutive wrong passwords, charged before the hash is computed.
//!
//! Charging first makes guessing in parallel as expensive as guessing in turn: the eleventh of eleven parallel tries finds
//! the lock full before any of them has been compared. A right password clears the charge. Known and unknown addresses
//! are charged alike. Checks inside a session have a separate lock, so that strangers at the login cannot keep an owner
//! from acting.

use std::time::Duration;

use serde::Deserialize;

use super::expression::Expression;
use super::item::{number, text};
use super::keys;
use super::schema::{Schema, Stored};
use super::single::Updated;
use super::{Store, StoreError};
use crate::clock::MAX_CLOCK_SKEW;
use crate::config::Lockout;
use crate::domain::{EmailAddress, Timestamp, UserId};

/// Failures this old are forgotten; the item may be cleaned up from then on.
const MEMORY: Duration = Duration::from_secs(30 * 86_400);
/// A full lock younger than this may be right passwords that are still being hashed.
const IN_FLIGHT: Duration = Duration::from_secs(3);

/// Whose wrong passwords are counted.
#[derive(Debug, Clone, Copy)]
pub enum Lock<'a> {
    /// Those at the login with an address.
    Login(&'a EmailAddress),
    /// Those inside the sessions of an account.
    Sessions(UserId),
}

impl Lock<'_> {
    fn key(self) -> keys::Key {
        match self {
            Self::Login(address) => keys::lock(address),
            Self::Sessions(user) => keys::session_lock(user),
        }
    }
}

/// What the lock said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockCharge {
    /// One more try is charged; it is the `n`th in a row.
    Charged(u64),
    /// No password is looked at for this long.
    Locked(Duration),
}

/// What a lock is like, for those who look at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockState {
    /// Wrong passwords in a row.
    pub failures: u64,
    /// How long no password is looked at, if the lock is full.
    pub locked_for: Option<Duration>,
}

/// The LOCK item.
#[derive(Deserialize)]
struct LockItem {
    n: u64,
    last: Timestamp,
}

impl Stored for LockItem {
    const SCHEMA: Schema = Schema::NONE;
}

impl Store {
    /// What the lock is like now. Nothing is charged.
    pub async fn lock_state(
        &self,
        lock: Lock<'_>,
        lockout: &Lockout,
    ) -> Result<LockState, StoreError> {
        let item: Option<LockItem> = self.read("lock_state", lock.key()).await?;
        Ok(item.map_or(
            LockState {
                failures: 0,
                locked_for: None,
            },
            |item| item.state(lockout, self.now()),
        ))
    }

    /// Charges one try.
    ///
    /// # Errors
    /// [`StoreError`]: without a charge no password may be compared.
    pub async fn charge_lock(
        &self,
        lock: Lock<'_>,
        lockout: &Lockout,
    ) -> Result<LockCharge, StoreError> {
        let id = self.write_id();
        let mut patience = self.now().plus(IN_FLIGHT);
        let mut attempt = 0;
        loop {
            let now = self.now();
            let expression = counting(lockout, now, &id);
            let old = match self.update("charge_lock", lock.key(), expression).await? {
                Updated::Done(item) => return Ok(LockCharge::Charged(count(number(&item, "n")))),
                Updated::Unmet(old) => old.unwrap_or_default(),
            };
            if text(&old, "write") == Some(id.as_str()) {
                return Ok(LockCharge::Charged(count(number(&old, "n"))));
            }
            let last = Timestamp::from_millis(number(&old, "last").unwrap_or_default());
            let end = last.plus(lockout.duration);
            if last > now.plus(MAX_CLOCK_SKEW) {
                // A clock was ahead when this was written. The lock holds no longer than one that begins now.
                self.update("correct_lock", lock.key(), beginning_now(last, now))
                    .await?;
                return Ok(LockCharge::Locked(lockout.duration));
            }
            if end <= now || last.plus(MEMORY) <= now {
                let expression = restarting(lockout, now, &id);
                if let Updated::Done(_) =
                    self.update("restart_lock", lock.key(), expression).await?
                {
                    return Ok(LockCharge::Charged(1));
                }
            } else if last.plus(IN_FLIGHT) <= now || patience <= now {
                return Ok(LockCharge::Locked(end.since(now).min(lockout.duration)));
            }
            // Real time passes here even where the clock stands still.
            attempt += 1;
            if attempt > 70 {
                patience = now;
            }
            self.pause(2).await;
        }
    }

    /// Forgets the failures after a right password.
    ///
    /// # Errors
    /// [`StoreError`]; the failures then count on, which only a later failure notices.
    pub async fn clear_lock(&self, lock: Lock<'_>) -> Result<(), StoreError> {
        let key = lock.key();
        let request = self
            .client
            .delete_item()
            .table_name(self.table(key.table))
            .set_key(Some(key.into_item()));
        request
            .send()
            .await
            .map(|_| ())
            .map_err(|error| StoreError::from_sdk("clear_lock", error))
    }

    /// Takes one charge back: the try was not a wrong one, and the failures before it are not forgotten either.
    ///
    /// # Errors
    /// [`StoreError`]; the try then counts as a failure.
    pub async fn refund_lock(&self, lock: Lock<'_>) -> Result<(), StoreError> {
        let expression = Expression::update("SET #n = #n - :one", "#n > :zero")
            .value("one", 1)
            .value("zero", 0);
        self.update("refund_lock", lock.key(), expression)
            .await
            .map(|_| ())
    }
}

impl LockItem {
    /// By the rules of [`counting`] and [`restarting`].
    fn state(&self, lockout: &Lockout, now: Timestamp) -> LockState {
        let (full, end) = (
            self.n >= lockout.threshold,
            self.last.plus(lockout.duration),
        );
        let over = self.last.plus(MEMORY) <= now || (full && end <= now);
        let failures = if over { 0 } else { self.n };
        LockState {
            failures,
            locked_for: (full && !over).then(|| end.since(now).min(lockout.duration)),
        }
    }
}

/// A full lock that begins at `now` instead of `last`.
fn beginning_now(last: Timestamp, now: Timestamp) -> Expression {
    Expression::update("SET #last = :now, #ttl = :ttl", "#last = :seen")
        .value("now", now)
        .value("seen", last)
        .value("ttl", now.plus(MEMORY).as_secs())
}

/// One more failure, while the lock is not full.
fn counting(lockout: &Lockout, now: Timestamp, id: &str) -> Expression {
    let condition =
        "attribute_not_exists(#pk) OR (#n < :max AND #last > :forgotten AND #write <> :id)";
    Expression::update(
        "SET #n = if_not_exists(#n, :zero) + :one, #last = :now, #write = :id, #ttl = :ttl",
        condition,
    )
    .value("zero", 0)
    .value("one", 1)
    .value("max", lockout.threshold)
    .value("forgotten", now.minus(MEMORY))
    .value("now", now)
    .value("id", id)
    .value("ttl", now.plus(MEMORY).as_secs())
}

/// The first failure after a lock has ended or has been forgotten.
fn restarting(lockout: &Lockout, now: Timestamp, id: &str) -> Expression {
    let condition = "#last <= :forgotten OR (#n >= :max AND #last <= :ended)";
    Expression::update(
        "SET #n = :one, #last = :now, #write = :id, #ttl = :ttl",
        condition,
    )
    .value("one", 1)
    .value("max", lockout.threshold)
    .value("forgotten", now.minus(MEMORY))
    .value("ended", now.minus(lockout.duration))
    .value("now", now)
    .value("id", id)
    .value("ttl", now.plus(MEMORY).as_secs())
}

fn count(n: Option<i64>) -> u64 {
    n.and_then(|n| u64::try_from(n).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_shown_as_it_would_be_charged() {
        let hour = Duration::from_secs(3_600);
        let lockout = Lockout {
            threshold: 10,
            duration: hour,
        };
        let now = Timestamp::from_millis(1_700_000_000_000);
        let state = |n, age| {
            let LockState {
                failures,
                locked_for,
            } = LockItem {
                n,
                last: now.minus(age),
            }
            .state(&lockout, now);
            (failures, locked_for)
        };
        assert_eq!(state(9, Duration::ZERO), (9, None));
        assert_eq!(state(10, Duration::ZERO), (10, Some(hour)));
        assert_eq!(state(10, hour), (0, None));
        assert_eq!(state(9, MEMORY), (0, None));
    }
}
