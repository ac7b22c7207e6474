//! Accounts, from registration to erasure.

pub mod administration;
pub mod directory;
pub mod export;
pub mod import;
pub mod invitations;
pub mod profile;
pub mod recovery;
pub mod registration;
pub mod secure_account;
pub mod verification;
