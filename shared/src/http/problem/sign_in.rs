//! The answers of signing in and of access tokens.

use super::{Code, FieldError, Identifier as _, Problem};
use crate::domain::{FieldCode, SessionId};
use crate::keys::KeysError;
use crate::sign_in::{AccessError, ReauthenticationRequired, SignInError};
use crate::tokens::AccessTokenError;

const RETRIES_USED_UP: &str = "The spent refresh token was sent too often. Use the newer one that another call got; without it, \
     repeat the call after `Retry-After` with the `retry_key` of the refresh. Without a key that would end the session.";

impl From<AccessError> for Problem {
    fn from(error: AccessError) -> Self {
        match error {
            AccessError::Token(AccessTokenError::Invalid) => Self::new(Code::InvalidToken),
            AccessError::Token(AccessTokenError::Expired) => Self::new(Code::TokenExpired),
            AccessError::SessionEnded(refusal) => Self::new(Code::SessionRevoked).refused(refusal),
            AccessError::Outdated(refusal) => Self::new(Code::TokenVersionTooOld).refused(refusal),
            AccessError::NotAdmin(refusal) => Self::insufficient_scope().refused(refusal),
            AccessError::Reauthenticate(error) => error.into(),
            AccessError::Store(error) => error.into(),
        }
    }
}

impl From<ReauthenticationRequired> for Problem {
    fn from(ReauthenticationRequired(refusal): ReauthenticationRequired) -> Self {
        Self::new(Code::ReauthenticationRequired).refused(refusal)
    }
}

impl From<SignInError> for Problem {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::Limit(error) => error.into(),
            SignInError::Password(error) => error.into(),
            SignInError::AccountDisabled(refusal) => {
                Self::new(Code::AccountDisabled).refused(refusal)
            }
            SignInError::EmailNotVerified(refusal) => {
                Self::new(Code::EmailNotVerified).refused(refusal)
            }
            SignInError::InvalidRefreshToken => Self::new(Code::InvalidRefreshToken),
            SignInError::RefusedRefreshToken(refusal) => {
                Self::new(Code::InvalidRefreshToken).refused(refusal)
            }
            SignInError::RetriesUsedUp(exceeded) => Self::from(*exceeded).detail(RETRIES_USED_UP),
            SignInError::ReusedRetryKey => Self::validation(vec![FieldError {
                pointer: "/retry_key".to_owned(),
                code: FieldCode::Reused,
                detail: "Was the key of the refresh before. Make a new one for each refresh."
                    .into(),
            }]),
            SignInError::UnknownSession => SessionId::unknown(),
            SignInError::Conflict => Self::new(Code::Conflict),
            SignInError::Contended => Self::later(),
            SignInError::Keys(error) => error.into(),
            SignInError::Store(error) => error.into(),
        }
    }
}

impl From<KeysError> for Problem {
    fn from(error: KeysError) -> Self {
        Self::unavailable(error)
    }
}
