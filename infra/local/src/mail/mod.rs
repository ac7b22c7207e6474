//! The mail that the local run catches instead of sending: shown at `/_local`, and removed when its account is gone.

mod page;
pub mod retention;
#[cfg(test)]
mod tests;
mod web;

pub use self::web::router;
