//! The service's keys: making them on first start, signing with the active one, replacing them.
//!
//! Secrets Manager holds four secrets. `signing-ring` has the private halves of the keys that sign access tokens; their
//! public halves and the name of the key that signs are in the security record, and a signer obeys that on each request.
//! `data-ring` has the keys that encrypt what must be read back. `mail-key` is what mailed tokens are made of,
//! `cursor-key` what the cursors of long answers are.
//!
//! | module | what it does |
//! |---|---|
//! | [`mod@first_start`] | makes what is missing, and mends what a crash has left halfway |
//! | [`copies`] | makes the copies of the security record equal again |
//! | [`signer`] | signs, through failures of Secrets Manager |
//! | [`signing_rotation`] | the four steps for `signing-ring` |
//! | [`compromise`] | drops every signing key at once |
//! | [`data_rotation`] | the four steps for `data-ring` |
//!
//! A ring changes by compare and swap: the new version is stored first and becomes the current one only if nobody else
//! has replaced the version that it was made from.

pub mod compromise;
pub mod copies;
pub mod data_rotation;
pub mod first_start;
pub mod secrets;
pub mod signer;
pub mod signing_rotation;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::ground::random_key;
use crate::keys::secrets::{SecretError, Secrets};
use crate::store::{Store, StoreError};
use crate::tokens::{DataKeyError, DataRing, KeyError, SecurityRecord, SigningRing};

pub use first_start::{first_data_ring, first_start};
pub use signer::{ActiveKey, Signer};

/// The secret with the private signing keys.
pub const SIGNING_RING: &str = "signing-ring";
/// The secret with the keys that encrypt data.
pub const DATA_RING: &str = "data-ring";
/// The secret with the key under which mailed tokens are made.
pub const MAIL_KEY: &str = "mail-key";
/// The secret with the key under which cursors are made.
pub const CURSOR_KEY: &str = "cursor-key";

/// A key that is not at hand.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// Secrets Manager failed.
    #[error("the keys could not be read or written")]
    Secret(#[from] SecretError),
    /// A stored key is unusable.
    #[error("a stored key is unusable")]
    Key(#[from] KeyError),
    /// A stored data key is unusable.
    #[error("a stored data key is unusable")]
    Data(#[from] DataKeyError),
    /// The store failed.
    #[error("the public keys could not be read or written")]
    Store(#[from] StoreError),
    /// The ring has no key that may sign.
    #[error("the ring does not hold the active key {0}")]
    NotInRing(String),
    /// A given key is guessable, or of another form.
    #[error("the `key` of the secret {0} must be {form}", form = random_key::FORM)]
    NotRandom(String),
    /// The first start has not made the keys yet.
    #[error("there are no keys yet: the first start makes them")]
    NotBegun,
    /// Another change of the same keys came first.
    #[error("another change of the keys came first")]
    Overtaken,
    /// The new version does not do what it is for.
    #[error("the new version of {0} failed its test")]
    FailedTest(&'static str),
    /// Secrets Manager has been out of reach for too long.
    #[error("the keys in memory are too old, and Secrets Manager cannot be reached")]
    Stale,
}

/// The current ring; `None` while it has no key yet.
async fn read_ring(secrets: &Secrets) -> Result<Option<SigningRing>, KeysError> {
    let Some(text) = secrets.get(SIGNING_RING).await? else {
        return Ok(None);
    };
    let ring = SigningRing::from_secret(text.expose_secret())?;
    Ok((!ring.keys().is_empty()).then_some(ring))
}

/// The ring in one version; `None` if that has no value.
async fn ring_of_version(
    secrets: &Secrets,
    version: &str,
) -> Result<Option<SigningRing>, KeysError> {
    let text = secrets.get_version(SIGNING_RING, version).await?;
    Ok(text
        .map(|text| SigningRing::from_secret(text.expose_secret()))
        .transpose()?)
}

/// The record, which the first start has made.
async fn record(store: &Store) -> Result<SecurityRecord, KeysError> {
    store.security().await?.ok_or(KeysError::NotBegun)
}

/// Makes `ring` the current version, if `holder` still is. The version is stored under a label of its own first.
async fn replace_ring(
    secrets: &Secrets,
    store: &Store,
    holder: &str,
    ring: &SigningRing,
) -> Result<bool, KeysError> {
    let value = SecretString::from(ring.to_secret()?.as_str());
    let version = store.fresh_name();
    secrets
        .put_version(SIGNING_RING, &version, &value, Some("DASHTAM-NEXT"))
        .await?;
    Ok(secrets.make_current(SIGNING_RING, holder, &version).await?)
}

/// The keys that encrypt data.
///
/// # Errors
/// [`KeysError`] if the ring is missing, empty or malformed.
pub async fn data_ring(secrets: &Secrets) -> Result<DataRing, KeysError> {
    let text = secrets.get(DATA_RING).await?.ok_or(KeysError::NotBegun)?;
    let ring = DataRing::from_secret(text.expose_secret())?;
    if ring.infos().next().is_none() {
        Err(KeysError::NotBegun)
    } else {
        Ok(ring)
    }
}

/// The key under which mailed tokens are made.
///
/// # Errors
/// [`KeysError`] if it is missing or not random.
pub async fn mail_key(secrets: &Secrets) -> Result<SecretString, KeysError> {
    plain_key(secrets, MAIL_KEY).await
}

/// The key under which cursors are made.
///
/// # Errors
/// [`KeysError`] if it is missing or not random.
pub async fn cursor_key(secrets: &Secrets) -> Result<SecretString, KeysError> {
    plain_key(secrets, CURSOR_KEY).await
}

async fn plain_key(secrets: &Secrets, name: &str) -> Result<SecretString, KeysError> {
    let malformed = || SecretError::malformed(name);
    let text = secrets.get(name).await?.ok_or_else(malformed)?;
    let secret: PlainKeySecret =
        serde_json::from_str(text.expose_secret()).map_err(|_| malformed())?;
    if !random_key::is_random(&secret.key) {
        return Err(KeysError::NotRandom(name.to_owned()));
    }
    Ok(secret.key.into())
}

/// A secret that is one key for HMAC.
#[derive(Deserialize)]
struct PlainKeySecret {
    key: String,
}
