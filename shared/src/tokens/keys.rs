//! Signing keys: the private ring (Secrets Manager) and the public record (table `security`).
//!
//! A key's name is its thumbprint, so a name can never mean two keys. The record says which key signs; signers obey
//! it on each request, and verifiers accept exactly the keys in it.

use std::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, UnparsedPublicKey,
};
use secrecy::zeroize::Zeroizing;
use serde::{Deserialize, Serialize};

use crate::digest;
use crate::domain::{Timestamp, VersionLevel};

/// A key that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The stored key is not an ES256 key in PKCS #8.
    #[error("a stored signing key is not a P-256 key in PKCS #8")]
    Malformed,
    /// The provider failed.
    #[error("the cryptographic provider could not make or use a key")]
    Provider,
}

/// A public key as it is stored and published (RFC 7517, RFC 7518 section 6.2.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicKey {
    /// Its RFC 7638 thumbprint.
    pub kid: String,
    /// The x coordinate, base64url.
    pub x: String,
    /// The y coordinate, base64url.
    pub y: String,
    /// When it was made.
    pub created_at: Timestamp,
}

impl PublicKey {
    /// Whether `signature` over `message` was made with this key (ES256, RFC 7518 section 3.4).
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let (Some(x), Some(y)) = (digest::decode(&self.x), digest::decode(&self.y)) else {
            return false;
        };
        let point = [&[4][..], &x, &y].concat();
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature).is_ok()
    }
}

/// The SECURITY item: the service's version level and its public keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecurityRecord {
    /// [`VersionLevel::current`].
    pub ver_current: u64,
    /// [`VersionLevel::floor`].
    pub ver_floor: u64,
    /// [`VersionLevel::until`].
    pub ver_until: Timestamp,
    /// When the level was last raised.
    pub effective_at: Timestamp,
    /// The key that signs.
    pub active_kid: String,
    /// Every key that may verify.
    pub keys: Vec<PublicKey>,
}

impl SecurityRecord {
    /// The service's version level.
    #[must_use]
    pub const fn level(&self) -> VersionLevel {
        VersionLevel { current: self.ver_current, floor: self.ver_floor, until: self.ver_until }
    }

    /// The key named `kid`.
    #[must_use]
    pub fn key(&self, kid: &str) -> Option<&PublicKey> {
        self.keys.iter().find(|key| key.kid == kid)
    }
}

/// A private key, parsed once.
pub struct SigningKey {
    public: PublicKey,
    pkcs8: Zeroizing<Vec<u8>>,
    pair: EcdsaKeyPair,
}

impl SigningKey {
    /// A new key.
    ///
    /// # Errors
    /// [`KeyError::Provider`].
    pub fn generate(now: Timestamp) -> Result<Self, KeyError> {
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
            .map_err(|_| KeyError::Provider)?;
        Self::from_pkcs8(document.as_ref(), now)
    }

    /// A stored key.
    ///
    /// # Errors
    /// [`KeyError::Malformed`].
    pub fn from_pkcs8(pkcs8: &[u8], created_at: Timestamp) -> Result<Self, KeyError> {
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8).map_err(|_| KeyError::Malformed)?;
        let point = pair.public_key().as_ref();
        let (_, coordinates) = point.split_first().ok_or(KeyError::Malformed)?;
        let (x, y) = coordinates.split_at_checked(32).ok_or(KeyError::Malformed)?;
        let (x, y) = (digest::encode(x), digest::encode(y));
        let kid = digest::fingerprint(format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#).as_bytes());
        let public = PublicKey { kid, x, y, created_at };
        Ok(Self { public, pkcs8: Zeroizing::new(pkcs8.to_vec()), pair })
    }

    /// The public half.
    #[must_use]
    pub const fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The ES256 signature over `message`.
    ///
    /// # Errors
    /// [`KeyError::Provider`].
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let signature = self.pair.sign(&SystemRandom::new(), message).map_err(|_| KeyError::Provider)?;
        Ok(signature.as_ref().to_vec())
    }
}

