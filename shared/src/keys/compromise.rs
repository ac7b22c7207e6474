//! A leaked signing key: one new key takes the place of all others, at once and everywhere.
//!
//! The order makes every crash harmless. First the ring gets a new key beside the old ones, so that whoever is asked to
//! sign with it can. Then the record trusts that key alone: from this commit on every verifier refuses what the others
//! signed, and no signer uses them. Then the old ones leave the ring as it is by then; what a crash leaves of that is repaired
//! later.

use super::{KeysError, SIGNING_RING, read_ring, record, replace_ring};
use crate::audit_event::Entry;
use crate::ground::error_chain;
use crate::keys::secrets::Secrets;
use crate::store::{RACE_TRIES, Store};
use crate::telemetry::{self, Metric};
use crate::tokens::PublicKey;

/// Drops every signing key and begins with a new one; which one. `entry` makes the record of it.
///
/// # Errors
/// [`KeysError::Overtaken`] if the keys are changed concurrently. After any error the old keys are in force, and
/// a new try is the way on.
pub async fn drop_all(
    secrets: &Secrets,
    store: &Store,
    entry: &Entry,
) -> Result<PublicKey, KeysError> {
    let holder = secrets
        .current_version(SIGNING_RING)
        .await?
        .ok_or(KeysError::NotBegun)?;
    let ring = read_ring(secrets)
        .await?
        .ok_or(KeysError::NotBegun)?
        .with_new_key(store.now(), |_| true)?;
    let key = ring.newest().ok_or(KeysError::NotBegun)?.public().clone();
    if !replace_ring(secrets, store, &holder, &ring).await? {
        return Err(KeysError::Overtaken);
    }
    trust_only(secrets, store, &key, entry).await?;
    // From here on the keys are dropped, whatever becomes of the rest: an error would say that they are not.
    if let Err(error) = clean_up(secrets, store, &key.kid).await {
        tracing::error!(
            error = error_chain(&error),
            "dropped keys are still in the ring; keys-init removes them"
        );
    }
    Ok(key)
}

async fn clean_up(secrets: &Secrets, store: &Store, kid: &str) -> Result<(), KeysError> {
    // A rotation that was under way goes on with keys that are not trusted any more; it is called off.
    secrets.drop_pending(SIGNING_RING).await?;
    forget_older(secrets, store, kid).await
}

/// Drops what stands before the key `kid` from the ring. What stands behind it is of somebody who dropped all keys meanwhile,
/// this one too, and may be the only one that is trusted by now.
async fn forget_older(secrets: &Secrets, store: &Store, kid: &str) -> Result<(), KeysError> {
    for attempt in 0..RACE_TRIES {
        store.before_try(attempt).await;
        // In this order: a ring that is newer than the version that is to be replaced replaces nothing.
        let holder = secrets
            .current_version(SIGNING_RING)
            .await?
            .ok_or(KeysError::NotBegun)?;
        let ring = read_ring(secrets).await?.ok_or(KeysError::NotBegun)?;
        let Some(place) = ring
            .keys()
            .iter()
            .position(|known| known.public().kid == kid)
        else {
            return Ok(());
        };
        let older: Vec<_> = ring
            .keys()
            .iter()
            .take(place)
            .map(|known| known.public().kid.clone())
            .collect();
        let kept = ring.with_only(|known| !older.contains(&known.kid))?;
        if older.is_empty() || replace_ring(secrets, store, &holder, &kept).await? {
            return Ok(());
        }
    }
    Ok(())
}

async fn trust_only(
    secrets: &Secrets,
    store: &Store,
    key: &PublicKey,
    entry: &Entry,
) -> Result<(), KeysError> {
    let entry = entry.clone().text("kid", &key.kid);
    for attempt in 0..RACE_TRIES {
        store.before_try(attempt).await;
        let read = record(store).await?;
        let current = read_ring(secrets).await?.ok_or(KeysError::NotBegun)?;
        if current
            .newest()
            .is_none_or(|newest| newest.public().kid != key.kid)
        {
            return Err(KeysError::Overtaken);
        }
        if store
            .change_keys(&read, &read.trusting_only(key), &entry)
            .await?
        {
            telemetry::count(Metric::KeysDropped);
            return Ok(());
        }
    }
    Err(KeysError::Overtaken)
}
