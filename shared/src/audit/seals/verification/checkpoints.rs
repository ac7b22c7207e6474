//! The checkpoints: their chain and their signatures. What is signed anchors the lanes.

use std::collections::BTreeMap;

use super::{Auditor, Fault, Progress, Report, Tell};
use crate::audit::seals::SealError;
use crate::audit::seals::checkpoint::{self, Checkpoint};
use crate::audit::seals::key::PublicKey;
use crate::ground::digest;
use crate::store::{Chain, Seal};

/// Checkpoints read at once.
const PAGE: i32 = 500;

/// What is signed: lane and segment, with the hash and the checkpoint that says so.
#[derive(Debug, Default)]
pub(super) struct Anchors(pub(super) BTreeMap<(u8, u64), (String, u64)>);

impl Anchors {
    fn take(&mut self, checkpoint: &Checkpoint) {
        for head in checkpoint.lanes.iter().filter(|head| head.seq > 0) {
            self.0
                .entry((head.lane, head.seq))
                .or_insert((head.hash.clone(), checkpoint.number));
        }
    }

    /// The last segment of a lane that is signed; 0 for none.
    pub(super) fn last(&self, lane: u8) -> u64 {
        self.0
            .range((lane, 0)..=(lane, u64::MAX))
            .next_back()
            .map_or(0, |((_, seq), _)| *seq)
    }
}

impl Auditor {
    pub(super) async fn checkpoints(
        &self,
        keys: &[PublicKey],
        report: &mut Report,
        tell: Tell<'_>,
    ) -> Result<Anchors, SealError> {
        let (mut anchors, mut number, mut prev, mut from) =
            (Anchors::default(), 0, String::new(), None);
        loop {
            let mut page = self
                .store
                .seals(Chain::Checkpoints, false, PAGE, from)
                .await?;
            for seal in std::mem::take(&mut page.items) {
                let what = format!("checkpoint {}", seal.number);
                for gone in number + 1..seal.number {
                    report.add(
                        Fault::Missing,
                        format!("checkpoint {gone}"),
                        "the next one is there",
                    );
                }
                let follows = number + 1 != seal.number
                    || Checkpoint::parse(&seal.body)
                        .is_some_and(|checkpoint| checkpoint.prev == prev);
                match genuine(&seal, keys) {
                    Err(detail) => report.add(Fault::Forged, what, detail),
                    Ok(_) if !follows => {
                        report.add(Fault::Forged, what, "it does not follow the one before");
                    }
                    Ok(checkpoint) => {
                        anchors.take(&checkpoint);
                        report.signed_until = Some(checkpoint.made_at);
                    }
                }
                (number, prev) = (seal.number, checkpoint::hash(&seal.body));
                report.checkpoints += 1;
            }
            tell(Progress::Checkpoints(report.checkpoints));
            from = page.rest();
            if from.is_none() {
                break;
            }
        }
        self.archived(keys, number, &mut anchors, report).await?;
        Ok(anchors)
    }

    /// What the archive holds behind the table's last checkpoint. One that the notary could not store any more says nothing
    /// new; one that says more shows that the table was cut.
    async fn archived(
        &self,
        keys: &[PublicKey],
        last: u64,
        anchors: &mut Anchors,
        report: &mut Report,
    ) -> Result<(), SealError> {
        let mut after = checkpoint::names_from(last + 1);
        loop {
            let names = self.archive.names("checkpoints/", Some(&after)).await?;
            let Some(newest) = names.last() else {
                return Ok(());
            };
            after.clone_from(newest);
            for name in &names {
                let Some(text) = self.archive.get(name).await? else {
                    continue;
                };
                let Ok(seal) = serde_json::from_str::<Seal>(&text) else {
                    continue;
                };
                let Ok(checkpoint) = genuine(&seal, keys) else {
                    continue;
                };
                if checkpoint.number <= last {
                    continue;
                }
                // The run that stored nothing is repeated under the same number, with the same heads or later ones.
                let is_gone = checkpoint.number > last + 1
                    && self
                        .store
                        .seal(Chain::Checkpoints, checkpoint.number)
                        .await?
                        .is_none();
                if is_gone {
                    report.add(
                        Fault::Missing,
                        format!("checkpoint {}", checkpoint.number),
                        "the archive holds it",
                    );
                }
                anchors.take(&checkpoint);
                report.signed_until = report.signed_until.take().max(Some(checkpoint.made_at));
            }
        }
    }
}

/// The checkpoint that a link holds, or why it is none.
fn genuine(seal: &Seal, keys: &[PublicKey]) -> Result<Checkpoint, &'static str> {
    if checkpoint::hash(&seal.body) != seal.hash {
        return Err("its text does not have its hash");
    }
    let checkpoint = Checkpoint::parse(&seal.body).ok_or("its text is of no form that is known")?;
    let signature = seal
        .signature
        .as_deref()
        .and_then(digest::decode)
        .ok_or("it has no signature")?;
    let message = checkpoint::signed(&seal.body);
    if !keys.iter().any(|key| key.verifies(&message, &signature)) {
        return Err("its signature is not the audit key's");
    }
    // A text from the archive has no number but its own.
    if seal.number != 0 && seal.number != checkpoint.number {
        return Err("it is in the place of another one");
    }
    Ok(checkpoint)
}
