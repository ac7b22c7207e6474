//! Accounts that come from elsewhere, with what they bring along.
//!
//! A password hash is taken only if this service can check a password against it at a bearable cost: what an import lets in
//! is computed by every login of that account until the first right one replaces it.

use std::fmt;
use std::str::FromStr as _;

use argon2::Params;
use argon2::password_hash::phc::PasswordHash;
use bcrypt::HashParts;

use crate::administration::Administration;
use crate::config::Argon2Config;
use crate::domain::{DisplayName, EmailAddress, Proof, Reason, Status, Timestamp, User, UserId};
use crate::entropy;
use crate::http::Problem;
use crate::registration::NOBODY;
use crate::request::RequestMeta;
use crate::rotations::Actor;
use crate::store::{Admitted, MailKind, NO_PASSWORD};

/// Below it bcrypt is no hindrance any more, above it a login takes seconds.
const BCRYPT_COSTS: std::ops::RangeInclusive<u32> = 10..=14;
/// The most memory of Argon2id: it must fit into a function beside everything else.
const MOST_MEMORY_KIB: u64 = 65_536;
/// The most work of Argon2id, in KiB-passes: about ten times that of the default parameters.
const MOST_WORK: u64 = 393_216;

/// A password hash of another service. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct ForeignHash(String);

/// Why a hash is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ForeignHashError {
    /// Neither bcrypt nor Argon2id.
    #[error("the password hash is neither bcrypt ($2a$, $2b$, $2y$) nor Argon2id version 19 in PHC form")]
    Unknown,
    /// A cost outside of what is taken.
    #[error(
        "the cost of the password hash is out of bounds: bcrypt 10 to 14, Argon2id from 7 MiB in 5 passes to 64 MiB in 6"
    )]
    Cost,
}

impl ForeignHash {
    /// Reads a hash in modular crypt or PHC form.
    ///
    /// # Errors
    /// [`ForeignHashError`].
    pub fn parse(text: &str) -> Result<Self, ForeignHashError> {
        if ["$2a$", "$2b$", "$2y$"].iter().any(|kind| text.starts_with(kind)) {
            let cost = HashParts::from_str(text).map_err(|_| ForeignHashError::Unknown)?.get_cost();
            return if BCRYPT_COSTS.contains(&cost) { Ok(Self(text.to_owned())) } else { Err(ForeignHashError::Cost) };
        }
        let parsed = PasswordHash::new(text).map_err(|_| ForeignHashError::Unknown)?;
        let is_ours = parsed.algorithm.as_str() == "argon2id" && parsed.version == Some(19);
        if !is_ours || parsed.salt.is_none() || parsed.hash.is_none() {
            return Err(ForeignHashError::Unknown);
        }
        let params = Params::try_from(&parsed).map_err(|_| ForeignHashError::Unknown)?;
        let (memory, work) = (u64::from(params.m_cost()), u64::from(params.m_cost()) * u64::from(params.t_cost()));
        let is_bearable = Argon2Config::is_deployable(memory, work) && memory <= MOST_MEMORY_KIB && work <= MOST_WORK;
        if is_bearable { Ok(Self(text.to_owned())) } else { Err(ForeignHashError::Cost) }
    }
}

impl fmt::Debug for ForeignHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ForeignHash")
    }
}

/// Somebody with an account elsewhere.
#[derive(Debug, Clone)]
pub struct Newcomer {
    /// The identifier to keep; without one a new one is made.
    pub id: Option<UserId>,
    /// The address.
    pub email: EmailAddress,
    /// Whether the other service has proved it.
    pub email_verified: bool,
    /// The name.
    pub name: DisplayName,
    /// The password; without one only a reset lets somebody in.
    pub password: Option<ForeignHash>,
    /// Whether the account may be used.
    pub is_active: bool,
    /// When the account was made there.
    pub created_at: Option<Timestamp>,
}

impl Administration {
    /// Makes an account of a newcomer, in one write. Nobody gets a mail, and nobody becomes an admin.
    ///
    /// # Errors
    /// 503.
    pub async fn admit(
        &self,
        meta: &RequestMeta,
        actor: Actor<'_>,
        newcomer: &Newcomer,
        reason: &Reason,
    ) -> Result<Admitted, Problem> {
        // Unknown addresses are logged in to nobody's account: it must not be there.
        if newcomer.id == Some(NOBODY) {
            return Ok(Admitted::IdTaken);
        }
        let store = self.store();
        let id = newcomer.id.unwrap_or_else(|| UserId::new(entropy::uuid_v4(store.entropy())));
        let hash = newcomer.password.as_ref().map_or(NO_PASSWORD, |hash| hash.0.as_str());
        let now = store.now();
        let user = User {
            email_verified: newcomer.email_verified,
            proof: Proof::NewPassword,
            status: if newcomer.is_active { Status::Active } else { Status::Disabled },
            created_at: newcomer.created_at.unwrap_or(now).min(now),
            ..User::fresh(id, &newcomer.email, &newcomer.name, hash, now)
        };
        let entry = actor.sign(store.entry(meta)).user(id).reason(reason.as_str().to_owned());
        let admitted = store.admit_user(&user, &newcomer.email, &entry).await?;
        if let Admitted::AddressReserved(owner) = admitted {
            // Its owner can still take an account back to the address, and gets the link to do so again.
            let row = store.row(Some(MailKind::AddressReserved), Some(owner)).about(newcomer.email.fingerprint());
            let entry = actor.sign(store.entry(meta)).user(owner).reason("reserved_address");
            store.ask_for_mail(&row, &entry).await?;
        }
        Ok(admitted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BCRYPT: &str = "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW";
    const ARGON2: &str =
        "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$RdescudvJCsgt3ub+b4dWRWJTmaaJObGnsXvHk4lG4Q";

    #[test]
    fn hashes_that_can_be_checked_at_a_bearable_cost_are_taken() {
        for hash in [BCRYPT.to_owned(), BCRYPT.replace("$2b$12", "$2y$10"), ARGON2.to_owned()] {
            assert!(ForeignHash::parse(&hash).is_ok(), "{hash}");
        }
    }

    #[test]
    fn what_would_be_no_hindrance_or_burn_seconds_is_refused() {
        let costs = [BCRYPT.replace("$12$", "$09$"), BCRYPT.replace("$12$", "$15$"), BCRYPT.replace("$12$", "$31$")];
        let params = ["m=4096,t=3,p=1", "m=1048576,t=1,p=1", "m=65536,t=7,p=1", "m=7168,t=60,p=1"];
        let weights = params.map(|params| ARGON2.replace("m=19456,t=2,p=1", params));
        for hash in costs.iter().chain(&weights) {
            assert_eq!(ForeignHash::parse(hash), Err(ForeignHashError::Cost), "{hash}");
        }
    }

    #[test]
    fn other_kinds_and_cut_hashes_are_refused() {
        let argon2i = ARGON2.replace("argon2id", "argon2i");
        let old = ARGON2.replace("v=19", "v=16");
        let cut = BCRYPT.trim_end_matches("UW");
        let buggy = BCRYPT.replace("$2b$", "$2x$");
        for hash in [&argon2i, &old, cut, &buggy, "", "!", "5f4dcc3b5aa765d61d8327deb882cf99", "pbkdf2_sha256$1$a$b"] {
            assert_eq!(ForeignHash::parse(hash), Err(ForeignHashError::Unknown), "{hash}");
        }
    }

    #[test]
    fn a_hash_is_not_shown() {
        assert_eq!(format!("{:?}", ForeignHash::parse(BCRYPT)), "Ok(ForeignHash)");
    }
}
