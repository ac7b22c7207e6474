//! The first start: makes the keys that are missing. Whoever runs it, and however many at once, there is one of each.
//!
//! It runs again on a schedule. Then it makes the copies of the record equal, where one is missing or behind, and repairs what
//! a crash has left halfway between the ring and the record: a current key that is not published is published and put into
//! use, and keys that are not accepted any more leave the ring.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::{DATA_RING, KeysError, SIGNING_RING, read_ring, record, replace_ring};
use crate::keys::copies::repair;
use crate::keys::secrets::Secrets;
use crate::keys::signing_rotation::{activate, publish};
use crate::request::{RequestMeta, Task};
use crate::store::Store;
use crate::tokens::{DataRing, SecurityRecord, SigningRing};

/// Names the first version of a secret, so that two first starts make one.
const FIRST_VERSION: &str = "00000000-0000-4000-8000-000000000001";

static REPAIR: Task = Task {
    action: "keys.repair",
    name: "keys-init",
};

/// Puts a first key into the signing ring if it has none and publishes its public half. May run any number of times, also at once.
///
/// # Errors
/// [`KeysError`]; running it again goes on where it stopped.
pub async fn first_start(secrets: &Secrets, store: &Store) -> Result<(), KeysError> {
    let ring = match read_ring(secrets).await? {
        Some(ring) => ring,
        None => make_ring(secrets, store).await?,
    };
    let key = ring.newest().ok_or(KeysError::NotBegun)?;
    let keys = ring.keys().iter().map(|key| key.public().clone()).collect();
    // Where every copy was lost, the level must not begin again: sessions of a higher version would come to life on the way up.
    let least = store
        .last_rotation()
        .await?
        .map_or(0, |last| last.new_version);
    store
        .publish_first(&SecurityRecord::first(key.public(), keys, store.now()).at_least(least))
        .await?;
    Ok(())
}

/// Finishes what a crash has left halfway. Changes nothing where nothing is.
///
/// # Errors
/// [`KeysError`]; running it again goes on where it stopped.
pub async fn mend(secrets: &Secrets, store: &Store, lead: Duration) -> Result<(), KeysError> {
    let meta = RequestMeta::of_task(&REPAIR, store.now(), store.entropy());
    repair(store, store.entry(&meta)).await?;
    let Some(holder) = secrets.current_version(SIGNING_RING).await? else {
        return Ok(());
    };
    let Some(ring) = read_ring(secrets).await? else {
        return Ok(());
    };
    let newest = ring.newest().ok_or(KeysError::NotBegun)?.public().clone();
    if !record(store).await?.has_activated(&newest.kid) {
        publish(store, &meta, &newest).await?;
        activate(store, &meta, &newest.kid, lead).await?;
    }
    let (record, now) = (record(store).await?, store.now());
    let wanted = |kid: &str| kid == newest.kid || record.key(kid, now).is_some();
    if ring.keys().iter().any(|key| !wanted(&key.public().kid)) {
        let ring = ring.with_only(|key| wanted(&key.kid))?;
        // Whoever replaced it meanwhile has made a better one.
        let _replaced = replace_ring(secrets, store, &holder, &ring).await?;
    }
    Ok(())
}

/// Puts a first key into the data ring if it has none.
pub async fn first_data_ring(secrets: &Secrets, store: &Store) -> Result<(), KeysError> {
    let stored = secrets.get(DATA_RING).await?;
    let empty = |text: &SecretString| {
        DataRing::from_secret(text.expose_secret()).map(|ring| ring.infos().next().is_none())
    };
    if stored.as_ref().map(empty).transpose()?.unwrap_or(true) {
        let text = DataRing::generate(store.now(), store.entropy()).to_secret()?;
        begin(secrets, DATA_RING, &SecretString::from(text.as_str())).await?;
    }
    let ring = super::data_ring(secrets).await?;
    let infos: Vec<_> = ring.infos().cloned().collect();
    store.publish_first_data_keys(&infos).await?;
    Ok(())
}

async fn make_ring(secrets: &Secrets, store: &Store) -> Result<SigningRing, KeysError> {
    let text = SigningRing::generate(store.now())?.to_secret()?;
    let value = SecretString::from(text.as_str());
    let stored = secrets.get(SIGNING_RING).await?;
    match &stored {
        Some(text)
            if !SigningRing::from_secret(text.expose_secret())?
                .keys()
                .is_empty() => {}
        _ => begin(secrets, SIGNING_RING, &value).await?,
    }
    read_ring(secrets).await?.ok_or(KeysError::NotBegun)
}

/// Puts the first key into a secret that the template has made without one. The version's name is the same for everybody,
/// so of several that make one at once the first counts.
async fn begin(secrets: &Secrets, name: &str, value: &SecretString) -> Result<(), KeysError> {
    secrets
        .put_version(name, FIRST_VERSION, value, None)
        .await?;
    Ok(())
}
