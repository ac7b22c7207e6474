//! The form in which a hash is stored.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use icu_normalizer::ComposingNormalizer;
use zeroize::Zeroizing;

use crate::ground::digest;

/// A hash that a password can be compared with, of our own making or another's.
pub(crate) struct StoredHash {
    pub(crate) prehash: Prehash,
    pub(crate) function: Function,
}

/// What is done to a password before the function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Prehash {
    None,
    /// SHA-256 in lower-case hexadecimal, so that bcrypt cuts nothing: Django's `bcrypt_sha256`.
    Sha256Hex,
    /// HMAC-SHA-384 under `wp-sha384` of the trimmed password, in base64: `WordPress` 6.8.
    WordPress,
    /// Unicode's form NFKC: Better Auth.
    Nfkc,
}

/// The function that is computed, with its parameters and its result.
pub(crate) enum Function {
    /// As the crate reads it.
    Bcrypt(String),
    /// As the crate reads it.
    Argon2(String),
    Pbkdf2 {
        prf: Prf,
        iterations: u32,
        salt: Vec<u8>,
        hash: Vec<u8>,
    },
    Scrypt {
        log_n: u8,
        r: u32,
        p: u32,
        salt: Vec<u8>,
        hash: Vec<u8>,
        /// Whether the hash is the key stream of AES-256-CTR under what scrypt makes.
        is_key_stream: bool,
    },
}

/// The hash function of PBKDF2's HMAC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Prf {
    Sha1,
    Sha256,
    Sha512,
}

impl Prf {
    const ALL: [(Self, &'static str); 3] = [
        (Self::Sha1, "sha1"),
        (Self::Sha256, "sha256"),
        (Self::Sha512, "sha512"),
    ];

    /// By its name in small letters.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .find(|(_, known)| *known == name)
            .map(|(prf, _)| *prf)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }
}

impl Prehash {
    const MARKED: [(Self, &'static str); 3] = [
        (Self::Sha256Hex, "sha256-hex:"),
        (Self::WordPress, "wp-sha384:"),
        (Self::Nfkc, "nfkc:"),
    ];

    /// What the function is computed over.
    pub(crate) fn apply(self, password: &str) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(match self {
            Self::None => password.as_bytes().to_vec(),
            Self::Sha256Hex => digest::sha256(password.as_bytes())
                .iter()
                .flat_map(|byte| format!("{byte:02x}").into_bytes())
                .collect(),
            Self::WordPress => {
                let trimmed = password.trim_matches([' ', '\t', '\n', '\r', '\0', '\u{b}']);
                STANDARD
                    .encode(digest::hmac_sha384(b"wp-sha384", trimmed.as_bytes()))
                    .into_bytes()
            }
            Self::Nfkc => ComposingNormalizer::new_nfkc()
                .normalize(password)
                .as_bytes()
                .to_vec(),
        })
    }
}

impl StoredHash {
    /// Reads the stored form; `None` for any other.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let marked = Prehash::MARKED
            .iter()
            .find_map(|(prehash, mark)| Some((*prehash, text.strip_prefix(mark)?)));
        let (prehash, text) = marked.unwrap_or((Prehash::None, text));
        Some(Self {
            prehash,
            function: Function::parse(text)?,
        })
    }
}

impl Function {
    fn parse(text: &str) -> Option<Self> {
        if text.starts_with("$2") {
            return Some(Self::Bcrypt(text.to_owned()));
        }
        if text.starts_with("$argon2") {
            return Some(Self::Argon2(text.to_owned()));
        }
        let parts: Vec<&str> = text.split('$').collect();
        let ["", name, costs, salt, hash] = parts.as_slice() else {
            return None;
        };
        let (salt, hash) = (bytes(salt)?, bytes(hash)?);
        if let Some(prf) = name.strip_prefix("pbkdf2-") {
            let iterations = costs.strip_prefix("i=")?.parse().ok()?;
            return Some(Self::Pbkdf2 {
                prf: Prf::named(prf)?,
                iterations,
                salt,
                hash,
            });
        }
        let is_key_stream = match *name {
            "scrypt" => false,
            "scrypt-ctr" => true,
            _ => return None,
        };
        let cost = |name: &str| {
            costs
                .split(',')
                .find_map(|cost| cost.strip_prefix(name)?.strip_prefix('='))
        };
        let log_n = cost("ln")?.parse().ok()?;
        Some(Self::Scrypt {
            log_n,
            r: cost("r")?.parse().ok()?,
            p: cost("p")?.parse().ok()?,
            salt,
            hash,
            is_key_stream,
        })
    }
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    STANDARD_NO_PAD.decode(text).ok()
}

impl fmt::Display for StoredHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = Prehash::MARKED
            .iter()
            .find(|(prehash, _)| *prehash == self.prehash);
        f.write_str(mark.map_or("", |(_, mark)| *mark))?;
        let text = |bytes: &[u8]| STANDARD_NO_PAD.encode(bytes);
        match &self.function {
            Function::Bcrypt(hash) | Function::Argon2(hash) => f.write_str(hash),
            Function::Pbkdf2 {
                prf,
                iterations,
                salt,
                hash,
            } => {
                write!(
                    f,
                    "$pbkdf2-{}$i={iterations}${}${}",
                    prf.name(),
                    text(salt),
                    text(hash)
                )
            }
            Function::Scrypt {
                log_n,
                r,
                p,
                salt,
                hash,
                is_key_stream,
            } => {
                let name = if *is_key_stream {
                    "scrypt-ctr"
                } else {
                    "scrypt"
                };
                write!(
                    f,
                    "${name}$ln={log_n},r={r},p={p}${}${}",
                    text(salt),
                    text(hash)
                )
            }
        }
    }
}

pub(super) fn plain(function: Function) -> StoredHash {
    StoredHash {
        prehash: Prehash::None,
        function,
    }
}
