//! An admin replaces the signing keys: on routine, or because one has leaked. The operator has the data key replaced.

use crate::audit_event::{Actor, Cause, Entry, Outcome, Refusal};
use crate::domain::{Reason, Timestamp};
use crate::ground::error_chain;
use crate::keys::secrets::{RotationOutcome, Secrets};
use crate::keys::{DATA_RING, KeysError, SIGNING_RING, compromise};
use crate::request::RequestMeta;
use crate::store::{Store, StoreError};

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Secrets Manager rotates the ring; tokens that were signed until now stay good.
    Routine,
    /// A key has leaked: everything that was signed until now is refused from now on.
    Compromised,
}

impl Mode {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Routine => "routine",
            Self::Compromised => "compromised",
        }
    }
}

/// Why keys are not replaced.
#[derive(Debug, thiserror::Error)]
pub enum KeyChangeError {
    /// The key of another rotation does not sign yet.
    #[error("A rotation is pending: its key signs from {from} on. Ask again after that.")]
    Pending {
        /// When it signs.
        from: Timestamp,
        /// What the audit trail is told.
        refusal: Box<Refusal>,
    },
    /// Another rotation of the same ring has not ended.
    #[error("A rotation of these keys is under way. Ask again when it has ended.")]
    UnderWay(Box<Refusal>),
    /// The keys cannot be read or written.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Replaces signing keys.
#[derive(Clone)]
pub struct KeyChanges {
    secrets: Secrets,
    store: Store,
}

impl KeyChanges {
    /// Of the ring in `secrets` and the record in `store`.
    #[must_use]
    pub const fn new(secrets: Secrets, store: Store) -> Self {
        Self { secrets, store }
    }

    /// Replaces the signing keys. On routine it is only begun: Secrets Manager does the rest.
    ///
    /// # Errors
    /// [`KeyChangeError`]: on routine also while another rotation is under way or its key does not sign yet, since another one
    /// would put it off, and repeated often enough the same key would sign for ever.
    pub async fn replace(
        &self,
        meta: &RequestMeta,
        actor: Actor<'_>,
        mode: Mode,
        reason: &Reason,
    ) -> Result<(), KeyChangeError> {
        let entry = || {
            actor
                .sign(self.store.entry(meta))
                .stated(reason)
                .text("mode", mode.name())
        };
        match mode {
            Mode::Compromised => {
                compromise::drop_all(&self.secrets, &self.store, &entry()).await?;
                Ok(())
            }
            Mode::Routine => {
                self.none_pending(actor).await?;
                self.begin(SIGNING_RING, actor, entry).await
            }
        }
    }

    /// Has a new data key made, under which everything is encrypted from then on; the former ones go on opening what they
    /// have encrypted. It is only begun: Secrets Manager does the rest.
    ///
    /// # Errors
    /// [`KeyChangeError`], also where no rotation of the ring is configured.
    pub async fn replace_data_key(
        &self,
        meta: &RequestMeta,
        actor: Actor<'_>,
        reason: &Reason,
    ) -> Result<(), KeyChangeError> {
        let entry = || actor.sign(self.store.entry(meta)).stated(reason);
        self.begin(DATA_RING, actor, entry).await
    }

    async fn none_pending(&self, actor: Actor<'_>) -> Result<(), KeyChangeError> {
        let record = self.store.security().await?.ok_or(KeysError::NotBegun)?;
        let Some(from) = record.pending_from(self.store.now()) else {
            return Ok(());
        };
        let refusal = Box::new(pending(actor));
        Err(KeyChangeError::Pending { from, refusal })
    }

    /// Has a ring rotated. `entry` makes a record of it: one says that it was requested, and if it did not begin, a second one
    /// says so. That it is done is recorded by the rotation itself.
    async fn begin(
        &self,
        ring: &str,
        actor: Actor<'_>,
        entry: impl Fn() -> Entry,
    ) -> Result<(), KeyChangeError> {
        // The request is recorded first: a process that dies between the two would leave a rotation without a record.
        self.store
            .record(&entry().text("stage", "requested"))
            .await?;
        let error = match self.secrets.rotate(ring, &self.store.fresh_name()).await {
            Ok(RotationOutcome::Begun) => return Ok(()),
            Ok(RotationOutcome::UnderWay) => {
                return Err(KeyChangeError::UnderWay(Box::new(pending(actor))));
            }
            Err(error) => error,
        };
        let failed = Entry {
            outcome: Outcome::Refused,
            ..entry().reason(Cause::NotBegun)
        };
        if let Err(error) = self.store.record(&failed).await {
            tracing::error!(
                ring,
                error = error_chain(&error),
                "no record says that a rotation has not begun"
            );
        }
        Err(KeysError::from(error).into())
    }
}

/// The refusal of a rotation beside another one.
fn pending(actor: Actor<'_>) -> Refusal {
    let refusal = Refusal::new(Cause::RotationPending);
    actor.account().into_iter().fold(refusal, Refusal::actor)
}
