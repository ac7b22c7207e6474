//! Tokens: access tokens (JWT), refresh tokens and mailed tokens (opaque), and the keys behind them.
//!
//! A token exists in clear only in the answer or mail that hands it out; everything stored is a hash.

mod access;
mod keys;
mod mailed;
mod refresh;

pub use access::{AccessTokenError, Claims, PresentedAccessToken};
pub use keys::{KeyError, PublicKey, SecurityRecord, SigningKey, SigningRing};
pub use mailed::{MailPurpose, MailedToken};
pub use refresh::{Family, RefreshToken};
