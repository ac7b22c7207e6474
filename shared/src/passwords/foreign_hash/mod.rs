//! Password hashes of other services: which are taken, how they are stored until their owner logs in, and how a password is
//! compared with them.
//!
//! A hash is taken only if this service can compute it at a bearable cost and if it was a hindrance where it comes from:
//! every login of an imported account computes it until the first right one replaces it. Other systems write the same
//! function in many ways ([`read`]); stored is one form for each, so that a login meets five kinds and not twenty-five:
//!
//! ```text
//! $2b$12$…                                    bcrypt, as it came
//! $argon2id$v=19$m=19456,t=2,p=1$salt$hash    Argon2id and Argon2i, PHC
//! $pbkdf2-sha256$i=600000$salt$hash           PBKDF2 with HMAC of SHA-1, SHA-256 or SHA-512
//! $scrypt$ln=14,r=8,p=1$salt$hash             scrypt (RFC 7914)
//! $scrypt-ctr$ln=14,r=8,p=1$salt$stream       Firebase: scrypt makes an AES key, whose key stream is compared
//! ```
//!
//! Before it is the mark of what is done to the password first, if something is: `sha256-hex:$2b$…`.

mod compute;
mod firebase;
mod read;
mod stored;
mod text;

use std::fmt;

use crate::config::Argon2Config;

pub(crate) use stored::{Function, StoredHash};

/// Below it bcrypt is no hindrance any more, above it a login takes seconds.
const BCRYPT_COSTS: std::ops::RangeInclusive<u32> = 10..=14;
/// The same for PBKDF2. The least is what ASP.NET Core Identity uses, the most takes about a second.
const PBKDF2_ITERATIONS: std::ops::RangeInclusive<u32> = 10_000..=2_000_000;
/// The same for scrypt: the logarithm of N, with blocks of 8 or more.
const LEAST_SCRYPT: (u8, u32) = (14, 8);
/// The most memory of Argon2 and scrypt, that of Django: it must fit into a function of 1,024 MB beside everything else.
const MOST_MEMORY_KIB: u64 = 102_400;
/// The most work of Argon2 and scrypt, in KiB-passes: about ten times that of the default parameters.
const MOST_WORK: u64 = 393_216;
/// Shorter hashes are guessed by chance, shorter salts are shared.
const LEAST_HASH_BYTES: usize = 16;
const LEAST_SALT_BYTES: usize = 7;
/// Longer ones than any system makes; the account's item stays small.
const MOST_BYTES: usize = 64;

/// A password hash of another service. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct ForeignHash(String);

/// Why a hash is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ForeignHashError {
    /// Of no form that is known.
    #[error("the password hash is of no form that docs/importing-users.md names, or it is cut")]
    Unknown,
    /// Of a known form that is not computed here.
    #[error(
        "the password hash is {0}, which is not computed here: leave it out, and its owner sets a new password"
    )]
    Unsupported(&'static str),
    /// No obstacle to an attacker who has the file.
    #[error(
        "the password hash is {0}, which is too weak to keep: leave it out, and its owner sets a new password"
    )]
    Weak(&'static str),
    /// A cost outside of what is taken.
    #[error(
        "the cost of the password hash is out of bounds: bcrypt 10 to 14, Argon2 from 7 MiB in 5 passes to 64 MiB in 6 or 100 MiB in 3, \
         PBKDF2 10,000 to 2,000,000 iterations, scrypt from N=16384 and r=8 to 100 MiB"
    )]
    Cost,
}

impl ForeignHash {
    /// Reads a hash in any of the known forms; `None` for the marks of an unusable password (`!…` and `*…` of Django and
    /// of Unix).
    pub fn parse(text: &str) -> Result<Option<Self>, ForeignHashError> {
        if text.starts_with(['!', '*']) {
            return Ok(None);
        }
        let hash = read::any(text)?;
        if !is_whole(&hash.function) {
            return Err(ForeignHashError::Unknown);
        }
        if !is_bearable(&hash.function) {
            return Err(ForeignHashError::Cost);
        }
        Ok(Some(Self(hash.to_string())))
    }

    /// The form in which it is stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ForeignHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ForeignHash")
    }
}

/// Whether salt and hash have lengths that systems make.
fn is_whole(function: &Function) -> bool {
    match function {
        Function::Bcrypt(_) | Function::Argon2(_) => true,
        Function::Pbkdf2 { salt, hash, .. } | Function::Scrypt { salt, hash, .. } => {
            (LEAST_SALT_BYTES..=MOST_BYTES).contains(&salt.len())
                && (LEAST_HASH_BYTES..=MOST_BYTES).contains(&hash.len())
        }
    }
}

fn is_bearable(function: &Function) -> bool {
    let fits = |memory: u64, work: u64| memory <= MOST_MEMORY_KIB && work <= MOST_WORK;
    match function {
        Function::Bcrypt(hash) => {
            compute::bcrypt_cost(hash).is_some_and(|cost| BCRYPT_COSTS.contains(&cost))
        }
        Function::Argon2(hash) => compute::argon2_cost(hash).is_some_and(|(memory, passes)| {
            Argon2Config::is_deployable(memory, memory * passes) && fits(memory, memory * passes)
        }),
        Function::Pbkdf2 { iterations, .. } => PBKDF2_ITERATIONS.contains(iterations),
        Function::Scrypt { log_n, r, p, .. } => {
            let memory = 1_u64
                .checked_shl((*log_n).into())
                .unwrap_or(u64::MAX)
                .saturating_mul(u64::from(*r))
                / 8;
            (*log_n, *r) >= LEAST_SCRYPT
                && *r >= LEAST_SCRYPT.1
                && fits(memory, memory.saturating_mul((*p).into()))
        }
    }
}

#[cfg(test)]
mod tests;
