//! The answers about accounts.

use super::breach::unknown_user;
use super::{Code, FieldError, Identifier as _, Problem};
use crate::accounts::{AdminError, LinkError, ProfileError, RegistrationError};
use crate::domain::{FieldCode, InvitationId, PasswordRule};

impl From<RegistrationError> for Problem {
    fn from(error: RegistrationError) -> Self {
        let detail = error.to_string();
        match error {
            RegistrationError::Closed(refusal) => {
                Self::new(Code::Forbidden).detail(detail).refused(refusal)
            }
            RegistrationError::Contended => Self::later(),
            RegistrationError::Hash(error) => error.into(),
            RegistrationError::Limit(error) => error.into(),
            RegistrationError::Store(error) => error.into(),
        }
    }
}

impl From<LinkError> for Problem {
    fn from(error: LinkError) -> Self {
        match error {
            LinkError::Invalid(refusal) => Self::new(Code::InvalidOrExpiredToken).refused(refusal),
            LinkError::FirstPassword(rules) => broken("/password", &rules),
            LinkError::NewPassword(rules) => broken("/new_password", &rules),
            LinkError::Changed => Self::new(Code::Conflict).detail(error.to_string()),
            LinkError::Conflict => Self::new(Code::Conflict),
            LinkError::Contended => Self::later(),
            LinkError::Hash(error) => error.into(),
            LinkError::Limit(error) => error.into(),
            LinkError::Store(error) => error.into(),
        }
    }
}

impl From<ProfileError> for Problem {
    fn from(error: ProfileError) -> Self {
        let detail = error.to_string();
        match error {
            ProfileError::Reauthenticate(error) => error.into(),
            ProfileError::Password(error) => error.into(),
            ProfileError::SamePassword => Self::validation(vec![FieldError {
                pointer: "/new_password".to_owned(),
                code: FieldCode::SameAsCurrent,
                detail: "Must differ from the current password.".into(),
            }]),
            ProfileError::MovedTooOften { refusal, .. }
            | ProfileError::IsAdmin(refusal)
            | ProfileError::CanBeTakenBack { refusal, .. } => {
                Self::new(Code::Conflict).detail(detail).refused(refusal)
            }
            ProfileError::Conflict => Self::new(Code::Conflict),
            ProfileError::Keys(error) => error.into(),
            ProfileError::Limit(error) => error.into(),
            ProfileError::Store(error) => error.into(),
        }
    }
}

impl From<AdminError> for Problem {
    fn from(error: AdminError) -> Self {
        let detail = error.to_string();
        match error {
            AdminError::UnknownUser(id) => unknown_user(id),
            AdminError::UnknownInvitation => InvitationId::unknown(),
            AdminError::OwnAccount(refusal)
            | AdminError::LastAdmin(refusal)
            | AdminError::TakenAddress(refusal)
            | AdminError::ReservedAddress(refusal) => {
                Self::new(Code::Conflict).detail(detail).refused(refusal)
            }
            AdminError::AddressChanged => Self::new(Code::Conflict).detail(detail),
            AdminError::Conflict => Self::new(Code::Conflict),
            AdminError::Cursor(error) => error.into(),
            AdminError::NotBegun => Self::later(),
            AdminError::Store(error) => error.into(),
        }
    }
}

fn broken(pointer: &str, rules: &[PasswordRule]) -> Problem {
    let error = |rule: &PasswordRule| FieldError {
        pointer: pointer.to_owned(),
        code: rule.code(),
        detail: rule.detail(),
    };
    Problem::validation(rules.iter().map(error).collect())
}
