//! Token buckets, exact across all instances.
//!
//! A bucket is one number, the theoretical arrival time of the generic cell rate algorithm (ITU-T I.371), in
//! microseconds: a call moves it one interval ahead, and may do so while it is less than `capacity` intervals ahead of
//! now. Only conditional updates move it, so parallel calls admit exactly as many as there are tokens, and a bucket
//! that was cleaned up early is not fuller than it would be.
//!
//! Which update fits an idle bucket and which a busy one is known only to the bucket, so each process remembers where the
//! buckets were that it moved last, and tries the likelier one first. A wrong guess costs a call and changes nothing.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::expression::Expression;
use super::item::{Item, number, text};
use super::keys;
use super::single::Updated;
use super::{Store, StoreError, TRIES};
use crate::config::Limit;
use crate::domain::Timestamp;
use crate::routes::Rule;

/// The clocks of two processes may differ by this much.
const SKEW_MICROS: i64 = 5_000_000;

/// What a bucket said.
#[derive(Debug)]
pub enum Admission {
    /// The call may go on.
    Admitted(Charge),
    /// It may not; a retry after this time will find a token, if nobody else takes it.
    Denied(Duration),
}

/// One more call on a bucket at `tat` that stands in an item of its own: the arrival time to write there, or how long
/// the bucket admits nothing. Exact if the item is written on the condition that nobody else wrote it meanwhile.
///
/// # Errors
/// The wait.
pub fn take(limit: Limit, tat: Option<i64>, now: Timestamp) -> Result<i64, Duration> {
    if limit.capacity == 0 {
        return Err(limit.interval);
    }
    let moment = Moment::new(limit, now);
    let from = tat
        .filter(|tat| *tat <= moment.credible)
        .map_or(moment.now, |tat| tat.max(moment.now));
    match moment.wait(from) {
        Some(wait) => Err(wait),
        None => Ok(from.saturating_add(moment.interval)),
    }
}

/// Where the buckets were that this process moved last, in microseconds.
#[derive(Clone, Default)]
pub(super) struct LastSeen(Arc<Mutex<HashMap<String, i64>>>);

impl LastSeen {
    /// How many buckets a process remembers, in some hundred kilobytes; then it begins again.
    const MOST: usize = 2_048;

    fn is_busy(&self, bucket: &keys::Key, moment: &Moment) -> bool {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.get(&bucket.pk)
            .is_some_and(|tat| (moment.now..=moment.credible).contains(tat))
    }

    fn note(&self, bucket: &keys::Key, item: &Item) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= Self::MOST {
            seen.clear();
        }
        if let Some(tat) = number(item, "tat") {
            seen.insert(bucket.pk.clone(), tat);
        }
    }
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
    pub async fn charge(
        &self,
        rule: Rule,
        limit: Limit,
        who: &str,
    ) -> Result<Admission, StoreError> {
        if limit.capacity == 0 {
            return Ok(Admission::Denied(limit.interval));
        }
        let id = self.write_id();
        let moment = Moment::new(limit, self.now());
        let bucket = keys::bucket(rule, who);
        let busy_first = self.last_seen.is_busy(&bucket, &moment);
        // An idle bucket starts from now; a busy one moves on from where it is. `now` is the same for all tries: the time
        // in the bucket only passes it once, unless a token is given back in between, so two tries are nearly always enough.
        for attempt in 0..TRIES {
            let busy = busy_first == (attempt % 2 == 0);
            let expression = if busy {
                moment.move_on()
            } else {
                moment.start()
            };
            let expression = expression.value("id", &id).value("ttl", moment.ttl());
            let old = match self.update("charge", bucket.clone(), expression).await? {
                Updated::Done(item) => {
                    self.last_seen.note(&bucket, &item);
                    None
                }
                // Our own write, whose answer was lost.
                Updated::Unmet(Some(old)) if text(&old, "write") == Some(id.as_str()) => None,
                Updated::Unmet(old) => Some(old.unwrap_or_default()),
            };
            let Some(old) = old else {
                return Ok(Admission::Admitted(Charge {
                    rule,
                    who: who.to_owned(),
                    interval: limit.interval,
                }));
            };
            if let Some(wait) = number(&old, "tat").and_then(|tat| moment.wait(tat)) {
                return Ok(Admission::Denied(wait));
            }
        }
        Err(StoreError::Contended {
            operation: "charge",
        })
    }

    /// Gives a token back. A bucket cannot become fuller than full: a time in the past counts as now.
    ///
    /// # Errors
    /// [`StoreError`]; the token then comes back by itself, later.
    pub async fn give_back(&self, charge: Charge) -> Result<(), StoreError> {
        let key = keys::bucket(charge.rule, &charge.who);
        let once =
            "attribute_exists(#tat) AND (attribute_not_exists(#returned) OR #returned <> :id)";
        let expression = Expression::update("SET #tat = #tat - :step, #returned = :id", once)
            .value("step", micros(charge.interval))
            .value("id", self.write_id());
        if let Updated::Done(item) = self.update("give_back", key.clone(), expression).await? {
            self.last_seen.note(&key, &item);
        }
        Ok(())
    }
}

/// A bucket's arithmetic at one moment, in microseconds.
struct Moment {
    now: i64,
    interval: i64,
    /// The latest arrival time that still admits a call.
    newest: i64,
    /// The latest arrival time that calls until now can have written. A later one was written by a clock that was ahead, and
    /// counts as none: the bucket would otherwise admit nothing until the wrong time has come.
    credible: i64,
    /// The longest wait that a bucket can make.
    longest: Duration,
}

impl Moment {
    fn new(limit: Limit, now: Timestamp) -> Self {
        let now = now.as_millis().saturating_mul(1_000);
        let interval = micros(limit.interval);
        let ahead = i64::try_from(limit.capacity - 1)
            .unwrap_or(i64::MAX)
            .saturating_mul(interval);
        let newest = now.saturating_add(ahead);
        let credible = newest.saturating_add(interval).saturating_add(SKEW_MICROS);
        Self {
            now,
            interval,
            newest,
            credible,
            longest: limit.interval,
        }
    }

    /// A call on an idle bucket.
    fn start(&self) -> Expression {
        let idle = "attribute_not_exists(#tat) OR #tat < :now OR #tat > :credible";
        Expression::update("SET #tat = :next, #write = :id, #ttl = :ttl", idle)
            .value("next", self.now.saturating_add(self.interval))
            .value("now", self.now)
            .value("credible", self.credible)
    }

    /// A call on a busy one.
    fn move_on(&self) -> Expression {
        let condition = "#tat BETWEEN :now AND :newest AND #write <> :id";
        Expression::update(
            "SET #tat = #tat + :step, #write = :id, #ttl = :ttl",
            condition,
        )
        .value("step", self.interval)
        .value("now", self.now)
        .value("newest", self.newest)
    }

    /// How long a bucket at `tat` admits nothing; `None` if it admits a call.
    fn wait(&self, tat: i64) -> Option<Duration> {
        if tat > self.credible {
            return None;
        }
        let wait = u64::try_from(tat - self.newest)
            .ok()
            .filter(|wait| *wait > 0)
            .map(Duration::from_micros);
        wait.map(|wait| wait.min(self.longest))
    }

    /// A bucket may be cleaned up once it is full again.
    const fn ttl(&self) -> i64 {
        self.newest.saturating_add(self.interval) / 1_000_000 + 60
    }
}

fn micros(interval: Duration) -> i64 {
    i64::try_from(interval.as_micros()).unwrap_or(i64::MAX / 4)
}
