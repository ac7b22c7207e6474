//! Signing in and staying signed in: sessions, their tokens, and the callers that present them.

pub mod authentication;
pub mod authorizer;
mod error;
pub mod issuer;
pub mod login;
pub mod reauthentication;
pub mod refresh;
mod session_cap;
pub mod sessions;

pub use error::{AccessError, ReauthenticationRequired, SignInError};
