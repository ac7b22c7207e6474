//! The lanes: read forwards for what they say, judged backwards from what is signed.

use std::collections::BTreeMap;

use super::checkpoints::Anchors;
use super::{Auditor, Fault, Progress, Report, Scope, Sealed, Tell, Trail, UNSEALED, key_of};
use crate::audit::archive::ArchiveError;
use crate::audit::seals::SealError;
use crate::audit::seals::sealer::archived_name;
use crate::audit::seals::segment::{Entry, Kind, LANES, Segment, lane_of, moment};
use crate::ground::digest;
use crate::store::Chain;

/// Segments read at once.
const PAGE: i32 = 25;

/// What is kept of a segment of the table.
struct Link {
    hash: String,
    /// Whether the hash that was stored beside the text is the text's.
    is_whole: bool,
    prev: String,
    sealed_at: String,
    is_late: bool,
}

impl Trail {
    /// Takes what a segment says.
    fn take(&mut self, scope: &Scope, segment: &Segment) {
        let (lane, seq) = (segment.body.lane, segment.body.seq);
        for (index, entry) in segment.body.entries.iter().enumerate() {
            if !scope.holds(&entry.pk, entry.moment()) {
                continue;
            }
            let key = key_of(&entry.pk, &entry.sk);
            if entry.kind != Kind::Added {
                self.alarms
                    .insert(key, (entry.clone(), segment.body.sealed_at.clone()));
                continue;
            }
            let mut hash = [0; 32];
            if let Some(bytes) =
                digest::decode(&entry.hash).filter(|bytes| bytes.len() == hash.len())
            {
                hash.copy_from_slice(&bytes);
            }
            // A record is put once; what was sealed first is what it said.
            let ttl = entry.ttl.unwrap_or(i64::MAX);
            self.sealed.entry(key).or_insert(Sealed {
                hash,
                ttl,
                lane,
                seq,
                index,
            });
        }
    }

    /// Forgets what a segment said that turned out not to be genuine.
    fn forget(&mut self, lane: u8, seq: u64) {
        self.sealed
            .retain(|_, sealed| (sealed.lane, sealed.seq) != (lane, seq));
    }
}

impl Auditor {
    pub(super) async fn lanes(
        &self,
        scope: &Scope,
        anchors: &Anchors,
        report: &mut Report,
        tell: Tell<'_>,
    ) -> Result<Trail, SealError> {
        let mut trail = Trail::default();
        for lane in 0..LANES {
            let links = self
                .read_lane(lane, scope, &mut trail, report, tell)
                .await?;
            self.judge(lane, &links, scope, anchors, &mut trail, report)
                .await?;
            let (signed, oldest) = (anchors.last(lane), self.store.now().minus(UNSEALED));
            for (seq, link) in links.range(signed + 1..) {
                if moment(&link.sealed_at) < oldest {
                    let detail = format!(
                        "it was sealed at {} and no checkpoint has signed it",
                        link.sealed_at
                    );
                    report.add(
                        Fault::Unsigned,
                        format!("lane {lane} segment {seq}"),
                        detail,
                    );
                }
            }
        }
        Ok(trail)
    }

    async fn read_lane(
        &self,
        lane: u8,
        scope: &Scope,
        trail: &mut Trail,
        report: &mut Report,
        tell: Tell<'_>,
    ) -> Result<BTreeMap<u64, Link>, SealError> {
        let (mut links, mut from) = (BTreeMap::new(), None);
        loop {
            let mut page = self
                .store
                .seals(Chain::Lane(lane), false, PAGE, from)
                .await?;
            for seal in std::mem::take(&mut page.items) {
                report.segments += 1;
                let number = seal.number;
                let read = Segment::parse(seal.body).filter(|segment| {
                    (segment.body.lane, segment.body.seq) == (lane, number)
                        && segment
                            .body
                            .entries
                            .iter()
                            .all(|entry| lane_of(&entry.pk) == lane)
                });
                // A text that says nothing counts as none; the backward look finds the gap.
                let Some(segment) = read else { continue };
                trail.take(scope, &segment);
                let Segment { body, hash, .. } = segment;
                let is_whole = hash == seal.hash;
                let (prev, sealed_at, is_late) = (body.prev, body.sealed_at, body.late);
                if is_late {
                    report.late += u64::try_from(body.entries.len()).unwrap_or(u64::MAX);
                }
                links.insert(
                    number,
                    Link {
                        hash,
                        is_whole,
                        prev,
                        sealed_at,
                        is_late,
                    },
                );
            }
            tell(Progress::Segments(report.segments));
            from = page.rest();
            if from.is_none() {
                return Ok(links);
            }
        }
    }

