//! The forms in which other systems write hashes.
//!
//! A form is recognised by its beginning. Where two systems write one name for different numbers (`$scrypt$ln=`), the number says
//! which: 2^64 blocks are impossible.

use argon2::password_hash::phc::PasswordHash;

use super::ForeignHashError::{Unknown, Unsupported, Weak};
use super::compute::bcrypt_cost;
use super::firebase::{fbscrypt, firescrypt};
use super::stored::{Function, Prehash, Prf, StoredHash, plain};
use super::text::{Read, base64, cost, hex, number, parts, small};

/// Spring Security's parameters since 5.8.
const SPRING_PBKDF2: (u32, usize) = (310_000, 16);

/// A hash in any form.
pub(super) fn any(text: &str) -> Read<StoredHash> {
    if let Some(rest) = text.strip_prefix('{') {
        let (scheme, hash) = rest.split_once('}').ok_or(Unknown)?;
        return braced(scheme, hash);
    }
    if text.starts_with('$') {
        return modular(text);
    }
    if let Some((name, rest)) = text.split_once('$') {
        return if name.contains(':') {
            werkzeug(name, rest)
        } else {
            django(name, rest)
        };
    }
    if let Some((salt, hash)) = text.split_once(':') {
        return better_auth(salt, hash);
    }
    if text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(Weak("a plain MD5"));
    }
    asp_net(text)
}

/// `$…$`: the modular crypt format and PHC strings.
fn modular(text: &str) -> Read<StoredHash> {
    let kind = text.split('$').nth(1).unwrap_or_default();
    match kind {
        "2a" | "2b" | "2y" => bcrypt(text, Prehash::None),
        "argon2id" | "argon2i" => argon2(text),
        "argon2d" => Err(Unsupported("Argon2d")),
        "wp" => bcrypt(text.strip_prefix("$wp").ok_or(Unknown)?, Prehash::WordPress),
        "scrypt" => phc_scrypt(text),
        "fbscrypt" => fbscrypt(text),
        "firescrypt" => firescrypt(text),
        "P" | "H" => Err(Weak("phpass (MD5)")),
        "1" | "apr1" => Err(Weak("MD5-crypt")),
        "5" | "6" => Err(Unsupported("SHA-crypt ($5$ or $6$)")),
        "y" => Err(Unsupported("yescrypt")),
        _ if kind.starts_with("pbkdf2") => phc_pbkdf2(text),
        _ => Err(Unknown),
    }
}

fn bcrypt(text: &str, prehash: Prehash) -> Read<StoredHash> {
    bcrypt_cost(text).ok_or(Unknown)?;
    Ok(StoredHash {
        prehash,
        function: Function::Bcrypt(text.to_owned()),
    })
}

fn argon2(text: &str) -> Read<StoredHash> {
    let parsed = PasswordHash::new(text).map_err(|_| Unknown)?;
    let is_whole = parsed.version == Some(19) && parsed.salt.is_some() && parsed.hash.is_some();
    if is_whole {
        Ok(plain(Function::Argon2(text.to_owned())))
    } else {
        Err(Unknown)
    }
}

