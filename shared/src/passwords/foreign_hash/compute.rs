//! Comparing a password with a hash of another service. Argon2 is computed where our own hashes are: it wants memory that is
//! kept.

use std::num::NonZeroU32;
use std::str::FromStr as _;

use argon2::Params;
use argon2::password_hash::phc::PasswordHash;
use aws_lc_rs::cipher::{AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::pbkdf2;
use bcrypt::HashParts;
use zeroize::Zeroizing;

use super::stored::{Function, Prf};
use crate::ground::digest;
use crate::passwords::HashError;

/// bcrypt looks at no more bytes.
const BCRYPT_BYTES: usize = 72;

/// The cost of a bcrypt hash, if it is one.
pub(super) fn bcrypt_cost(hash: &str) -> Option<u32> {
    let is_known = ["$2a$", "$2b$", "$2y$"]
        .iter()
        .any(|kind| hash.starts_with(kind));
    is_known
        .then(|| HashParts::from_str(hash).ok().map(|parts| parts.get_cost()))
        .flatten()
}

/// Memory in KiB and passes of an Argon2 hash, if it is one.
pub(super) fn argon2_cost(hash: &str) -> Option<(u64, u64)> {
    let params = Params::try_from(&PasswordHash::new(hash).ok()?).ok()?;
    Some((params.m_cost().into(), params.t_cost().into()))
}

impl Function {
    /// Whether the function makes this hash of the password.
    ///
    /// The whole work is done whatever the password is, also for one that bcrypt would cut.
    ///
    /// # Errors
    /// [`HashError`] for a hash that cannot be computed, and for Argon2.
    pub(crate) fn matches(&self, password: &[u8]) -> Result<bool, HashError> {
        match self {
            Self::Argon2(_) => Err(HashError),
            Self::Bcrypt(hash) => {
                // A password of exactly 72 bytes is whole: bcrypt's closing NUL is what falls off.
                let (kept, cut) = password.split_at(password.len().min(BCRYPT_BYTES));
                bcrypt::verify(kept, hash)
                    .map(|is_right| is_right && cut.is_empty())
                    .map_err(|_| HashError)
            }
            Self::Pbkdf2 {
                prf,
                iterations,
                salt,
                hash,
            } => match NonZeroU32::new(*iterations) {
                Some(iterations) => {
                    Ok(pbkdf2::verify(algorithm(*prf), iterations, salt, password, hash).is_ok())
                }
                None => Err(HashError),
            },
            Self::Scrypt {
                log_n,
                r,
                p,
                salt,
                hash,
                is_key_stream,
            } => {
                let length = if *is_key_stream { 32 } else { hash.len() };
                scrypt(password, salt, (*log_n, *r, *p), length).and_then(|made| {
                    let made = if *is_key_stream {
                        key_stream(&made, hash.len())?
                    } else {
                        made
                    };
                    Ok(digest::equal(&made, hash))
                })
            }
        }
    }
}

const fn algorithm(prf: Prf) -> pbkdf2::Algorithm {
    match prf {
        Prf::Sha1 => pbkdf2::PBKDF2_HMAC_SHA1,
        Prf::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
        Prf::Sha512 => pbkdf2::PBKDF2_HMAC_SHA512,
    }
}

fn scrypt(
    password: &[u8],
    salt: &[u8],
    costs: (u8, u32, u32),
    length: usize,
) -> Result<Zeroizing<Vec<u8>>, HashError> {
    let (log_n, r, p) = costs;
    let params = scrypt::Params::new(log_n, r, p).map_err(|_| HashError)?;
    let mut made = Zeroizing::new(vec![0; length]);
    scrypt::scrypt(password, salt, &params, &mut made).map_err(|_| HashError)?;
    Ok(made)
}

/// The first bytes of AES-256-CTR's key stream, with a counter that begins at 0.
fn key_stream(key: &[u8], length: usize) -> Result<Zeroizing<Vec<u8>>, HashError> {
    let key = UnboundCipherKey::new(&AES_256, key)
        .and_then(EncryptingKey::ctr)
        .map_err(|_| HashError)?;
    let mut stream = Zeroizing::new(vec![0; length]);
    let begin = EncryptionContext::Iv128(FixedLength::from([0; 16]));
    key.less_safe_encrypt(&mut stream, begin)
        .map_err(|_| HashError)?;
    Ok(stream)
}
