//! The answers of password checks.

use super::{Code, Problem};
use crate::passwords::HashError;
use crate::passwords::proof::PasswordError;

impl From<PasswordError> for Problem {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Locked { wait, refusal } => Self::new(Code::AccountLocked)
                .retry_after(wait)
                .refused(refusal),
            PasswordError::WrongCredentials(refusal) => {
                Self::new(Code::InvalidCredentials).refused(refusal)
            }
            PasswordError::WrongPassword(refusal) => Self::new(Code::InvalidCredentials)
                .detail("The password is wrong.")
                .refused(refusal),
            PasswordError::Hash(error) => error.into(),
            PasswordError::Store(error) => error.into(),
        }
    }
}

impl From<HashError> for Problem {
    fn from(error: HashError) -> Self {
        Self::unavailable(error)
    }
}