/// `{scheme}hash`: Spring Security's and LDAP's.
fn braced(scheme: &str, hash: &str) -> Read<StoredHash> {
    let (scheme, spring) = scheme
        .split_once('@')
        .map_or((scheme, None), |(scheme, version)| (scheme, Some(version)));
    match (scheme.to_ascii_lowercase().as_str(), spring) {
        ("bcrypt" | "crypt" | "argon2", _) => any(hash),
        ("pbkdf2", Some("SpringSecurity_v5_8")) => {
            let (iterations, salt_length) = SPRING_PBKDF2;
            let bytes = hex(hash)?;
            let (salt, hash) = bytes.split_at_checked(salt_length).ok_or(Unknown)?;
            Ok(plain(Function::Pbkdf2 {
                prf: Prf::Sha256,
                iterations,
                salt: salt.to_vec(),
                hash: hash.to_vec(),
            }))
        }
        ("scrypt", Some(_)) => spring_scrypt(hash),
        ("pbkdf2", None) if hash.contains('$') => phc_pbkdf2(&format!("$pbkdf2${hash}")),
        ("pbkdf2" | "scrypt", _) => Err(Unsupported("of a version of Spring Security before 5.8")),
        ("pbkdf2-sha1" | "pbkdf2-sha256" | "pbkdf2-sha512", None) => {
            phc_pbkdf2(&format!("${}${hash}", scheme.to_ascii_lowercase()))
        }
        ("ssha" | "sha" | "smd5" | "md5", _) => Err(Weak("salted or plain SHA-1 or MD5")),
        ("ssha256" | "ssha384" | "ssha512" | "sha256" | "sha512" | "mda" | "md4", _) => {
            Err(Weak("a single round of a hash function"))
        }
        ("noop" | "cleartext" | "clear", _) => Err(Weak("the password itself")),
        _ => Err(Unknown),
    }
}

/// `$100801$salt$hash`: the costs in hexadecimal.
fn spring_scrypt(text: &str) -> Read<StoredHash> {
    let ["", costs, salt, hash] = parts::<4>(text)? else {
        return Err(Unknown);
    };
    let [.., log_n, r, p] = u32::from_str_radix(costs, 16)
        .map_err(|_| Unknown)?
        .to_be_bytes();
    let (salt, hash) = (base64(salt)?, base64(hash)?);
    Ok(plain(Function::Scrypt {
        log_n,
        r: r.into(),
        p: p.into(),
        salt,
        hash,
        is_key_stream: false,
    }))
}

/// `algorithm$…`: Django's `auth_user.password`.
fn django(name: &str, rest: &str) -> Read<StoredHash> {
    match name {
        "bcrypt" => any(rest),
        "bcrypt_sha256" => bcrypt(rest, Prehash::Sha256Hex),
        "argon2" => modular(&format!("${rest}")),
        "pbkdf2_sha256" | "pbkdf2_sha1" => {
            let [iterations, salt, hash] = parts::<3>(rest)?;
            let prf = Prf::named(name.trim_start_matches("pbkdf2_")).ok_or(Unknown)?;
            Ok(plain(Function::Pbkdf2 {
                prf,
                iterations: number(iterations)?,
                salt: salt.as_bytes().to_vec(),
                hash: base64(hash)?,
            }))
        }
        "scrypt" => {
            let [n, salt, r, p, hash] = parts::<5>(rest)?;
            scrypt(
                number(n)?,
                number(r)?,
                number(p)?,
                salt.as_bytes().to_vec(),
                base64(hash)?,
            )
        }
        "md5" | "sha1" | "unsalted_md5" | "unsalted_sha1" => {
            Err(Weak("a single round of a hash function"))
        }
        _ => Err(Unknown),
    }
}

/// `scrypt:N:r:p$salt$hash` and `pbkdf2:hash:iterations$salt$hash`: Werkzeug's, with the salt as text.
fn werkzeug(method: &str, rest: &str) -> Read<StoredHash> {
    let [salt, hash] = parts::<2>(rest)?;
    let (salt, hash) = (salt.as_bytes().to_vec(), hex(hash)?);
    let method: Vec<&str> = method.split(':').collect();
    match method.as_slice() {
        ["scrypt", n, r, p] => scrypt(number(n)?, number(r)?, number(p)?, salt, hash),
        ["pbkdf2", prf, iterations] => {
            let prf = Prf::named(prf).ok_or(Unknown)?;
            Ok(plain(Function::Pbkdf2 {
                prf,
                iterations: number(iterations)?,
                salt,
                hash,
            }))
        }
        _ => Err(Unknown),
    }
}

