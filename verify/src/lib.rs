//! Checks the access tokens of Dashtam Auth.
//!
//! An access token says who calls, in which session, and under which two version levels the session was begun. It is
//! good while one of the service's keys signed it, its times hold, both levels accept its versions, and its session is
//! live. This crate holds these rules once, for the service itself and for every other service that takes its tokens:
//!
//! | module | what it does |
//! |---|---|
//! | [`token`] | reads a token (RFC 9068) and checks signature and claims |
//! | [`key`] | the public keys that may verify |
//! | [`level`] | the version levels that make everything issued before worthless |
//! | [`liveness`] | whether a session still counts |
//! | [`time`], [`clock`] | a moment, to the millisecond, and who tells it |
//!
//! # Features
//!
//! None is on by default. Each adds to the `Verifier`, which is there with `tables` or `jwks`.
//!
//! | feature | what it adds | when a revocation is seen |
//! |---|---|---|
//! | `tables` | state and keys by one read of the service's own `DynamoDB` tables | at once, or within the bound that is set |
//! | `jwks` | keys by HTTPS from `/.well-known/jwks.json` | when the token expires |
//! | `axum` | `VerifiedCaller`, an extractor that refuses as the service itself does | |
//!
//! With `jwks` alone neither sessions nor version levels are seen: a token of a session that has ended is accepted until
//! its `exp`.

// Others build on this crate, so everything that they see is explained.
#![warn(missing_docs, clippy::missing_errors_doc, clippy::must_use_candidate)]

#[cfg(any(feature = "tables", feature = "jwks"))]
mod bearer;
#[cfg(any(feature = "tables", feature = "jwks"))]
mod builder;
#[cfg(feature = "tables")]
mod cache;
pub mod clock;
#[cfg(any(feature = "tables", feature = "jwks"))]
mod error;
#[cfg(all(feature = "axum", any(feature = "tables", feature = "jwks")))]
mod extract;
#[cfg(feature = "jwks")]
mod jwks;
pub mod key;
#[cfg(feature = "jwks")]
mod key_set;
pub mod level;
pub mod liveness;
#[cfg(feature = "tables")]
mod state;
#[cfg(feature = "tables")]
mod tables;
pub mod time;
pub mod token;
#[cfg(any(feature = "tables", feature = "jwks"))]
mod verifier;

#[cfg(any(feature = "tables", feature = "jwks"))]
pub use bearer::bearer_token;
#[cfg(any(feature = "tables", feature = "jwks"))]
pub use builder::{Builder, MAX_STALENESS};
pub use clock::{Clock, MockClock, SystemClock};
#[cfg(any(feature = "tables", feature = "jwks"))]
pub use error::{SettingsError, Unavailable, VerifyError};
#[cfg(all(feature = "axum", any(feature = "tables", feature = "jwks")))]
pub use extract::{Refused, VerifiedCaller};
pub use key::PublicKey;
pub use level::VersionLevel;
pub use liveness::{Liveness, SessionStamp};
pub use time::Timestamp;
pub use token::{AccessTokenError, Claims, PresentedAccessToken, Role};
#[cfg(any(feature = "tables", feature = "jwks"))]
pub use verifier::{Verified, Verifier};

/// The examples of the README, compiled.
#[cfg(all(doctest, feature = "tables", feature = "jwks", feature = "axum"))]
#[doc = include_str!("../README.md")]
struct Readme;

/// base64url without padding (RFC 4648 section 5).
fn encode(data: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(data)
}

/// The bytes of base64url without padding; `None` for anything but the canonical form.
fn decode(text: &str) -> Option<Vec<u8>> {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(text)
        .ok()
}
