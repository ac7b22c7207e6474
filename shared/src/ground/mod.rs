//! What everything else is built on: hashes, randomness, errors in one line. It knows nothing of this service.

pub mod digest;
pub mod entropy;
mod error_chain;
pub mod random_key;

pub use error_chain::error_chain;
