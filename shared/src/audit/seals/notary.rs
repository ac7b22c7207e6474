//! The notary: signs where the lanes have got to.
//!
//! It signs only when a lane has moved, so a service that nobody uses costs nothing. Before it signs it looks whether the
//! lanes still hold what it signed last.

use futures::future::try_join_all;

use super::SealError;
use super::checkpoint::{self, Checkpoint, FORMAT, Head};
use super::key::AuditKey;
use super::segment::{LANES, Segment};
use crate::audit::archive::Archive;
use crate::ground::digest;
use crate::store::{Chain, Seal, Store};

/// Makes checkpoints.
#[derive(Clone)]
pub struct Notary {
    store: Store,
    archive: Archive,
    key: AuditKey,
}

impl Notary {
    /// A notary with this key.
    #[must_use]
    pub const fn new(store: Store, archive: Archive, key: AuditKey) -> Self {
        Self {
            store,
            archive,
            key,
        }
    }

    /// Makes a checkpoint if a lane has moved since the last one, and gives its number.
    ///
    /// # Errors
    /// [`SealError`]; [`SealError::Truncated`] where a lane has lost what was signed.
    pub async fn sign(&self) -> Result<Option<u64>, SealError> {
        let last = self.store.last_seal(Chain::Checkpoints).await?;
        let before = last
            .as_ref()
            .map(|seal| Checkpoint::parse(&seal.body))
            .map(|read| read.ok_or(SealError::Malformed("the checkpoints")));
        let before = before.transpose()?;
        let heads = try_join_all((0..LANES).map(|lane| self.head(lane))).await?;
        if let Some(before) = &before {
            self.compare(before, &heads).await?;
            if before.lanes == heads {
                return Ok(None);
            }
        } else if heads.iter().all(|head| head.seq == 0) {
            return Ok(None);
        }
        let number = before.as_ref().map_or(1, |before| before.number + 1);
        let prev = last
            .map(|seal| checkpoint::hash(&seal.body))
            .unwrap_or_default();
        let made_at = self.store.now().to_string();
        let body = Checkpoint {
            format: FORMAT,
            number,
            made_at,
            prev,
            lanes: heads,
        }
        .text();
        let (signature, key) = self.key.sign(checkpoint::signed(&body)).await?;
        let hash = checkpoint::hash(&body);
        let signature = Some(digest::encode(&signature));
        let seal = Seal {
            number,
            body,
            hash,
            signature,
            key_id: Some(key),
        };
        let content = serde_json::to_string(&seal).unwrap_or_default() + "\n";
        self.archive
            .put(&checkpoint::name(number, &seal.hash), content)
            .await?;
        // A place that is taken is another run's, or this one's own whose answer was lost.
        let made = self.store.put_seal(Chain::Checkpoints, &seal).await?;
        Ok(made.then_some(number))
    }

    async fn head(&self, lane: u8) -> Result<Head, SealError> {
        let Some(seal) = self.store.last_seal(Chain::Lane(lane)).await? else {
            return Ok(Head {
                lane,
                seq: 0,
                hash: String::new(),
                total: 0,
            });
        };
        let segment = Segment::parse(seal.body).ok_or(SealError::Malformed("a lane"))?;
        Ok(Head {
            lane,
            seq: seal.number,
            total: segment.body.total,
            hash: segment.hash,
        })
    }

    /// Refuses to sign over what was signed before and is not there any more.
    async fn compare(&self, before: &Checkpoint, heads: &[Head]) -> Result<(), SealError> {
        for (signed, head) in before
            .lanes
            .iter()
            .zip(heads)
            .filter(|(signed, _)| signed.seq > 0)
        {
            let found = if signed.seq == head.seq {
                Some(head.hash.clone())
            } else {
                let seal = self
                    .store
                    .seal(Chain::Lane(signed.lane), signed.seq)
                    .await?;
                seal.and_then(|seal| Segment::parse(seal.body))
                    .map(|segment| segment.hash)
            };
            if found.as_ref() != Some(&signed.hash) {
                tracing::error!(
                    lane = signed.lane,
                    seq = signed.seq,
                    "the audit chain lost what was signed"
                );
                return Err(SealError::Truncated(signed.lane));
            }
        }
        Ok(())
    }
}
