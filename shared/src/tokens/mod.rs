//! Tokens: access tokens (JWT), refresh tokens, mailed tokens and cursors (opaque), and the keys behind them.
//!
//! A token exists in clear only in the answer or mail that hands it out; everything stored is a hash.

mod cursor;
mod data;
mod keys;
mod mailed;
mod notice;
mod refresh;
mod security;

pub use cursor::{CursorError, CursorScope, Cursors, PresentedCursor};
pub use dashtam_verify::{AccessTokenError, Claims, PresentedAccessToken, PublicKey};
pub use data::{DataKeyError, DataKeyInfo, DataRing};
pub use keys::{KeyError, SigningKey, SigningRing};
pub use mailed::{MailPurpose, MailedToken};
pub use notice::NoticeToken;
pub use refresh::{Family, RefreshToken};
pub use security::{KeyState, NextKey, SecurityRecord};
