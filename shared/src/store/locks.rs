//! Lockout: consecutive wrong passwords of an address, charged before the hash is computed.
//!
//! Charging first makes guessing in parallel as expensive as guessing in turn: the eleventh of eleven parallel tries finds
//! the lock full before any of them has been compared. A right password clears the charge. Known and unknown addresses
//! are charged alike.

use std::time::Duration;

use super::expression::Expression;
use super::keys;
use super::single::{Updated, number, text};
use super::{Store, StoreError};
use crate::config::Lockout;
use crate::domain::{EmailAddress, Timestamp};

/// Failures this old are forgotten; the item may be cleaned up from then on.
const MEMORY: Duration = Duration::from_secs(30 * 86_400);
/// A full lock younger than this may be right passwords that are still being hashed.
const IN_FLIGHT: Duration = Duration::from_secs(3);

/// What the lock said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockCharge {
    /// One more try is charged; it is the `n`th in a row.
    Charged(u64),
    /// No password is looked at for this long.
    Locked(Duration),
}

impl Store {
    /// Charges one try for `address`.
    ///
    /// # Errors
    /// [`StoreError`]: without a charge no password may be looked at.
    pub async fn charge_lock(&self, address: &EmailAddress, lockout: &Lockout) -> Result<LockCharge, StoreError> {
        let id = self.write_id();
        let mut patience = self.now().plus(IN_FLIGHT);
        let mut attempt = 0;
        loop {
            let now = self.now();
            let expression = counting(lockout, now, &id);
            let old = match self.update("charge_lock", keys::lock(address), expression).await? {
                Updated::Done(item) => return Ok(LockCharge::Charged(count(number(&item, "n")))),
                Updated::Unmet(old) => old.unwrap_or_default(),
            };
            if text(&old, "write") == Some(id.as_str()) {
                return Ok(LockCharge::Charged(count(number(&old, "n"))));
            }
            let last = Timestamp::from_millis(number(&old, "last").unwrap_or_default());
            let end = last.plus(lockout.duration);
            if end <= now || last.plus(MEMORY) <= now {
                let expression = restarting(lockout, now, &id);
                if let Updated::Done(_) = self.update("restart_lock", keys::lock(address), expression).await? {
                    return Ok(LockCharge::Charged(1));
                }
            } else if last.plus(IN_FLIGHT) <= now || patience <= now {
                return Ok(LockCharge::Locked(end.since(now)));
            }
            // Real time passes here even where the clock stands still.
            attempt += 1;
            if attempt > 70 {
                patience = now;
            }
            self.pause(2).await;
        }
    }

    /// Forgets the failures of `address` after a right password.
    ///
    /// # Errors
    /// [`StoreError`]; the failures then count on, which only a later failure notices.
    pub async fn clear_lock(&self, address: &EmailAddress) -> Result<(), StoreError> {
        let key = keys::lock(address);
        let request = self.client.delete_item().table_name(self.table(key.table)).set_key(Some(key.into_item()));
        request.send().await.map(|_| ()).map_err(|error| StoreError::from_sdk("clear_lock", error))
    }
}

/// One more failure, while the lock is not full.
fn counting(lockout: &Lockout, now: Timestamp, id: &str) -> Expression {
    let condition = "attribute_not_exists(#pk) OR (#n < :max AND #last > :forgotten AND #write <> :id)";
    Expression::update("SET #n = if_not_exists(#n, :zero) + :one, #last = :now, #write = :id, #ttl = :ttl", condition)
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
    Expression::update("SET #n = :one, #last = :now, #write = :id, #ttl = :ttl", condition)
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
