//! Walks a table.
//!
//! A scan in segments, a page of each at a time; then the progress is saved, and the pace kept. Whoever runs it holds a
//! lease in the progress, which each save renews; every save replaces exactly the one before it, so a run whose lease was
//! taken over learns of it at its next save and ends. The writes of items need no lease: they are conditional on what was
//! read, and repeating one changes nothing.

use std::time::{Duration, Instant};

use futures::StreamExt as _;
use futures::future::try_join_all;
use futures::stream;
use shared::audit_event::Entry;
use shared::clock::MAX_CLOCK_SKEW;
use shared::domain::Timestamp;
use shared::store::{Image, Migrated, MigrationRun, MigrationState, Segment, Store, StoreError};

use crate::Migration;

/// How long whoever runs a migration is taken to be at it after a save.
pub const LEASE: Duration = Duration::from_secs(60);
/// The most items of a page.
const LARGEST_PAGE: u32 = 100;
/// How many items of a page are changed at a time.
const AT_A_TIME: usize = 8;
/// How often a call is tried; together the pauses stay below the lease.
const TRIES: u32 = 8;
/// How often an item is looked at again that others keep writing.
const LOOKS: usize = 20;

/// How a migration runs.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// Items that are looked at in a second, at most.
    pub rate: u32,
    /// Parts of the table that are read beside each other. A run that goes on keeps those that it began with.
    pub segments: usize,
    /// Goes on though somebody seems to be at it.
    pub take_over: bool,
}

/// Why a run has ended early. Started again it goes on where it was.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// Somebody else is at it.
    #[error("{operator} runs this migration; the lease ends at {until}")]
    Held {
        /// Who.
        operator: String,
        /// Until when, unless they renew it.
        until: Timestamp,
    },
    /// Somebody else has taken over.
    #[error("somebody else has taken this migration over")]
    Superseded,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What became of the items of a page.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    seen: u64,
    changed: u64,
    overtaken: u64,
}

/// One who runs migrations.
pub struct Runner<'a> {
    /// The tables.
    pub store: &'a Store,
    /// Who it is, for whoever finds a run going on.
    pub operator: &'a str,
    /// How.
    pub terms: Terms,
}

/// What the caller is told after each round.
pub type Tell<'a> = dyn FnMut(&MigrationRun) + 'a;

