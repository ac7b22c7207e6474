//! The data ring: keys that encrypt what must be read back, such as a provider's tokens.
//!
//! AES-256-GCM with a random nonce of 96 bits. The envelope is `version (4 bytes) · nonce (12) · ciphertext and tag`, and
//! the associated data binds it to its key's version and to whatever the caller names (owner, provider, field), so a
//! ciphertext that is moved to another place does not open. A key encrypts while it is the newest and opens for as long
//! as it is in the ring; what it has encrypted is encrypted anew by whoever writes it next.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use secrecy::zeroize::Zeroizing;
use serde::{Deserialize, Serialize};

use crate::domain::Timestamp;
use crate::ground::digest;
use crate::ground::entropy::{self, Entropy};

const VERSION: usize = 4;
const KEY: usize = 32;

/// Why something cannot be encrypted or opened. The text says nothing of what is inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DataKeyError {
    /// The stored ring cannot be read, or is empty.
    #[error("the data ring is malformed or empty")]
    Malformed,
    /// It was encrypted under a key that is not in the ring.
    #[error("no key of the ring opens this version")]
    UnknownVersion,
    /// It was cut, changed, or belongs to another place.
    #[error("the ciphertext does not open here")]
    Broken,
}

/// A key without itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataKeyInfo {
    /// Its number; the greatest encrypts.
    pub version: u32,
    /// When it was made.
    pub created_at: Timestamp,
}

struct DataKey {
    info: DataKeyInfo,
    bytes: Zeroizing<[u8; KEY]>,
}

/// The secret `data-ring`, oldest key first.
pub struct DataRing(Vec<DataKey>);

#[derive(Serialize, Deserialize)]
struct StoredRing {
    keys: Vec<StoredKey>,
}

#[derive(Serialize, Deserialize)]
struct StoredKey {
    version: u32,
    key: String,
    created_at: Timestamp,
}

impl DataRing {
    /// A ring of one new key.
    #[must_use]
    pub fn generate(now: Timestamp, entropy: &dyn Entropy) -> Self {
        Self(Vec::new()).with_new_key(now, entropy)
    }

    /// This ring and a new key, which encrypts from then on.
    #[must_use]
    pub fn with_new_key(mut self, now: Timestamp, entropy: &dyn Entropy) -> Self {
        let version = self
            .0
            .last()
            .map_or(1, |key| key.info.version.saturating_add(1));
        let info = DataKeyInfo {
            version,
            created_at: now,
        };
        self.0.push(DataKey {
            info,
            bytes: Zeroizing::new(entropy::bytes(entropy)),
        });
        self
    }

    /// Reads the secret's text. A ring without keys is one that has not begun.
    pub fn from_secret(text: &str) -> Result<Self, DataKeyError> {
        let stored: StoredRing = serde_json::from_str(text).map_err(|_| DataKeyError::Malformed)?;
        let key = |stored: StoredKey| {
            let bytes = Zeroizing::new(digest::decode(&stored.key).ok_or(DataKeyError::Malformed)?);
            let bytes = bytes
                .as_slice()
                .try_into()
                .map_err(|_| DataKeyError::Malformed)?;
            let info = DataKeyInfo {
                version: stored.version,
                created_at: stored.created_at,
            };
            Ok(DataKey {
                info,
                bytes: Zeroizing::new(bytes),
            })
        };
        let keys: Vec<_> = stored.keys.into_iter().map(key).collect::<Result<_, _>>()?;
        let rising = keys
            .iter()
            .zip(keys.iter().skip(1))
            .all(|(one, next)| one.info.version < next.info.version);
        if rising {
            Ok(Self(keys))
        } else {
            Err(DataKeyError::Malformed)
        }
    }

    /// The secret's text.
    ///
    /// # Errors
    /// [`DataKeyError::Malformed`] if it cannot be written.
    pub fn to_secret(&self) -> Result<Zeroizing<String>, DataKeyError> {
        let stored = |key: &DataKey| StoredKey {
            version: key.info.version,
            key: digest::encode(key.bytes.as_slice()),
            created_at: key.info.created_at,
        };
        let ring = StoredRing {
            keys: self.0.iter().map(stored).collect(),
        };
        serde_json::to_string(&ring)
            .map(Zeroizing::new)
            .map_err(|_| DataKeyError::Malformed)
    }

    /// What may be known of the keys, oldest first.
    pub fn infos(&self) -> impl Iterator<Item = &DataKeyInfo> {
        self.0.iter().map(|key| &key.info)
    }

