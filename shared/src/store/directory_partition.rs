//! The partitions of the index that lists accounts and invitations.

use uuid::Uuid;

use crate::domain::UserId;
#[cfg(doc)]
use crate::routes::Index;

/// A partition of [`Index::ByDirectory`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Directory {
    /// The accounts whose identifier begins with this hexadecimal digit.
    Users(u8),
    /// The invitations.
    Invitations,
}

impl Directory {
    pub(super) fn partition(self) -> String {
        match self {
            Self::Users(digit) => format!("USERS#{digit:x}"),
            Self::Invitations => "INVITATIONS".to_owned(),
        }
    }

    /// The partition of an account.
    pub(super) fn of(user: UserId) -> Self {
        Self::Users(first_digit(user.uuid()))
    }

    /// The partitions of the accounts after `after`, in the order of their identifiers.
    pub(super) fn users_after(after: Option<Uuid>) -> Vec<Self> {
        (after.map_or(0, first_digit)..16)
            .map(Self::Users)
            .collect()
    }
}

fn first_digit(id: Uuid) -> u8 {
    id.as_bytes().first().map_or(0, |byte| byte >> 4)
}
