//! The service's keys: making them on first start, signing with the active one.
//!
//! `signing-ring` holds the private halves, SECURITY the public ones and the name of the key that signs. A signer obeys
//! SECURITY on each request, so a key that was dropped stops signing in warm processes too.

use std::sync::{Arc, RwLock};

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::domain::{Timestamp, VersionLevel};
use crate::entropy::{self, Entropy};
use crate::secrets::{SecretError, Secrets};
use crate::store::{Store, StoreError};
use crate::tokens::{Claims, KeyError, SecurityRecord, SigningRing};

/// The secret with the private signing keys.
pub const SIGNING_RING: &str = "signing-ring";
/// The secret with the key under which mailed tokens are made.
pub const MAIL_KEY: &str = "mail-key";
/// Names the first version of a secret, so that two first starts make one.
const FIRST_VERSION: &str = "00000000-0000-4000-8000-000000000001";

/// A key that is not at hand.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// Secrets Manager failed.
    #[error("the keys could not be read")]
    Secret(#[from] SecretError),
    /// A stored key is unusable.
    #[error("a stored key is unusable")]
    Key(#[from] KeyError),
    /// The store failed.
    #[error("the public keys could not be read or written")]
    Store(#[from] StoreError),
    /// The ring has no key of the active name.
    #[error("the ring does not hold the active key {0}")]
    NotInRing(String),
}

/// Makes the keys that are missing and publishes the ring's public half. May run any number of times, also at once.
///
/// # Errors
/// [`KeysError`]; running it again goes on where it stopped.
pub async fn first_start(secrets: &Secrets, store: &Store) -> Result<(), KeysError> {
    let ring = match read_ring(secrets).await? {
        Some(ring) => ring,
        None => make_ring(secrets, store.now()).await?,
    };
    let Some(key) = ring.keys().first() else {
        return Err(KeysError::NotInRing("first".to_owned()));
    };
    let now = store.now();
    let level = VersionLevel::FIRST;
    let record = SecurityRecord {
        ver_current: level.current,
        ver_floor: level.floor,
        ver_until: level.until,
        effective_at: now,
        active_kid: key.public().kid.clone(),
        keys: ring.keys().iter().map(|key| key.public().clone()).collect(),
    };
    store.publish_first(&record).await?;
    Ok(())
}

/// Makes the mail key if it is missing; where the template makes it, there is nothing to do.
///
/// # Errors
/// [`KeysError`].
pub async fn first_mail_key(secrets: &Secrets, entropy: &dyn Entropy) -> Result<(), KeysError> {
    if secrets.get(MAIL_KEY).await?.is_none() {
        let key = MailKeySecret { version: 1, key: crate::digest::encode(&entropy::bytes::<32>(entropy)) };
        let text = serde_json::to_string(&key).map_err(|_| SecretError::malformed(MAIL_KEY))?;
        secrets.create(MAIL_KEY, FIRST_VERSION, &text.into()).await?;
    }
    Ok(())
}

/// The key under which mailed tokens are made.
///
/// # Errors
/// [`KeysError`] if it is missing or too short to be one.
pub async fn mail_key(secrets: &Secrets) -> Result<SecretString, KeysError> {
    let malformed = || SecretError::malformed(MAIL_KEY);
    let text = secrets.get(MAIL_KEY).await?.ok_or_else(malformed)?;
    let secret: MailKeySecret = serde_json::from_str(text.expose_secret()).map_err(|_| malformed())?;
    if secret.key.len() < 32 {
        return Err(malformed().into());
    }
    Ok(secret.key.into())
}

#[derive(Serialize, Deserialize)]
struct MailKeySecret {
    version: u32,
    key: String,
}

/// The ring; `None` while it has no key yet.
async fn read_ring(secrets: &Secrets) -> Result<Option<SigningRing>, KeysError> {
    let Some(text) = secrets.get(SIGNING_RING).await? else {
        return Ok(None);
    };
    let ring = SigningRing::from_secret(text.expose_secret())?;
    Ok((!ring.keys().is_empty()).then_some(ring))
}

/// Makes the first version of the ring. Its name is the same for everybody, so of several that make one at once the first
/// counts: a secret that was empty takes one such version, and one that is missing is created once.
async fn make_ring(secrets: &Secrets, now: Timestamp) -> Result<SigningRing, KeysError> {
    let text = SigningRing::generate(now)?.to_secret()?;
    let value = SecretString::from(text.as_str());
    match secrets.get(SIGNING_RING).await? {
        None => secrets.create(SIGNING_RING, FIRST_VERSION, &value).await?,
        Some(text) if SigningRing::from_secret(text.expose_secret())?.keys().is_empty() => {
            secrets.put_version(SIGNING_RING, FIRST_VERSION, &value).await?
        }
        Some(_made_meanwhile) => false,
    };
    read_ring(secrets).await?.ok_or_else(|| KeysError::NotInRing("first".to_owned()))
}

/// Signs access tokens with the active key.
#[derive(Clone)]
pub struct Signer {
    secrets: Secrets,
    ring: Arc<RwLock<Arc<SigningRing>>>,
}

impl Signer {
    /// Reads the ring.
    ///
    /// # Errors
    /// [`KeysError`]: a process without keys does not start.
    pub async fn open(secrets: Secrets) -> Result<Self, KeysError> {
        let ring = read_ring(&secrets).await?.unwrap_or_default();
        Ok(Self { secrets, ring: Arc::new(RwLock::new(Arc::new(ring))) })
    }

    /// The token that says `claims`, signed with the key that `security` names. A ring that lacks it is read again.
    ///
    /// # Errors
    /// [`KeysError`].
    pub async fn sign(&self, claims: &Claims, security: &SecurityRecord) -> Result<String, KeysError> {
        let kid = &security.active_kid;
        let mut ring = self.ring();
        if ring.key(kid).is_none() {
            ring = Arc::new(read_ring(&self.secrets).await?.unwrap_or_default());
            *self.ring.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Arc::clone(&ring);
        }
        let key = ring.key(kid).ok_or_else(|| KeysError::NotInRing(kid.clone()))?;
        Ok(claims.sign(key)?)
    }

    fn ring(&self) -> Arc<SigningRing> {
        Arc::clone(&self.ring.read().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}
