//! The answers to a breach response.

use super::{Code, Identifier as _, Problem};
use crate::audit_event::{Cause, Refusal};
use crate::breach::key_replacement::KeyChangeError;
use crate::breach::token_rotation::RotationError;
use crate::domain::UserId;
use crate::keys::KeysError;

impl From<RotationError> for Problem {
    fn from(error: RotationError) -> Self {
        match error {
            RotationError::UnknownUser(id) => unknown_user(id),
            RotationError::Unavailable => Self::later(),
            RotationError::Store(error) => error.into(),
        }
    }
}

impl From<KeyChangeError> for Problem {
    fn from(error: KeyChangeError) -> Self {
        let detail = error.to_string();
        match error {
            KeyChangeError::Pending { refusal, .. } | KeyChangeError::UnderWay(refusal) => {
                Self::new(Code::Conflict).detail(detail).refused(refusal)
            }
            KeyChangeError::Keys(error @ KeysError::Overtaken) => {
                Self::new(Code::Conflict).caused_by(error)
            }
            KeyChangeError::Keys(error) => error.into(),
            KeyChangeError::Store(error) => error.into(),
        }
    }
}

/// 404 for an account that there is not.
pub(crate) fn unknown_user(id: UserId) -> Problem {
    UserId::unknown().refused(Refusal::new(Cause::UnknownUser).text("target", id))
}
