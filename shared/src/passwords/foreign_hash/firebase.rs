//! Firebase's scrypt, as `firebase auth:export` and two libraries write it.

use super::ForeignHashError::Unknown;
use super::stored::plain;
use super::stored::{Function, StoredHash};
use super::text::{Read, base64, cost, parts, small};

/// `$fbscrypt$v=1,n=14,r=8,p=1,ss=separator,sk=signer key$salt$hash`: Supabase's form of Firebase's hash, with the project's
/// parameters in it.
pub(super) fn fbscrypt(text: &str) -> Read<StoredHash> {
    let ["", _, costs, salt, hash] = parts::<5>(text)? else {
        return Err(Unknown);
    };
    let member = |name: &str| {
        costs
            .split(',')
            .find_map(|cost| cost.strip_prefix(name)?.strip_prefix('='))
            .ok_or(Unknown)
    };
    let costs = (cost(costs, "n")?, cost(costs, "r")?, cost(costs, "p")?);
    firebase(costs, salt, hash, member("ss")?, member("sk")?)
}

/// `$firescrypt$ln=14,r=8,p=1$salt$hash$separator$signer key`: the same in Ory Kratos.
pub(super) fn firescrypt(text: &str) -> Read<StoredHash> {
    let ["", _, costs, salt, hash, separator, signer_key] = parts::<7>(text)? else {
        return Err(Unknown);
    };
    firebase(
        (cost(costs, "ln")?, cost(costs, "r")?, cost(costs, "p")?),
        salt,
        hash,
        separator,
        signer_key,
    )
}

/// Firebase encrypts a key of the project, the same for all, under what scrypt makes of the password. What is stored is the
/// key stream alone: the project's key is in no account, and the item stays small.
fn firebase(
    costs: (u64, u64, u64),
    salt: &str,
    hash: &str,
    separator: &str,
    signer_key: &str,
) -> Read<StoredHash> {
    let (hash, signer_key) = (base64(hash)?, base64(signer_key)?);
    if hash.len() != signer_key.len() {
        return Err(Unknown);
    }
    let stream = hash
        .iter()
        .zip(&signer_key)
        .map(|(one, other)| one ^ other)
        .take(32)
        .collect();
    let salt = [base64(salt)?, base64(separator)?].concat();
    let log_n = u8::try_from(costs.0).map_err(|_| Unknown)?;
    Ok(plain(Function::Scrypt {
        log_n,
        r: small(costs.1)?,
        p: small(costs.2)?,
        salt,
        hash: stream,
        is_key_stream: true,
    }))
}
