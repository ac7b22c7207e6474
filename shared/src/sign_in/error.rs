//! Why somebody does not get in, or does not stay.

use crate::audit_event::Refusal;
use crate::keys::KeysError;
use crate::limits::{Exceeded, LimitError};
use crate::passwords::proof::PasswordError;
use crate::store::StoreError;
use crate::tokens::AccessTokenError;

/// The password was verified too long ago.
#[derive(Debug, thiserror::Error)]
#[error("the password was verified too long ago")]
pub struct ReauthenticationRequired(pub Box<Refusal>);

/// Why an access token does not let its bearer in.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// It is not one of ours, or has expired.
    #[error(transparent)]
    Token(#[from] AccessTokenError),
    /// Its session has ended, or its account may not be used.
    #[error("the session has ended")]
    SessionEnded(Box<Refusal>),
    /// It was issued before a rotation.
    #[error("the access token was revoked")]
    Outdated(Box<Refusal>),
    /// Its bearer is no admin.
    #[error("only admins may do this")]
    NotAdmin(Box<Refusal>),
    /// Its bearer must verify the password first.
    #[error(transparent)]
    Reauthenticate(#[from] ReauthenticationRequired),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a session does not begin, go on or end.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// Too many calls.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// The password opens nothing.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The account is disabled.
    #[error("the account is disabled")]
    AccountDisabled(Box<Refusal>),
    /// The address is not verified.
    #[error("the email address is not verified")]
    EmailNotVerified(Box<Refusal>),
    /// The refresh token is malformed, or was stolen, which is recorded already.
    #[error("the refresh token is invalid")]
    InvalidRefreshToken,
    /// The refresh token is refused, and its client pays for it.
    #[error("the refresh token is refused")]
    RefusedRefreshToken(Box<Refusal>),
    /// The spent refresh token was retried too often.
    #[error(transparent)]
    RetriesUsedUp(Box<Exceeded>),
    /// The retry key is that of the refresh before.
    #[error("the retry key was used before")]
    ReusedRetryKey,
    /// The caller has no such session.
    #[error("there is no such session")]
    UnknownSession,
    /// The session was changed at the same time.
    #[error("the session was changed at the same time")]
    Conflict,
    /// Others kept changing the same sessions.
    #[error("too many changes of the same sessions")]
    Contended,
    /// There is no key to sign with.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