impl Runner<'_> {
    /// Walks the table and says what a run from the beginning would change. Nothing is written.
    pub async fn rehearse(
        &self,
        migration: &Migration,
        is_up: bool,
        tell: &mut Tell<'_>,
    ) -> Result<MigrationRun, MigrationError> {
        let mut state = self.fresh(migration, is_up, Vec::new());
        let begun = Instant::now();
        while self.round(migration, &mut state, false).await? {
            tell(&state.run);
            self.keep_pace(begun, state.run.seen).await;
        }
        Ok(state.run)
    }

    /// Runs it to its end, from where it was. `entry` makes the record of its beginning and of its end.
    pub async fn run(
        &self,
        migration: &Migration,
        is_up: bool,
        entry: &dyn Fn() -> Entry,
        tell: &mut Tell<'_>,
    ) -> Result<MigrationRun, MigrationError> {
        let signed = |stage, run: &MigrationRun| {
            let entry = entry()
                .text("migration", migration.id)
                .text("direction", if run.is_up { "up" } else { "down" });
            entry
                .text("stage", stage)
                .text("attempt", run.attempts)
                .text("seen", run.seen)
                .text("changed", run.changed)
        };
        let (before, mut state) = self.claim(migration, is_up).await?;
        self.save(before.as_deref(), &mut state, |run| {
            Some(signed("begin", run))
        })
        .await?;
        let (begun, seen_before) = (Instant::now(), state.run.seen);
        while self.round(migration, &mut state, true).await? {
            let before = state.write.clone();
            self.save(Some(&before), &mut state, |_| None).await?;
            tell(&state.run);
            self.keep_pace(begun, state.run.seen - seen_before).await;
        }
        state.run.finished_at = Some(self.store.now());
        let before = state.write.clone();
        self.save(Some(&before), &mut state, |run| Some(signed("end", run)))
            .await?;
        Ok(state.run)
    }

    /// The state to begin with, and the write that it replaces.
    async fn claim(
        &self,
        migration: &Migration,
        is_up: bool,
    ) -> Result<(Option<String>, MigrationState), MigrationError> {
        let states = patiently(|| self.store.migrations()).await?;
        let Some(mut state) = states.into_iter().find(|state| state.id == migration.id) else {
            return Ok((None, self.fresh(migration, is_up, Vec::new())));
        };
        let before = Some(state.write.clone());
        let is_unfinished = state.run.finished_at.is_none();
        // A lease that ends later than any can was written by a clock that was ahead.
        let (now, latest) = (
            self.store.now(),
            self.store.now().plus(LEASE).plus(MAX_CLOCK_SKEW),
        );
        let lease = state
            .lease_until
            .filter(|until| is_unfinished && now < *until && *until <= latest);
        if let Some(until) = lease.filter(|_| !self.terms.take_over) {
            return Err(MigrationError::Held {
                operator: state.run.operator,
                until,
            });
        }
        if is_unfinished && state.run.is_up == is_up {
            state.run.attempts += 1;
            return Ok((before, state));
        }
        // The other direction, or once more: from the beginning.
        let mut earlier = state.earlier;
        earlier.push(state.run);
        Ok((before, self.fresh(migration, is_up, earlier)))
    }

    fn fresh(
        &self,
        migration: &Migration,
        is_up: bool,
        earlier: Vec<MigrationRun>,
    ) -> MigrationState {
        let run = MigrationRun {
            is_up,
            operator: self.operator.to_owned(),
            started_at: self.store.now(),
            finished_at: None,
            attempts: 1,
            seen: 0,
            changed: 0,
            overtaken: 0,
        };
        let segments = vec![Segment::default(); self.terms.segments.max(1)];
        MigrationState {
            id: migration.id.to_owned(),
            write: String::new(),
            lease_until: None,
            run,
            segments,
            earlier,
        }
    }

    /// Saves the state in the place of the one whose write was `before`, with the lease renewed, or let go at the end.
    async fn save(
        &self,
        before: Option<&str>,
        state: &mut MigrationState,
        entry: impl Fn(&MigrationRun) -> Option<Entry>,
    ) -> Result<(), MigrationError> {
        state.write = self.store.fresh_name();
        state.lease_until = state
            .run
            .finished_at
            .is_none()
            .then(|| self.store.now().plus(LEASE));
        // Made once, so that what is sent again is the same.
        let entry = entry(&state.run);
        let is_saved =
            patiently(|| self.store.put_migration(before, state, entry.as_ref())).await?;
        if is_saved {
            Ok(())
        } else {
            Err(MigrationError::Superseded)
        }
    }

    /// A page of every segment that has more; `false` if none has.
    async fn round(
        &self,
        migration: &Migration,
        state: &mut MigrationState,
        is_real: bool,
    ) -> Result<bool, MigrationError> {
        let step = (migration, state.run.is_up, is_real);
        let segments = state.segments.len();
        let open = state
            .segments
            .iter()
            .enumerate()
            .filter(|(_, segment)| !segment.is_read);
        let pages =
            try_join_all(open.map(|(number, place)| self.page(step, (number, segments), place)))
                .await?;
        let is_more = !pages.is_empty();
        for (number, place, counts) in pages {
            if let Some(segment) = state.segments.get_mut(number) {
                *segment = place;
            }
            state.run.seen += counts.seen;
            state.run.changed += counts.changed;
            state.run.overtaken += counts.overtaken;
        }
        Ok(is_more)
    }

    async fn page(
        &self,
        step: (&Migration, bool, bool),
        (number, segments): (usize, usize),
        place: &Segment,
    ) -> Result<(usize, Segment, Counts), MigrationError> {
        let limit = page_size(self.terms.rate, segments);
        let page = || {
            self.store
                .migration_page(step.0.table, (number, segments), place, limit)
        };
        let (images, next) = patiently(page).await?;
        let mut items = stream::iter(images)
            .map(|image| self.item(step, image))
            .buffer_unordered(AT_A_TIME);
        let mut counts = Counts::default();
        while let Some(item) = items.next().await {
            let item = item?;
            counts.seen += 1;
            counts.changed += item.changed;
            counts.overtaken += item.overtaken;
        }
        Ok((number, next, counts))
    }

    async fn item(
        &self,
        (migration, is_up, is_real): (&Migration, bool, bool),
        mut image: Image,
    ) -> Result<Counts, MigrationError> {
        let mut counts = Counts::default();
        for _ in 0..LOOKS {
            let Some(attempt) = image.examine(migration.step(is_up)) else {
                return Ok(counts);
            };
            let done = if is_real {
                patiently(|| self.store.migrate(migration.table, &image, attempt.clone())).await?
            } else {
                Migrated::Done
            };
            match done {
                Migrated::Done => {
                    return Ok(Counts {
                        changed: 1,
                        ..counts
                    });
                }
                Migrated::Overtaken(None) => {
                    return Ok(Counts {
                        overtaken: counts.overtaken + 1,
                        ..counts
                    });
                }
                Migrated::Overtaken(Some(now)) => image = now,
            }
            counts.overtaken += 1;
        }
        Err(StoreError::Contended {
            operation: "migrate",
        }
        .into())
    }

    async fn keep_pace(&self, begun: Instant, seen: u64) {
        tokio::time::sleep(due(seen, self.terms.rate).saturating_sub(begun.elapsed())).await;
    }
}

/// About a quarter of a second's work for all segments together.
fn page_size(rate: u32, segments: usize) -> u32 {
    let segments = u32::try_from(segments).unwrap_or(u32::MAX).max(1);
    (rate / segments / 4).clamp(1, LARGEST_PAGE)
}

/// When `seen` items may have been looked at.
fn due(seen: u64, rate: u32) -> Duration {
    Duration::from_millis(seen.saturating_mul(1_000) / u64::from(rate.max(1)))
}

/// Tries again, more and more slowly, while the store is throttled or away.
async fn patiently<T, F: Future<Output = Result<T, StoreError>>>(
    call: impl Fn() -> F,
) -> Result<T, StoreError> {
    for attempt in 0..TRIES {
        match call().await {
            Err(StoreError::Unavailable { .. } | StoreError::Contended { .. }) => {
                tokio::time::sleep(Duration::from_millis(200 << attempt)).await;
            }
            ended => return ended,
        }
    }
    call().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_items_at_five_hundred_a_second_take_two_seconds() {
        assert_eq!(due(1_000, 500), Duration::from_secs(2));
        assert_eq!(due(0, 500), Duration::ZERO);
    }

    #[test]
    fn a_page_is_never_empty_and_never_long() {
        assert_eq!(
            (page_size(1, 4), page_size(800, 4), page_size(100_000, 1)),
            (1, 50, LARGEST_PAGE)
        );
    }
}
