//! Why something was refused, or what led to it, as records say it.

use std::borrow::Cow;

/// Why something was refused, or what led to it. The names stand in records, which are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::Display, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Cause {
    /// The account is disabled.
    AccountDisabled,
    /// The account was erased while its password was compared.
    AccountErased,
    /// A new key has come into use.
    Activated,
    /// The present address called a change of address off.
    AddressChangeCalledOff,
    /// The account is to move to another address.
    AddressChangeRequested,
    /// The account moved to another address.
    AddressChanged,
    /// The account went back to a former address.
    AddressTakenBack,
    /// A mailed link verified the address.
    AddressVerified,
    /// A former address can still take the account back.
    CanBeTakenBack,
    /// The address was registered again with another password.
    ContestedAddress,
    /// The address is not verified.
    EmailNotVerified,
    /// The session has expired.
    Expired,
    /// The link has expired.
    ExpiredToken,
    /// The identifier is or was another account's.
    IdTaken,
    /// The address was imported and wants a password.
    ImportedAddress,
    /// The account is an admin's.
    IsAdmin,
    /// Nobody else might be left who is an admin.
    LastAdmin,
    /// There were too many wrong passwords.
    Locked,
    /// The link has no token in its form.
    MalformedToken,
    /// The account has moved too often.
    MovedTooOften,
    /// The caller is no admin.
    NotAnAdmin,
    /// A rotation could not be begun.
    NotBegun,
    /// The address must be verified with a new password.
    NotByConfirmation,
    /// It is the admin's own account.
    OwnAccount,
    /// The new address is the present one.
    PresentAddress,
    /// A new key is published.
    Published,
    /// There were too many calls.
    RateLimited,
    /// The password was verified too long ago.
    ReauthenticationRequired,
    /// The account was recovered after the link was mailed.
    RecoveredSince,
    /// A spent refresh token was presented again: it was stolen.
    RefreshTokenReused,
    /// Registration is closed.
    RegistrationClosed,
    /// The address was registered again with the same password.
    RepeatedRegistration,
    /// The address can still take an account back.
    ReservedAddress,
    /// A refresh was retried after the grace.
    Retried,
    /// Another rotation has not ended.
    RotationPending,
    /// Copies of the security record were made equal.
    SecurityCopies,
    /// The user has more sessions than the cap allows.
    SessionCap,
    /// The session has ended.
    SessionEnded,
    /// Another request was faster, or the link was replaced.
    SupersededToken,
    /// The address has an account.
    TakenAddress,
    /// The access token was issued before a rotation.
    TokenRejectedDueToRotation,
    /// The session began before a rotation.
    TokenVersionTooOld,
    /// The address has no account.
    UnknownAddress,
    /// There is no such invitation.
    UnknownInvitation,
    /// The link is unknown or has expired.
    UnknownOrExpiredToken,
    /// The token is unknown.
    UnknownToken,
    /// There is no such account.
    UnknownUser,
    /// The password is wrong.
    WrongPassword,
    /// The password is wrong, and once too often.
    WrongPasswordLocks,
    /// What an admin was answered, where nobody has declared more: the name of the answer's code.
    #[strum(transparent)]
    Answered(&'static str),
}

impl From<Cause> for Cow<'static, str> {
    fn from(cause: Cause) -> Self {
        Self::Borrowed(cause.into())
    }
}