    /// Walks back from the end. Each segment must have the hash that its successor, or a checkpoint, says.
    async fn judge(
        &self,
        lane: u8,
        links: &BTreeMap<u64, Link>,
        scope: &Scope,
        anchors: &Anchors,
        trail: &mut Trail,
        report: &mut Report,
    ) -> Result<(), SealError> {
        let end = links
            .keys()
            .next_back()
            .copied()
            .unwrap_or_default()
            .max(anchors.last(lane));
        let mut expected: Option<String> = None;
        for seq in (1..=end).rev() {
            let link = links.get(&seq);
            let anchor = anchors.0.get(&(lane, seq)).map(|(hash, _)| hash.clone());
            // What is signed counts more than what a later segment says.
            let wanted = anchor.or(expected.take());
            let is_genuine = link.is_some_and(|link| {
                link.is_whole && wanted.as_ref().is_none_or(|hash| *hash == link.hash)
            });
            if is_genuine {
                expected = link.map(|link| link.prev.clone());
                continue;
            }
            let copy = match &wanted {
                Some(hash) => self.archived_segment(lane, seq, hash).await?,
                None => None,
            };
            self.report_segment(lane, seq, link, copy.as_ref(), report)
                .await?;
            if let Some(copy) = &copy {
                trail.forget(lane, seq);
                trail.take(scope, copy);
                if !copy.body.late && link.is_some_and(|link| link.is_late) {
                    report.late = report
                        .late
                        .saturating_sub(u64::try_from(copy.body.entries.len()).unwrap_or_default());
                }
            }
            expected = copy
                .as_ref()
                .map(|copy| copy.body.prev.clone())
                .or_else(|| link.map(|link| link.prev.clone()));
            trail.copies.extend(copy.map(|copy| ((lane, seq), copy)));
        }
        Ok(())
    }

    /// The archive's copy of a segment, if it has the hash that its name says.
    pub(super) async fn archived_segment(
        &self,
        lane: u8,
        seq: u64,
        hash: &str,
    ) -> Result<Option<Segment>, ArchiveError> {
        let text = self.archive.get(&archived_name(lane, seq, hash)).await?;
        let first = text.as_deref().and_then(|text| text.lines().next());
        Ok(first
            .and_then(|line| Segment::parse(line.to_owned()))
            .filter(|segment| segment.hash == hash))
    }

    async fn report_segment(
        &self,
        lane: u8,
        seq: u64,
        link: Option<&Link>,
        copy: Option<&Segment>,
        report: &mut Report,
    ) -> Result<(), SealError> {
        let what = format!("lane {lane} segment {seq}");
        let source = match copy {
            Some(_) => "its records are judged by the archive's copy",
            None => "the archive holds no copy, so its records cannot be judged",
        };
        if link.is_none() {
            let stored = self.store.seal(Chain::Lane(lane), seq).await?;
            let (fault, how) = match stored {
                Some(_) => (Fault::Rewritten, "its text is of no form that is known"),
                None => (Fault::Missing, "it is gone"),
            };
            report.add(fault, what, format!("{how}; {source}"));
            return Ok(());
        }
        report.add(
            Fault::Rewritten,
            what.clone(),
            format!("it does not have the hash that was sealed; {source}"),
        );
        let stored = self
            .store
            .seal(Chain::Lane(lane), seq)
            .await?
            .and_then(|seal| Segment::parse(seal.body));
        if let (Some(stored), Some(copy)) = (stored, copy) {
            for entry in moved(&copy.body.entries, &stored.body.entries) {
                let detail = format!("it is in another place of {what} than where it was sealed");
                report.add(
                    Fault::Reordered,
                    format!("{} {}", entry.pk, entry.sk),
                    detail,
                );
            }
        }
        Ok(())
    }
}

/// The entries that both lists have, but not in the same order among those.
fn moved<'a>(sealed: &'a [Entry], found: &[Entry]) -> Vec<&'a Entry> {
    let common: Vec<_> = sealed
        .iter()
        .filter(|entry| found.contains(entry))
        .collect();
    let order: Vec<_> = found
        .iter()
        .filter(|entry| sealed.contains(entry))
        .collect();
    common
        .into_iter()
        .zip(order)
        .filter(|(one, other)| one != other)
        .map(|(entry, _)| entry)
        .collect()
}
