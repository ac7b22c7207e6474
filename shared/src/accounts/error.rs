//! Why an account is not made, changed or shown. What is a whole sentence is for people: answers and the operator's command
//! repeat it.

use crate::accounts::MAX_CLAIMS;
use crate::audit_event::Refusal;
use crate::domain::{PasswordRule, Timestamp, UserId};
use crate::keys::KeysError;
use crate::limits::LimitError;
use crate::passwords::HashError;
use crate::passwords::proof::PasswordError;
use crate::sign_in::ReauthenticationRequired;
use crate::store::StoreError;
use crate::tokens::CursorError;

/// Why nobody registers.
#[derive(Debug, thiserror::Error)]
pub enum RegistrationError {
    /// Registration is closed.
    #[error("Registration is closed. Ask the operator for an invitation.")]
    Closed(Box<Refusal>),
    /// Others kept registering the same address.
    #[error("too many registrations of the same address")]
    Contended,
    /// The password could not be hashed.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// Too many calls.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a mailed link does not do what it is for.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// It is unknown, used or expired, which is one answer; the audit trail has the reason.
    #[error("the link is unknown, used or expired")]
    Invalid(Box<Refusal>),
    /// The first password of an account breaks these rules.
    #[error("the password breaks rules")]
    FirstPassword(Vec<PasswordRule>),
    /// Another password of an account breaks these rules.
    #[error("the new password breaks rules")]
    NewPassword(Vec<PasswordRule>),
    /// The account was changed while it was to be taken back.
    #[error("The account was changed at the same time. Press the button again.")]
    Changed,
    /// The account was changed while it was read.
    #[error("the account was changed at the same time")]
    Conflict,
    /// Others kept changing the same address.
    #[error("too many changes of the same address")]
    Contended,
    /// The password could not be hashed.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// Too many calls.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why users do not change, get or erase their own account.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// The password must be verified again first.
    #[error(transparent)]
    Reauthenticate(#[from] ReauthenticationRequired),
    /// The password opens nothing.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The new password is the current one.
    #[error("the new password is the current one")]
    SamePassword,
    /// No earlier address is ever forgotten for a later one, so the moves are bounded.
    #[error("The email address was changed {MAX_CLAIMS} times recently. It can be changed again after {until}.", MAX_CLAIMS = MAX_CLAIMS)]
    MovedTooOften {
        /// When the earliest move is forgotten.
        until: Timestamp,
        /// What the audit trail is told.
        refusal: Box<Refusal>,
    },
    /// The last admin could lock everybody out, and of two who leave at once each would be the other's reason.
    #[error(
        "An admin's account is not erased: the last admin could lock everybody out. Have the role taken away first."
    )]
    IsAdmin(Box<Refusal>),
    /// An erased account could not be taken back, and who moved it away from its owner must not be able to bring that about.
    #[error(
        "A former email address of this account can take it back until {until}. Try again after that."
    )]
    CanBeTakenBack {
        /// When the last claim ends.
        until: Timestamp,
        /// What the audit trail is told.
        refusal: Box<Refusal>,
    },
    /// The account was changed at the same time.
    #[error("the account was changed at the same time")]
    Conflict,
    /// There is no key to sign with.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// Too many calls.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why admins and operators do not find, change or invite.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// There is no such user.
    #[error("There is no such user.")]
    UnknownUser(UserId),
    /// There is no such invitation.
    #[error("There is no such invitation. It may have been used or withdrawn, or it has expired.")]
    UnknownInvitation,
    /// It is the admin's own account.
    #[error(
        "An admin cannot disable their own account: the last admin could not undo it. Ask another admin or the operator."
    )]
    OwnAccount(Box<Refusal>),
    /// Nobody else might be left who is an admin.
    #[error(
        "The admin who would be left was changed at the same time, and might be disabled or no admin any more."
    )]
    LastAdmin(Box<Refusal>),
    /// The address is another account's.
    #[error("This email address already has an account.")]
    TakenAddress(Box<Refusal>),
    /// The address belongs to the user who can take its account back; they get the link to do so again.
    #[error(
        "This email address belonged to an account until recently, and its owner can still take the account back."
    )]
    ReservedAddress(Box<Refusal>),
    /// The address was changed while it was invited.
    #[error("The address was changed at the same time. Try again.")]
    AddressChanged,
    /// The account was changed at the same time.
    #[error("the account was changed at the same time")]
    Conflict,
    /// The cursor is not the caller's, or not this list's.
    #[error(transparent)]
    Cursor(#[from] CursorError),
    /// The first start has not been.
    #[error("the service has not begun")]
    NotBegun,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
