//! What is done after a breach: revoke every token, replace the signing keys, end the sessions that are left.

pub mod key_replacement;
pub mod sweeper;
pub mod token_rotation;
