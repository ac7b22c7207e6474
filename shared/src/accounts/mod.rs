//! Accounts, from registration to erasure.

pub mod administration;
pub mod directory;
mod error;
pub mod export;
pub mod import;
pub mod invitations;
pub mod profile;
pub mod recovery;
pub mod registration;
pub mod secure_account;
pub mod verification;

pub use error::{AdminError, LinkError, ProfileError, RegistrationError};

/// So many former addresses can take an account back; with one more the earliest would have to be dropped.
pub(crate) const MAX_CLAIMS: usize = 3;
