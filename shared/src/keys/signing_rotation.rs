//! The rotation of the signing ring: a new key is made, published, tried, and put into use.
//!
//! 1. *create* stores a ring with one more key as the pending version.
//! 2. *set* publishes its public half in the security record, where verifiers see it before it signs.
//! 3. *test* signs with the private half and verifies with the published one.
//! 4. *finish* makes the ring the current one, and writes down from when on its key signs: a lead later, so that whoever
//!    caches the key set has it by then. The former key retires when its last token has expired.
//!
//! Each step looks at what is there first, so it may come again, also after a crash anywhere. Where a compromise came in
//! between, the pending ring lacks the key that signs now, or that will: it is called off, and the next rotation begins anew.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use super::{KeysError, SIGNING_RING, read_ring, record, ring_of_version};
use crate::audit_event::Cause;
use crate::keys::secrets::Secrets;
use crate::request::{RequestMeta, Task};
use crate::store::{RACE_TRIES, Store};
use crate::telemetry::{self, Metric};
use crate::tokens::{PublicKey, SigningKey, SigningRing};
use crate::work::consumer::Failure;
use crate::work::secret_rotation::{RotationEvent, RotationHandler, Step};

static ROTATE: Task = Task {
    action: "keys.rotate_signing",
    name: "keys-rotate-signing",
};

/// Rotates the signing ring.
#[derive(Clone)]
pub struct SigningRotation {
    secrets: Secrets,
    store: Store,
    lead: Duration,
}

impl SigningRotation {
    /// A rotation whose key signs `lead` after it was put into use.
    #[must_use]
    pub const fn new(secrets: Secrets, store: Store, lead: Duration) -> Self {
        Self {
            secrets,
            store,
            lead,
        }
    }

    /// The rotation as Secrets Manager calls it.
    #[must_use]
    pub fn handler(self) -> RotationHandler {
        Arc::new(move |event| {
            let rotation = self.clone();
            Box::pin(async move {
                let failed = |error| Failure::because("the signing ring was not rotated", error);
                rotation.step(&event).await.map_err(failed)
            })
        })
    }

    /// Does one step.
    ///
    /// # Errors
    /// [`KeysError`]; the step may be tried again.
    pub async fn step(&self, event: &RotationEvent) -> Result<(), KeysError> {
        let version = event.client_request_token.as_str();
        match event.step {
            Step::CreateSecret => self.create(version).await,
            Step::SetSecret => {
                let meta = RequestMeta::of_task(&ROTATE, self.store.now(), self.store.entropy());
                let ring = self.pending(version).await?;
                publish(&self.store, &meta, newest(&ring)?).await
            }
            Step::TestSecret => self.test(version).await,
            Step::FinishSecret => self.finish(version).await,
        }
    }

    async fn create(&self, version: &str) -> Result<(), KeysError> {
        if ring_of_version(&self.secrets, version).await?.is_some() {
            return Ok(());
        }
        let ring = read_ring(&self.secrets).await?.ok_or(KeysError::NotBegun)?;
        let (record, now) = (record(&self.store).await?, self.store.now());
        // The newest may be what a compromise is about to trust.
        let last = newest(&ring)?.kid.clone();
        let next = ring.with_new_key(now, |key| {
            key.kid == last || record.key(&key.kid, now).is_some()
        })?;
        let value = SecretString::from(next.to_secret()?.as_str());
        // Another caller of the same step may have stored another key under this name; then that one counts.
        self.secrets
            .put_version(SIGNING_RING, version, &value, Some("AWSPENDING"))
            .await?;
        Ok(())
    }

