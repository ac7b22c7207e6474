//! Token buckets, exact across all instances.
//!
//! A bucket is one number, the theoretical arrival time of the generic cell rate algorithm (ITU-T I.371), in
//! microseconds: a call moves it one interval ahead, and may do so while it is less than `capacity` intervals ahead of
//! now. Only conditional updates move it, so parallel calls admit exactly as many as there are tokens, and a bucket
//! that was cleaned up early is not fuller than it would be.

use std::time::Duration;

use super::expression::Expression;
use super::keys;
use super::single::{Updated, number, text};
use super::{Store, StoreError};
use crate::config::{Limit, Rule};

/// What a bucket said.
#[derive(Debug)]
pub enum Admission {
    /// The call may go on.
    Admitted(Charge),
    /// It may not; a retry after this time will find a token, if nobody else takes it.
    Denied(Duration),
}

/// A token that was taken; it can be given back.
#[derive(Debug)]
pub struct Charge {
    rule: Rule,
    who: String,
    interval: Duration,
}

impl Store {
    /// Takes a token of `rule` for `who`.
    ///
    /// # Errors
    /// [`StoreError`]; the caller decides whether to go on without a limit. Credential endpoints do not.
    pub async fn charge(&self, rule: Rule, limit: Limit, who: &str) -> Result<Admission, StoreError> {
        if limit.capacity == 0 {
            return Ok(Admission::Denied(limit.interval));
        }
        let interval = micros(limit.interval);
        let id = self.write_id();
        let admitted = || Admission::Admitted(Charge { rule, who: who.to_owned(), interval: limit.interval });
        // An idle bucket starts from now; a busy one moves on from where it is. Which one it is may change between the
        // calls, so the first is tried again at the end.
        for idle in [true, false, true] {
            let now = self.now().as_millis().saturating_mul(1_000);
            let full = i64::try_from(limit.capacity - 1).unwrap_or(i64::MAX).saturating_mul(interval);
            let newest = now.saturating_add(full);
            let expression = if idle {
                Expression::update(
                    "SET #tat = :next, #write = :id, #ttl = :ttl",
                    "attribute_not_exists(#tat) OR #tat < :now",
                )
                .value("next", now.saturating_add(interval))
                .value("now", now)
            } else {
                Expression::update(
                    "SET #tat = #tat + :step, #write = :id, #ttl = :ttl",
                    "#tat BETWEEN :now AND :newest AND #write <> :id",
                )
                .value("step", interval)
                .value("now", now)
                .value("newest", newest)
            };
            let ttl = newest.saturating_add(interval) / 1_000_000 + 60;
            let expression = expression.value("id", &id).value("ttl", ttl);
            match self.update("charge", keys::bucket(rule, who), expression).await? {
                Updated::Done(_) => return Ok(admitted()),
                Updated::Unmet(old) => {
                    let old = old.unwrap_or_default();
                    if text(&old, "write") == Some(id.as_str()) {
                        return Ok(admitted()); // Our own write, whose answer was lost.
                    }
                    let latest = number(&old, "tat").unwrap_or(now);
                    if latest > newest {
                        return Ok(Admission::Denied(Duration::from_micros(
                            u64::try_from(latest - newest).unwrap_or(u64::MAX),
                        )));
                    }
                }
            }
        }
        Err(StoreError::Contended { operation: "charge" })
    }

    /// Gives a token back. A bucket cannot become fuller than full: a time in the past counts as now.
    ///
    /// # Errors
    /// [`StoreError`]; the token then comes back by itself, later.
    pub async fn give_back(&self, charge: Charge) -> Result<(), StoreError> {
        let key = keys::bucket(charge.rule, &charge.who);
        let expression = Expression::update("SET #tat = #tat - :step", "attribute_exists(#tat)")
            .value("step", micros(charge.interval));
        self.update("give_back", key, expression).await.map(|_| ())
    }
}

fn micros(interval: Duration) -> i64 {
    i64::try_from(interval.as_micros()).unwrap_or(i64::MAX / 4)
}
