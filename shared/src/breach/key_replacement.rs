//! An admin replaces the signing keys: on routine, or because one has leaked. The operator has the data key replaced.

use std::borrow::Cow;

use crate::audit_event::{Actor, Entry, Outcome, Refusal};
use crate::domain::Reason;
use crate::ground::error_chain;
use crate::keys::secrets::{RotationOutcome, Secrets};
use crate::keys::{DATA_RING, KeysError, SIGNING_RING, compromise};
use crate::problem::{Code, Problem};
use crate::request::RequestMeta;
use crate::store::Store;

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
    /// 503; 409 if another admin replaces them at the same time, and on routine while another rotation is under way or its key
    /// does not sign yet: another one would put it off, and repeated often enough the same key would sign for ever.
    pub async fn replace(
        &self,
        meta: &RequestMeta,
        actor: Actor<'_>,
        mode: Mode,
        reason: &Reason,
    ) -> Result<(), Problem> {
        let entry = || {
            actor
                .sign(self.store.entry(meta))
                .reason(reason.as_str().to_owned())
                .text("mode", mode.name())
        };
        let done = match mode {
            Mode::Compromised => compromise::drop_all(&self.secrets, &self.store, &entry())
                .await
                .map(|_| ()),
            Mode::Routine => {
                self.none_pending(actor).await?;
                return self.begin(SIGNING_RING, actor, entry).await;
            }
        };
        done.map_err(|error| match error {
            KeysError::Overtaken => Problem::new(Code::Conflict).caused_by(error),
            other => Problem::unavailable(other),
        })
    }

    /// Has a new data key made, under which everything is encrypted from then on; the former ones go on opening what they
    /// have encrypted. It is only begun: Secrets Manager does the rest.
    ///
    /// # Errors
    /// 409 while another rotation of the ring is under way; 503, also where no rotation of it is configured.
    pub async fn replace_data_key(
        &self,
        meta: &RequestMeta,
        actor: Actor<'_>,
        reason: &Reason,
    ) -> Result<(), Problem> {
        let entry = || {
            actor
                .sign(self.store.entry(meta))
                .reason(reason.as_str().to_owned())
        };
        self.begin(DATA_RING, actor, entry).await
    }

    async fn none_pending(&self, actor: Actor<'_>) -> Result<(), Problem> {
        let record = self
            .store
            .security()
            .await?
            .ok_or_else(|| Problem::unavailable(KeysError::NotBegun))?;
        let Some(from) = record.pending_from(self.store.now()) else {
            return Ok(());
        };
        let detail =
            format!("A rotation is pending: its key signs from {from} on. Ask again after that.");
        Err(pending(actor, detail))
    }

    /// Has a ring rotated. `entry` makes a record of it: one says that it was requested, and if it did not begin, a second one
    /// says so. That it is done is recorded by the rotation itself.
    async fn begin(
        &self,
        ring: &str,
        actor: Actor<'_>,
        entry: impl Fn() -> Entry,
    ) -> Result<(), Problem> {
        // The request is recorded first: a process that dies between the two would leave a rotation without a record.
        self.store
            .record(&entry().text("stage", "requested"))
            .await?;
        let error = match self.secrets.rotate(ring, &self.store.fresh_name()).await {
            Ok(RotationOutcome::Begun) => return Ok(()),
            Ok(RotationOutcome::UnderWay) => {
                let detail = "A rotation of these keys is under way. Ask again when it has ended.";
                return Err(pending(actor, detail));
            }
            Err(error) => error,
        };
        let failed = Entry {
            outcome: Outcome::Refused,
            ..entry().reason("not_begun")
        };
        if let Err(error) = self.store.record(&failed).await {
            tracing::error!(
                ring,
                error = error_chain(&error),
                "no record says that a rotation has not begun"
            );
        }
        Err(Problem::unavailable(KeysError::from(error)))
    }
}

/// The refusal of a rotation beside another one.
fn pending(actor: Actor<'_>, detail: impl Into<Cow<'static, str>>) -> Problem {
    let refusal = Refusal::new("rotation_pending");
    let refusal = actor.account().into_iter().fold(refusal, Refusal::actor);
    Problem::new(Code::Conflict).detail(detail).refused(refusal)
}
