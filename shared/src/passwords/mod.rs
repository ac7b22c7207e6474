//! Passwords: how they are hashed, compared and locked, and which hashes of other services are accepted.

pub mod foreign_hash;
mod hasher;
pub mod proof;

pub use hasher::*;
