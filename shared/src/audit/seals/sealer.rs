//! The sealer: chains what the stream says.
//!
//! The record goes into the archive first and the segment into its chain then, so a crash in between leaves an object
//! too many and never one too few. The chain is linear because the place behind the last segment can be taken once. A
//! batch that comes again is recognised by what stands in the chain already, so it does not matter which answer was lost.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, try_join_all};
use serde_json::{Value, json};

use super::SealError;
use super::events::{Sealable, sealables};
use super::segment::{Entry, Kind, LANES, MOST_ENTRIES, Segment, lane_of, moment};
use crate::audit::archive::Archive;
use crate::domain::Timestamp;
use crate::store::{Chain, Seal, Store, TRIES};
use crate::telemetry::Telemetry;
use crate::work::consumer::Failure;

/// A stream keeps an event for a day, so nothing older comes again.
const STREAM_MEMORY: Duration = Duration::from_secs(25 * 3_600);
/// So far the clocks of writers and sealers may be apart.
pub(super) const SKEW: Duration = Duration::from_secs(60);
/// Segments read at once on a look back.
const BACK: i32 = 4;
/// The most segments that a look back reads. Behind them an entry could be sealed a second time, which says nothing
/// untrue.
const FARTHEST: usize = 400;

/// Takes a batch of stream events, in Lambda's form; an error means that it comes again whole or in parts.
pub type StreamHandler =
    Arc<dyn Fn(Value) -> BoxFuture<'static, Result<(), Failure>> + Send + Sync>;

/// Seals records.
#[derive(Clone)]
pub struct Sealer {
    store: Store,
    archive: Archive,
}

impl Sealer {
    /// A sealer into the table of seals and the archive.
    #[must_use]
    pub const fn new(store: Store, archive: Archive) -> Self {
        Self { store, archive }
    }

    /// The sealer as the consumer of a stream, in `function`.
    #[must_use]
    pub fn handler(self, telemetry: Telemetry, function: &'static str) -> StreamHandler {
        Arc::new(move |batch| {
            let (sealer, telemetry) = (self.clone(), telemetry.clone());
            Box::pin(async move {
                telemetry
                    .watch(
                        function,
                        "a batch comes again",
                        Box::pin(sealer.seal_batch(batch)),
                    )
                    .await
            })
        })
    }

    async fn seal_batch(&self, batch: Value) -> Result<(), Failure> {
        let failed = |error| Failure::because("audit records could not be sealed", error);
        let found = sealables(batch).map_err(|error| failed(error.into()))?;
        self.seal(found, false).await.map(drop).map_err(failed)
    }

    /// Seals what is not sealed yet, and says how many entries that were. Alarms are raised first, each time.
    ///
    /// # Errors
    /// [`SealError`]; what was sealed until then stays, and is left out by the next try.
    pub async fn seal(&self, found: Vec<Sealable>, is_late: bool) -> Result<usize, SealError> {
        found.iter().for_each(raise);
        let mut lanes: Vec<Vec<Sealable>> = (0..LANES).map(|_| Vec::new()).collect();
        for sealable in found {
            if let Some(lane) = lanes.get_mut(usize::from(lane_of(&sealable.entry.pk))) {
                lane.push(sealable);
            }
        }
        let work = (0..LANES).zip(lanes).map(async |(lane, sealables)| {
            let mut sealed = 0;
            for part in sealables.chunks(MOST_ENTRIES) {
                sealed += self.seal_part(lane, part, is_late).await?;
            }
            Ok::<_, SealError>(sealed)
        });
        Ok(try_join_all(work).await?.into_iter().sum())
    }

    async fn seal_part(
        &self,
        lane: u8,
        part: &[Sealable],
        is_late: bool,
    ) -> Result<usize, SealError> {
        for attempt in 0..TRIES {
            let (last, back) = self.look_back(lane, part).await?;
            let fresh: Vec<_> = part
                .iter()
                .filter(|sealable| !back.contains(&sealable.entry))
                .collect();
            if fresh.is_empty() {
                return Ok(0);
            }
            let entries = fresh
                .iter()
                .map(|sealable| sealable.entry.clone())
                .collect();
            let segment = Segment::after(last.as_ref(), lane, self.store.now(), is_late, entries);
            let (number, count) = (segment.body.seq, fresh.len());
            self.archive
                .put(
                    &archived_name(lane, number, &segment.hash),
                    content(&segment, &fresh),
                )
                .await?;
            let seal = Seal {
                number,
                body: segment.text,
                hash: segment.hash,
                signature: None,
                key_id: None,
            };
            if self.store.put_seal(Chain::Lane(lane), &seal).await? {
                return Ok(count);
            }
            self.store.pause(attempt).await;
        }
        Err(SealError::Busy(lane))
    }

    /// The last segment, and the entries since the earliest moment at which one of `part` can have been sealed.
    async fn look_back(
        &self,
        lane: u8,
        part: &[Sealable],
    ) -> Result<(Option<Segment>, HashSet<Entry>), SealError> {
        let earliest = part
            .iter()
            .map(|sealable| sealable.entry.moment())
            .min()
            .unwrap_or(Timestamp::EPOCH);
        let earliest = earliest
            .minus(SKEW)
            .max(self.store.now().minus(STREAM_MEMORY));
        let (mut last, mut entries, mut read, mut from) = (None, HashSet::new(), 0, None);
        loop {
            let mut page = self
                .store
                .seals(Chain::Lane(lane), true, BACK, from)
                .await?;
            for seal in std::mem::take(&mut page.items) {
                let segment = Segment::parse(seal.body).ok_or(SealError::Malformed("a lane"))?;
                let is_older = moment(&segment.body.sealed_at) < earliest;
                read += 1;
                if !is_older {
                    entries.extend(segment.body.entries.iter().cloned());
                }
                last.get_or_insert(segment);
                if is_older || read >= FARTHEST {
                    return Ok((last, entries));
                }
            }
            from = page.rest();
            if from.is_none() {
                return Ok((last, entries));
            }
        }
    }
}

/// An alarm is a line of the log that the deployment counts; it names the record and not what it says.
fn raise(sealable: &Sealable) {
    let Entry {
        kind,
        pk,
        sk,
        event,
        ..
    } = &sealable.entry;
    let event = event.as_deref().unwrap_or_default();
    match kind {
        Kind::Added => {}
        Kind::Changed => tracing::error!(pk, sk, event, "an audit record was changed"),
        Kind::Removed => tracing::error!(pk, sk, event, "an audit record was removed"),
    }
}

/// Where a segment stands in the archive.
#[must_use]
pub fn archived_name(lane: u8, seq: u64, hash: &str) -> String {
    format!("segments/{lane}/{seq:020}-{hash}.jsonl")
}

/// A segment in the archive: its text, then each record.
fn content(segment: &Segment, sealables: &[&Sealable]) -> String {
    let lines = sealables.iter().map(|Sealable { entry, image }| {
        json!({ "kind": entry.kind, "hash": entry.hash, "record": image.to_json() }).to_string()
    });
    std::iter::once(segment.text.clone())
        .chain(lines)
        .map(|line| line + "\n")
        .collect()
}
