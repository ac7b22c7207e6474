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
//! | [`time`] | a moment, to the millisecond |

pub mod key;
pub mod level;
pub mod liveness;
pub mod time;
pub mod token;

pub use key::PublicKey;
pub use level::VersionLevel;
pub use liveness::{Liveness, SessionStamp};
pub use time::Timestamp;
pub use token::{AccessTokenError, Claims, PresentedAccessToken, Role};

/// base64url without padding (RFC 4648 section 5).
fn encode(data: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(data)
}

/// The bytes of base64url without padding; `None` for anything but the canonical form.
fn decode(text: &str) -> Option<Vec<u8>> {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).ok()
}