/// Shows which key it is.
impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SigningKey").field(&self.public.kid).finish()
    }
}

/// The secret `signing-ring`: every private key that may be told to sign.
#[derive(Debug, Default)]
pub struct SigningRing(Vec<SigningKey>);

#[derive(Serialize, Deserialize)]
struct StoredRing {
    keys: Vec<StoredKey>,
}

#[derive(Serialize, Deserialize)]
struct StoredKey {
    pkcs8: String,
    created_at: Timestamp,
}

impl SigningRing {
    /// A ring of one new key.
    ///
    /// # Errors
    /// [`KeyError::Provider`].
    pub fn generate(now: Timestamp) -> Result<Self, KeyError> {
        Ok(Self(vec![SigningKey::generate(now)?]))
    }

    /// Reads the secret's text. Members that this version does not know are left alone.
    ///
    /// # Errors
    /// [`KeyError::Malformed`].
    pub fn from_secret(text: &str) -> Result<Self, KeyError> {
        let stored: StoredRing = serde_json::from_str(text).map_err(|_| KeyError::Malformed)?;
        let key = |stored: StoredKey| {
            let pkcs8 = Zeroizing::new(digest::decode(&stored.pkcs8).ok_or(KeyError::Malformed)?);
            SigningKey::from_pkcs8(&pkcs8, stored.created_at)
        };
        stored.keys.into_iter().map(key).collect::<Result<_, _>>().map(Self)
    }

    /// The secret's text.
    ///
    /// # Errors
    /// [`KeyError::Malformed`] if it cannot be written.
    pub fn to_secret(&self) -> Result<Zeroizing<String>, KeyError> {
        let stored =
            |key: &SigningKey| StoredKey { pkcs8: digest::encode(&key.pkcs8), created_at: key.public.created_at };
        let ring = StoredRing { keys: self.0.iter().map(stored).collect() };
        serde_json::to_string(&ring).map(Zeroizing::new).map_err(|_| KeyError::Malformed)
    }

    /// The key named `kid`.
    #[must_use]
    pub fn key(&self, kid: &str) -> Option<&SigningKey> {
        self.0.iter().find(|key| key.public.kid == kid)
    }

    /// All keys, oldest first.
    #[must_use]
    pub fn keys(&self) -> &[SigningKey] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_verifies_what_it_signed_and_nothing_else() {
        let key = SigningKey::generate(Timestamp::EPOCH).expect("a key");
        let signature = key.sign(b"message").expect("a signature");
        assert_eq!(signature.len(), 64);
        assert!(key.public().verifies(b"message", &signature));
        assert!(!key.public().verifies(b"massage", &signature));
        assert!(!key.public().verifies(b"message", &[0; 64]));
        assert!(!key.public().verifies(b"message", b""));
    }

    #[test]
    fn a_ring_reads_back_as_it_was_written() {
        let ring = SigningRing::generate(Timestamp::EPOCH).expect("a ring");
        let text = ring.to_secret().expect("text");
        let read = SigningRing::from_secret(&text).expect("valid");
        assert_eq!(read.keys()[0].public(), ring.keys()[0].public());
    }

    #[test]
    fn a_ring_shows_no_private_half() {
        let ring = SigningRing::generate(Timestamp::EPOCH).expect("a ring");
        let shown = format!("{ring:?}");
        let secret = ring.to_secret().expect("text");
        let private = secret.split('"').find(|part| part.len() > 100).expect("a key");
        assert!(!shown.contains(private));
    }

    #[test]
    fn a_malformed_ring_is_refused() {
        for text in ["", "{}", r#"{"keys":[{"pkcs8":"AAAA","created_at":0}]}"#, r#"{"keys":1}"#] {
            assert_eq!(SigningRing::from_secret(text).err(), Some(KeyError::Malformed), "{text}");
        }
    }
}
