//! The records: each compared with what was sealed for it.

use std::collections::BTreeMap;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::{
    Auditor, Fault, Progress, Report, Scope, Sealed, Tell, Trail, UNSEALED, key_of, partition,
};
use crate::audit::seals::SealError;
use crate::audit::seals::sealer::SKEW;
use crate::audit::seals::segment::{Entry, Kind, Segment, moment};
use crate::domain::{Timestamp, UserId};
use crate::store::{Chain, Image, Page, Start, Store, StoreError};

/// Parts in which the table is read at once; each is hashed where it is read.
const SHARES: u8 = 4;

/// A record that was read.
struct Seen {
    pk: String,
    sk: String,
    hash: [u8; 32],
}

/// A part of the table.
#[derive(Clone, Copy)]
enum Part {
    Share(u8),
    User(UserId),
}

impl Part {
    async fn page(self, store: &Store, from: Option<Start>) -> Result<Page<Image>, StoreError> {
        match self {
            Self::Share(share) => store.records_in_share(share, SHARES, from).await,
            Self::User(user) => store.images_of_partition(&partition(user), from).await,
        }
    }

    /// Reads and hashes the part and hands it over page by page, until nobody wants more.
    async fn read(self, store: Store, seen: mpsc::Sender<Result<Vec<Seen>, StoreError>>) {
        let mut from = None;
        loop {
            let mut page = match self.page(&store, from).await {
                Ok(page) => page,
                Err(error) => return drop(seen.send(Err(error)).await),
            };
            let hashed = std::mem::take(&mut page.items)
                .into_iter()
                .map(|image| Seen {
                    pk: image.text("pk").unwrap_or_default().to_owned(),
                    sk: image.text("sk").unwrap_or_default().to_owned(),
                    hash: image.hash(),
                });
            if seen.send(Ok(hashed.collect())).await.is_err() {
                return;
            }
            from = page.rest();
            if from.is_none() {
                return;
            }
        }
    }
}

impl Auditor {
    pub(super) async fn records(
        &self,
        scope: &Scope,
        mut trail: Trail,
        report: &mut Report,
        tell: Tell<'_>,
    ) -> Result<(), SealError> {
        let parts = match scope.user {
            Some(user) => vec![Part::User(user)],
            None => (0..SHARES).map(Part::Share).collect(),
        };
        let total = u64::try_from(trail.sealed.len()).unwrap_or(u64::MAX);
        let (sender, mut pages) = mpsc::channel(usize::from(SHARES));
        // Dropped with this function, and the readers with it.
        let mut readers = JoinSet::new();
        for part in parts {
            readers.spawn(part.read(self.store.clone(), sender.clone()));
        }
        drop(sender);
        let now = self.store.now();
        while let Some(page) = pages.recv().await {
            for seen in page? {
                if scope.holds(&seen.pk, moment(&seen.sk)) {
                    compare(&seen, now, &mut trail, report);
                }
            }
            tell(Progress::Records(report.records, total));
        }
        self.gone(&mut trail, now, report).await?;
        for (entry, sealed_at) in trail.alarms.values() {
            let event = entry.event.as_deref().unwrap_or_default();
            let done = if entry.kind == Kind::Removed {
                "removed"
            } else {
                "changed"
            };
            let detail =
                format!("a segment of {sealed_at} says that it was {done} (event {event})");
            report.add(Fault::Alarm, name(&entry.pk, &entry.sk), detail);
        }
        Ok(())
    }

    /// Names what was sealed and not met. Only segments that hold such a record are read again.
    async fn gone(
        &self,
        trail: &mut Trail,
        now: Timestamp,
        report: &mut Report,
    ) -> Result<(), SealError> {
        let mut places: BTreeMap<(u8, u64), Vec<usize>> = BTreeMap::new();
        for Sealed {
            ttl,
            lane,
            seq,
            index,
            ..
        } in trail.sealed.values()
        {
            if *ttl <= now.as_secs() {
                report.expired += 1;
            } else {
                places.entry((*lane, *seq)).or_default().push(*index);
            }
        }
        for ((lane, seq), indices) in places {
            let genuine = match trail.copies.get(&(lane, seq)) {
                Some(copy) => Some(copy.clone()),
                None => self
                    .store
                    .seal(Chain::Lane(lane), seq)
                    .await?
                    .and_then(|seal| Segment::parse(seal.body)),
            };
            for index in indices {
                let entry = genuine
                    .as_ref()
                    .and_then(|segment| segment.body.entries.get(index));
                let Some(Entry { pk, sk, .. }) = entry else {
                    report.add(
                        Fault::Removed,
                        format!("record {index} of lane {lane} segment {seq}"),
                        "it is gone",
                    );
                    continue;
                };
                let alarm = trail.alarms.remove(&key_of(pk, sk));
                report.add(Fault::Removed, name(pk, sk), removal(alarm, lane, seq));
            }
        }
        Ok(())
    }
}

fn removal(alarm: Option<(Entry, String)>, lane: u8, seq: u64) -> String {
    let sealed = format!("it was sealed in lane {lane} segment {seq}, and is gone before its time");
    match alarm {
        Some((
            Entry {
                event: Some(event), ..
            },
            at,
        )) => format!("{sealed}; event {event}, sealed at {at}"),
        _ => sealed,
    }
}

fn compare(seen: &Seen, now: Timestamp, trail: &mut Trail, report: &mut Report) {
    let key = key_of(&seen.pk, &seen.sk);
    report.records += 1;
    match trail.sealed.remove(&key) {
        Some(sealed) if sealed.hash == seen.hash => {}
        Some(Sealed { lane, seq, .. }) => {
            let at = trail
                .alarms
                .remove(&key)
                .map(|(_, at)| format!(" before {at}"))
                .unwrap_or_default();
            let detail =
                format!("it was changed{at} after it was sealed in lane {lane} segment {seq}");
            report.add(Fault::Changed, name(&seen.pk, &seen.sk), detail);
        }
        None if (now.minus(UNSEALED)..=now.plus(SKEW)).contains(&moment(&seen.sk)) => {
            report.unsealed += 1;
        }
        None => report.add(
            Fault::Added,
            name(&seen.pk, &seen.sk),
            "no segment holds it",
        ),
    }
}

fn name(pk: &str, sk: &str) -> String {
    format!("{pk} {sk}")
}
