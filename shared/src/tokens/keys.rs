//! Signing keys: the private ring in Secrets Manager. The public halves are in the [security record](super::security).
//!
//! A key's name is its thumbprint, so a name can never mean two keys.

use std::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use dashtam_verify::{Claims, PublicKey};
use secrecy::zeroize::Zeroizing;
use serde::{Deserialize, Serialize};

use crate::domain::Timestamp;
use crate::ground::digest;

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

/// A private key, parsed once.
pub struct SigningKey {
    public: PublicKey,
    pkcs8: Zeroizing<Vec<u8>>,
    pair: EcdsaKeyPair,
}

impl SigningKey {
    /// A new key.
    pub fn generate(now: Timestamp) -> Result<Self, KeyError> {
        let document =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
                .map_err(|_| KeyError::Provider)?;
        Self::from_pkcs8(document.as_ref(), now)
    }

    /// A stored key.
    pub fn from_pkcs8(pkcs8: &[u8], created_at: Timestamp) -> Result<Self, KeyError> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8)
            .map_err(|_| KeyError::Malformed)?;
        let point = pair.public_key().as_ref();
        let (_, coordinates) = point.split_first().ok_or(KeyError::Malformed)?;
        let (x, y) = coordinates
            .split_at_checked(32)
            .ok_or(KeyError::Malformed)?;
        let (x, y) = (digest::encode(x), digest::encode(y));
        let kid = digest::fingerprint(
            format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#).as_bytes(),
        );
        let public = PublicKey {
            kid,
            x,
            y,
            created_at,
            until: None,
        };
        Ok(Self {
            public,
            pkcs8: Zeroizing::new(pkcs8.to_vec()),
            pair,
        })
    }

    /// The public half.
    #[must_use]
    pub const fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The token that says `claims` (RFC 7515 section 7.1).
    ///
    /// # Errors
    /// [`KeyError`] if it cannot be signed.
    pub fn issue(&self, claims: &Claims) -> Result<String, KeyError> {
        let message = claims
            .signing_input(&self.public.kid)
            .map_err(|_| KeyError::Provider)?;
        let signature = digest::encode(&self.sign(message.as_bytes())?);
        Ok(format!("{message}.{signature}"))
    }

    /// The ES256 signature over `message`.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let signature = self
            .pair
            .sign(&SystemRandom::new(), message)
            .map_err(|_| KeyError::Provider)?;
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
    pub fn generate(now: Timestamp) -> Result<Self, KeyError> {
        Ok(Self(vec![SigningKey::generate(now)?]))
    }

    /// This ring's keys that `keep` wants, and a new one behind them.
    pub fn with_new_key(
        &self,
        now: Timestamp,
        keep: impl Fn(&PublicKey) -> bool,
    ) -> Result<Self, KeyError> {
        let mut ring = self.with_only(keep)?;
        ring.0.push(SigningKey::generate(now)?);
        Ok(ring)
    }

    /// This ring's keys that `keep` wants.
    pub fn with_only(&self, keep: impl Fn(&PublicKey) -> bool) -> Result<Self, KeyError> {
        let kept = self.0.iter().filter(|key| keep(&key.public));
        kept.map(|key| SigningKey::from_pkcs8(&key.pkcs8, key.public.created_at))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Reads the secret's text. Members that this version does not know are left alone.
    pub fn from_secret(text: &str) -> Result<Self, KeyError> {
        let stored: StoredRing = serde_json::from_str(text).map_err(|_| KeyError::Malformed)?;
        let key = |stored: StoredKey| {
            let pkcs8 = Zeroizing::new(digest::decode(&stored.pkcs8).ok_or(KeyError::Malformed)?);
            SigningKey::from_pkcs8(&pkcs8, stored.created_at)
        };
        stored
            .keys
            .into_iter()
            .map(key)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// The secret's text.
    ///
    /// # Errors
    /// [`KeyError::Malformed`] if it cannot be written.
    pub fn to_secret(&self) -> Result<Zeroizing<String>, KeyError> {
        let stored = |key: &SigningKey| StoredKey {
            pkcs8: digest::encode(&key.pkcs8),
            created_at: key.public.created_at,
        };
        let ring = StoredRing {
            keys: self.0.iter().map(stored).collect(),
        };
        serde_json::to_string(&ring)
            .map(Zeroizing::new)
            .map_err(|_| KeyError::Malformed)
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

    /// The newest key.
    #[must_use]
    pub fn newest(&self) -> Option<&SigningKey> {
        self.0.last()
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
        let private = secret
            .split('"')
            .find(|part| part.len() > 100)
            .expect("a key");
        assert!(!shown.contains(private));
    }

    #[test]
    fn a_malformed_ring_is_refused() {
        for text in [
            "",
            "{}",
            r#"{"keys":[{"pkcs8":"AAAA","created_at":0}]}"#,
            r#"{"keys":1}"#,
        ] {
            assert_eq!(
                SigningRing::from_secret(text).err(),
                Some(KeyError::Malformed),
                "{text}"
            );
        }
    }
}