    /// Encrypts `plain` under the newest key, bound to `place`.
    ///
    /// # Errors
    /// [`DataKeyError::Malformed`] for an empty ring.
    pub fn seal(
        &self,
        plain: &[u8],
        place: &[u8],
        entropy: &dyn Entropy,
    ) -> Result<Vec<u8>, DataKeyError> {
        let key = self.0.last().ok_or(DataKeyError::Malformed)?;
        let version = key.info.version.to_be_bytes();
        let nonce = entropy::bytes::<NONCE_LEN>(entropy);
        let mut sealed = plain.to_vec();
        key.cipher()?
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                associated(version, place),
                &mut sealed,
            )
            .map_err(|_| DataKeyError::Broken)?;
        Ok([&version[..], &nonce, &sealed].concat())
    }

    /// Opens what [`Self::seal`] made for `place`.
    pub fn open(&self, envelope: &[u8], place: &[u8]) -> Result<Zeroizing<Vec<u8>>, DataKeyError> {
        let (version, rest) = envelope
            .split_first_chunk::<VERSION>()
            .ok_or(DataKeyError::Broken)?;
        let (nonce, sealed) = rest
            .split_first_chunk::<NONCE_LEN>()
            .ok_or(DataKeyError::Broken)?;
        let number = u32::from_be_bytes(*version);
        let key = self
            .0
            .iter()
            .find(|key| key.info.version == number)
            .ok_or(DataKeyError::UnknownVersion)?;
        let mut plain = Zeroizing::new(sealed.to_vec());
        let opened = key
            .cipher()?
            .open_in_place(
                Nonce::assume_unique_for_key(*nonce),
                associated(*version, place),
                &mut plain,
            )
            .map_err(|_| DataKeyError::Broken)?
            .len();
        plain.truncate(opened);
        Ok(plain)
    }
}

impl DataKey {
    fn cipher(&self) -> Result<LessSafeKey, DataKeyError> {
        let key = UnboundKey::new(&AES_256_GCM, self.bytes.as_slice())
            .map_err(|_| DataKeyError::Malformed)?;
        Ok(LessSafeKey::new(key))
    }
}

fn associated(version: [u8; VERSION], place: &[u8]) -> Aad<Vec<u8>> {
    Aad::from([&version[..], place].concat())
}

/// Shows the versions.
impl fmt::Debug for DataRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|key| key.info.version))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ground::entropy::{OsEntropy, SeededEntropy};
    use std::collections::BTreeSet;

    const PLACE: &[u8] = b"user/provider/access_token";

    fn ring() -> DataRing {
        DataRing::generate(Timestamp::EPOCH, &SeededEntropy::new(1))
    }

    #[test]
    fn what_was_sealed_opens_also_after_a_rotation_and_a_round_through_the_secret() {
        let sealed = ring().seal(b"secret", PLACE, &OsEntropy).expect("sealed");
        let rotated = ring().with_new_key(Timestamp::EPOCH, &SeededEntropy::new(2));
        let read = DataRing::from_secret(&rotated.to_secret().expect("text")).expect("a ring");
        assert_eq!(
            read.open(&sealed, PLACE).expect("opened").as_slice(),
            b"secret"
        );
        let newer = read.seal(b"secret", PLACE, &OsEntropy).expect("sealed");
        assert_eq!(
            (&sealed[..4], &newer[..4]),
            (&[0, 0, 0, 1][..], &[0, 0, 0, 2][..])
        );
        assert_eq!(
            ring().open(&newer, PLACE),
            Err(DataKeyError::UnknownVersion)
        );
    }

    #[test]
    fn equal_plaintexts_differ_and_no_nonce_comes_twice() {
        // KR-10
        let ring = ring();
        let nonces: BTreeSet<_> = (0..10_000)
            .map(|_| ring.seal(b"same", PLACE, &OsEntropy).expect("sealed")[4..16].to_vec())
            .collect();
        assert_eq!(nonces.len(), 10_000);
    }

    #[test]
    fn any_flipped_bit_any_cut_and_any_other_place_is_a_clean_error() {
        // KR-12
        let ring = ring();
        let sealed = ring.seal(b"secret", PLACE, &OsEntropy).expect("sealed");
        for index in 0..sealed.len() {
            for bit in 0..8 {
                let mut broken = sealed.clone();
                broken[index] ^= 1 << bit;
                assert!(
                    ring.open(&broken, PLACE).is_err(),
                    "bit {bit} of byte {index}"
                );
            }
            assert!(ring.open(&sealed[..index], PLACE).is_err(), "{index} bytes");
        }
        assert_eq!(ring.open(&sealed, b"elsewhere"), Err(DataKeyError::Broken));
    }

    #[test]
    fn a_malformed_ring_is_refused() {
        let key = "A".repeat(43);
        let twice = format!(
            r#"{{"keys":[{{"version":1,"key":"{key}","created_at":0}},{{"version":1,"key":"{key}","created_at":0}}]}}"#
        );
        for text in [
            "",
            "{}",
            r#"{"keys":[{"version":1,"key":"AAAA","created_at":0}]}"#,
            twice.as_str(),
        ] {
            assert_eq!(
                DataRing::from_secret(text).err(),
                Some(DataKeyError::Malformed),
                "{text}"
            );
        }
    }

    #[test]
    fn a_ring_shows_no_key() {
        let ring = ring();
        let secret = ring.to_secret().expect("text");
        let key = secret
            .split('"')
            .find(|part| part.len() == 43)
            .expect("a key");
        assert!(!format!("{ring:?}").contains(key));
    }
}