/// `$pbkdf2-sha256$29000$salt$hash` (passlib, LDAP; `$pbkdf2$` with SHA-1) and `$pbkdf2-sha256$i=29000,l=32$salt$hash` (Kratos).
fn phc_pbkdf2(text: &str) -> Read<StoredHash> {
    let ["", name, costs, salt, hash] = parts::<5>(text)? else {
        return Err(Unknown);
    };
    let prf = name.strip_prefix("pbkdf2").ok_or(Unknown)?;
    let prf = Prf::named(prf.strip_prefix('-').unwrap_or("sha1")).ok_or(Unknown)?;
    let iterations = costs.split(',').next().unwrap_or_default();
    let iterations = number(iterations.strip_prefix("i=").unwrap_or(iterations))?;
    Ok(plain(Function::Pbkdf2 {
        prf,
        iterations,
        salt: base64(salt)?,
        hash: base64(hash)?,
    }))
}

/// `$scrypt$ln=16,r=8,p=1$salt$hash`, where `ln` is a logarithm (passlib) or N itself (Kratos).
fn phc_scrypt(text: &str) -> Read<StoredHash> {
    let ["", _, costs, salt, hash] = parts::<5>(text)? else {
        return Err(Unknown);
    };
    let ln = cost(costs, "ln")?;
    let n = if ln < 64 {
        1_u64
            .checked_shl(u32::try_from(ln).map_err(|_| Unknown)?)
            .ok_or(Unknown)?
    } else {
        ln
    };
    scrypt(
        n,
        small(cost(costs, "r")?)?,
        small(cost(costs, "p")?)?,
        base64(salt)?,
        base64(hash)?,
    )
}

fn scrypt(n: u64, r: u32, p: u32, salt: Vec<u8>, hash: Vec<u8>) -> Read<StoredHash> {
    if !n.is_power_of_two() {
        return Err(Unknown);
    }
    let log_n = u8::try_from(n.trailing_zeros()).map_err(|_| Unknown)?;
    Ok(plain(Function::Scrypt {
        log_n,
        r,
        p,
        salt,
        hash,
        is_key_stream: false,
    }))
}

/// `salt:key` in hexadecimal: Better Auth, whose salt is the hexadecimal text itself.
fn better_auth(salt: &str, hash: &str) -> Read<StoredHash> {
    let hash = hex(hash)?;
    hex(salt)?;
    let salt = salt.as_bytes().to_vec();
    Ok(StoredHash {
        prehash: Prehash::Nfkc,
        ..scrypt(16_384, 16, 1, salt, hash)?
    })
}

/// Base64 of a version, its parameters, salt and hash: ASP.NET Identity.
fn asp_net(text: &str) -> Read<StoredHash> {
    let bytes = base64(text)?;
    match bytes.as_slice() {
        [0, rest @ ..] if rest.len() == 48 => Err(Weak("of ASP.NET Identity 2 (1,000 iterations)")),
        [1, rest @ ..] => {
            let (prf, rest) = rest.split_first_chunk::<4>().ok_or(Unknown)?;
            let (iterations, rest) = rest.split_first_chunk::<4>().ok_or(Unknown)?;
            let (salt_length, rest) = rest.split_first_chunk::<4>().ok_or(Unknown)?;
            let salt_length =
                usize::try_from(u32::from_be_bytes(*salt_length)).map_err(|_| Unknown)?;
            let (salt, hash) = rest.split_at_checked(salt_length).ok_or(Unknown)?;
            let prf = match u32::from_be_bytes(*prf) {
                0 => Prf::Sha1,
                1 => Prf::Sha256,
                2 => Prf::Sha512,
                _ => return Err(Unknown),
            };
            let iterations = u32::from_be_bytes(*iterations);
            Ok(plain(Function::Pbkdf2 {
                prf,
                iterations,
                salt: salt.to_vec(),
                hash: hash.to_vec(),
            }))
        }
        _ => Err(Unknown),
    }
}
