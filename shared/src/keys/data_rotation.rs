//! The rotation of the data ring: a new key encrypts from then on, and the older ones stay to open what they encrypted.
//!
//! Nobody has to be told before it is used: whoever meets a version that its ring lacks reads the ring again. So *set*
//! has nothing to do. *Test* seals and opens with the new key, and opens with the new ring what the present one seals.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

use super::{DATA_RING, KeysError, data_ring};
use crate::audit_event::Cause;
use crate::ground::entropy;
use crate::keys::secrets::Secrets;
use crate::request::{RequestMeta, Task};
use crate::store::Store;
use crate::tokens::DataRing;
use crate::work::consumer::Failure;
use crate::work::secret_rotation::{RotationEvent, RotationHandler, Step};

static ROTATE: Task = Task {
    action: "keys.rotate_data",
    name: "keys-rotate-data",
};

/// Rotates the data ring.
#[derive(Clone)]
pub struct DataRotation {
    secrets: Secrets,
    store: Store,
}

impl DataRotation {
    /// A rotation of the ring in `secrets`.
    #[must_use]
    pub const fn new(secrets: Secrets, store: Store) -> Self {
        Self { secrets, store }
    }

    /// The rotation as Secrets Manager calls it.
    #[must_use]
    pub fn handler(self) -> RotationHandler {
        Arc::new(move |event| {
            let rotation = self.clone();
            Box::pin(async move {
                let failed = |error| Failure::because("the data ring was not rotated", error);
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
            Step::SetSecret => Ok(()),
            Step::TestSecret => self.test(version).await,
            Step::FinishSecret => self.finish(version).await,
        }
    }

    async fn create(&self, version: &str) -> Result<(), KeysError> {
        if self
            .secrets
            .get_version(DATA_RING, version)
            .await?
            .is_some()
        {
            return Ok(());
        }
        let next = data_ring(&self.secrets)
            .await?
            .with_new_key(self.store.now(), self.store.entropy());
        let value = SecretString::from(next.to_secret()?.as_str());
        self.secrets
            .put_version(DATA_RING, version, &value, Some("AWSPENDING"))
            .await?;
        Ok(())
    }

    async fn test(&self, version: &str) -> Result<(), KeysError> {
        // Where a rotation is set up without rotating, AWS tries this step with a version that nobody has made.
        let Some(pending) = self
            .ring_of(version)
            .await?
            .filter(|ring| ring.infos().next().is_some())
        else {
            return Ok(());
        };
        let current = data_ring(&self.secrets).await?;
        let plain = entropy::bytes::<32>(self.store.entropy());
        for ring in [&pending, &current] {
            let sealed = ring.seal(&plain, version.as_bytes(), self.store.entropy())?;
            if pending.open(&sealed, version.as_bytes())?.as_slice() != plain {
                return Err(KeysError::FailedTest(DATA_RING));
            }
        }
        Ok(())
    }

    async fn finish(&self, version: &str) -> Result<(), KeysError> {
        let holder = self
            .secrets
            .current_version(DATA_RING)
            .await?
            .ok_or(KeysError::NotBegun)?;
        let infos: Vec<_> = self.existing(version).await?.infos().cloned().collect();
        // What was made before the present ring, by a step that comes again late, would take its newest key away.
        let replaced = self.existing(&holder).await?;
        let holds_all = replaced.infos().all(|info| infos.contains(info));
        if !holds_all
            || (holder != version
                && !self
                    .secrets
                    .make_current(DATA_RING, &holder, version)
                    .await?)
        {
            return Err(KeysError::Overtaken);
        }
        let meta = RequestMeta::of_task(&ROTATE, self.store.now(), self.store.entropy());
        let newest = infos.last().map(|info| info.version).unwrap_or_default();
        let entry = self
            .store
            .entry(&meta)
            .reason(Cause::Activated)
            .text("version", newest);
        self.store.publish_data_keys(&infos, &entry).await?;
        Ok(())
    }

    async fn existing(&self, version: &str) -> Result<DataRing, KeysError> {
        self.ring_of(version).await?.ok_or(KeysError::NotBegun)
    }

    async fn ring_of(&self, version: &str) -> Result<Option<DataRing>, KeysError> {
        let text = self.secrets.get_version(DATA_RING, version).await?;
        Ok(text
            .map(|text| DataRing::from_secret(text.expose_secret()))
            .transpose()?)
    }
}