    async fn test(&self, version: &str) -> Result<(), KeysError> {
        // Where a rotation is set up without rotating, AWS tries this step with a version that nobody has made.
        if ring_of_version(&self.secrets, version)
            .await?
            .is_none_or(|ring| ring.keys().is_empty())
        {
            return Ok(());
        }
        let ring = self.pending(version).await?;
        let key = ring.newest().ok_or(KeysError::NotBegun)?;
        let record = record(&self.store).await?;
        let published = record
            .key(&key.public().kid, self.store.now())
            .ok_or(KeysError::Overtaken)?;
        let signature = key.sign(version.as_bytes())?;
        let good = published.verifies(version.as_bytes(), &signature)
            && !published.verifies(b"", &signature);
        if good {
            Ok(())
        } else {
            Err(KeysError::FailedTest(SIGNING_RING))
        }
    }

    async fn finish(&self, version: &str) -> Result<(), KeysError> {
        let holder = self
            .secrets
            .current_version(SIGNING_RING)
            .await?
            .ok_or(KeysError::NotBegun)?;
        let ring = self.pending(version).await?;
        let kid = newest(&ring)?.kid.clone();
        // A key that came into the ring behind the pending one's making may be what a compromise trusts in the next moment.
        let replaced = ring_of_version(&self.secrets, &holder)
            .await?
            .unwrap_or_default();
        let holds_newest = replaced
            .newest()
            .is_none_or(|key| ring.key(&key.public().kid).is_some());
        if !holds_newest {
            return self.call_off(version).await;
        }
        if holder != version
            && !self
                .secrets
                .make_current(SIGNING_RING, &holder, version)
                .await?
        {
            return Err(KeysError::Overtaken);
        }
        let meta = RequestMeta::of_task(&ROTATE, self.store.now(), self.store.entropy());
        activate(&self.store, &meta, &kid, self.lead).await
    }

    /// The pending ring, if it still holds the key that signs now.
    async fn pending(&self, version: &str) -> Result<SigningRing, KeysError> {
        let ring = ring_of_version(&self.secrets, version)
            .await?
            .ok_or(KeysError::NotBegun)?;
        let record = record(&self.store).await?;
        let signing = record.signing_kid(self.store.now());
        if ring.key(signing).is_some() {
            Ok(ring)
        } else {
            self.call_off(version).await
        }
    }

    /// Gives up the version, which can never become the current one, so that the next rotation begins anew.
    async fn call_off<T>(&self, version: &str) -> Result<T, KeysError> {
        self.secrets.call_off(SIGNING_RING, version).await?;
        Err(KeysError::Overtaken)
    }
}

fn newest(ring: &SigningRing) -> Result<&PublicKey, KeysError> {
    ring.newest()
        .map(SigningKey::public)
        .ok_or(KeysError::NotBegun)
}

/// Publishes a key, unless it is published.
pub(super) async fn publish(
    store: &Store,
    meta: &RequestMeta,
    key: &PublicKey,
) -> Result<(), KeysError> {
    for attempt in 0..RACE_TRIES {
        store.before_try(attempt).await;
        let read = record(store).await?;
        let next = read.publishing(key);
        let entry = store
            .entry(meta)
            .reason(Cause::Published)
            .text("kid", &key.kid);
        if next == read || store.change_keys(&read, &next, &entry).await? {
            return Ok(());
        }
    }
    Err(KeysError::Overtaken)
}

/// Lets a published key sign from `lead` on, unless it has been told to.
pub(super) async fn activate(
    store: &Store,
    meta: &RequestMeta,
    kid: &str,
    lead: Duration,
) -> Result<(), KeysError> {
    for attempt in 0..RACE_TRIES {
        store.before_try(attempt).await;
        let (read, now) = (record(store).await?, store.now());
        if read.has_activated(kid) {
            return Ok(());
        }
        // A compromise has dropped it in between.
        read.key(kid, now).ok_or(KeysError::Overtaken)?;
        let next = read.activating(kid, now.plus(lead), now);
        let entry = store.entry(meta).reason(Cause::Activated).text("kid", kid);
        if store.change_keys(&read, &next, &entry).await? {
            telemetry::count(Metric::KeyRotations);
            return Ok(());
        }
    }
    Err(KeysError::Overtaken)
}
