//! The reconciler: seals what a stream that was out has lost.
//!
//! A stream forgets after a day. What a sealer did not see until then is found by comparing the table with the segments,
//! and sealed in segments that say so: between its put and its seal such a record could have been changed unseen.

use std::collections::HashSet;
use std::time::Duration;

use super::SealError;
use super::events::Sealable;
use super::sealer::{SKEW, Sealer};
use super::segment::{LANES, Segment, moment};
use super::verification::{UNSEALED, key_of};
use crate::domain::Timestamp;
use crate::store::{Chain, Store};

/// So far a scheduled run looks back: the stream's day, and two runs that may have failed.
pub const SPAN: Duration = Duration::from_secs(3 * 86_400);
/// Parts in which the table is read.
const SHARES: u8 = 4;
/// Segments read at once.
const BACK: i32 = 25;
/// Records that are sealed at once.
const BATCH: usize = 2_000;

/// Seals what was left out.
#[derive(Clone)]
pub struct Reconciler {
    store: Store,
    sealer: Sealer,
}

impl Reconciler {
    /// A reconciler that seals through `sealer`.
    #[must_use]
    pub const fn new(store: Store, sealer: Sealer) -> Self {
        Self { store, sealer }
    }

    /// Seals the records of the last `span` that no segment holds and that a sealer should have sealed by now; how many.
    ///
    /// # Errors
    /// [`SealError`]; what was sealed until then stays.
    pub async fn reconcile(&self, span: Duration) -> Result<usize, SealError> {
        let now = self.store.now();
        let (from, to) = (now.minus(span), now.minus(UNSEALED));
        let sealed = self.sealed_since(from).await?;
        let (mut count, mut found) = (0, Vec::new());
        for share in 0..SHARES {
            let mut start = None;
            loop {
                let mut page = self.store.records_in_share(share, SHARES, start).await?;
                let records = std::mem::take(&mut page.items)
                    .into_iter()
                    .filter_map(Sealable::added);
                found.extend(records.filter(|Sealable { entry, .. }| {
                    let at = entry.moment();
                    from <= at && at <= to && !sealed.contains(&key_of(&entry.pk, &entry.sk))
                }));
                if found.len() >= BATCH {
                    count += self.sealer.seal(std::mem::take(&mut found), true).await?;
                }
                start = page.rest();
                if start.is_none() {
                    break;
                }
            }
        }
        count += self.sealer.seal(found, true).await?;
        if count > 0 {
            tracing::error!(count, "audit records were sealed late");
        }
        Ok(count)
    }

    async fn sealed_since(&self, from: Timestamp) -> Result<HashSet<u128>, SealError> {
        let mut sealed = HashSet::new();
        for lane in 0..LANES {
            let mut start = None;
            'lane: loop {
                let mut page = self
                    .store
                    .seals(Chain::Lane(lane), true, BACK, start)
                    .await?;
                for seal in std::mem::take(&mut page.items) {
                    let segment =
                        Segment::parse(seal.body).ok_or(SealError::Malformed("a lane"))?;
                    if moment(&segment.body.sealed_at) < from.minus(SKEW) {
                        break 'lane;
                    }
                    sealed.extend(
                        segment
                            .body
                            .entries
                            .iter()
                            .map(|entry| key_of(&entry.pk, &entry.sk)),
                    );
                }
                start = page.rest();
                if start.is_none() {
                    break;
                }
            }
        }
        Ok(sealed)
    }
}
