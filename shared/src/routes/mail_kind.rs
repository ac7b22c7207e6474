//! Which mails there are.

use serde::{Deserialize, Serialize};

/// A mail that is to be sent. What it says, and whether it is still wanted, is decided when it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailKind {
    /// Confirm the address of a registration, by a new link.
    Verification,
    /// The same registration was made again: the link that was mailed, again.
    RegistrationRepeated,
    /// More than one registration was made with the address, so its owner chooses name and password.
    RegistrationContested,
    /// An account waits for its owner to choose a password: an import, or an admin's registration.
    PasswordWanted,
    /// Another registration was made with the address of an account.
    AlreadyRegistered,
    /// Set a new password.
    PasswordReset,
    /// Confirm the new address; goes to that address.
    AddressChange,
    /// Confirm the new address and choose a password: the address makes its owner an admin.
    AddressChangeWithPassword,
    /// The address is about to change; goes to the present address.
    AddressChangeRequested,
    /// The address was changed; goes to the former addresses.
    AddressChanged,
    /// The address is wanted for something else while its owner can still take the account back; the link to do so, again.
    AddressReserved,
    /// The account was taken back to an earlier address, or the claim of this one was ended; goes to the row's own address.
    AddressRemoved,
    /// A former address can take the account back no more; goes to the row's own address.
    ClaimEnded,
    /// The password was changed in a session, which goes on.
    PasswordChanged,
    /// A password was set by a mailed link.
    PasswordSet,
    /// The first password was set by a mailed link, which verified the address.
    AccountReady,
    /// A spent refresh token was used again, so the session was ended.
    TheftDetected,
    /// A sign-in with a device that the account has not seen.
    NewDevice,
    /// A sign-in from a country that the account has not seen.
    NewCountry,
    /// All sessions were ended.
    AllSessionsEnded,
    /// Too many wrong passwords.
    AccountLocked,
    /// The account was erased; goes to the row's own address.
    AccountErased,
    /// An admin invites the owner of an address.
    Invitation,
    /// Several notices of an hour in one mail.
    Digest,
}

impl MailKind {
    /// All of them.
    pub const ALL: [Self; 24] = [
        Self::Verification,
        Self::RegistrationRepeated,
        Self::RegistrationContested,
        Self::PasswordWanted,
        Self::AlreadyRegistered,
        Self::PasswordReset,
        Self::AddressChange,
        Self::AddressChangeWithPassword,
        Self::AddressChangeRequested,
        Self::AddressChanged,
        Self::AddressReserved,
        Self::AddressRemoved,
        Self::ClaimEnded,
        Self::PasswordChanged,
        Self::PasswordSet,
        Self::AccountReady,
        Self::TheftDetected,
        Self::NewDevice,
        Self::NewCountry,
        Self::AllSessionsEnded,
        Self::AccountLocked,
        Self::AccountErased,
        Self::Invitation,
        Self::Digest,
    ];

    /// What a digest may gather, the most serious first.
    pub const GATHERED: [Self; 6] = [
        Self::NewDevice,
        Self::NewCountry,
        Self::AllSessionsEnded,
        Self::AccountLocked,
        Self::AddressReserved,
        Self::AlreadyRegistered,
    ];

    /// Whether the link of a mail of this kind takes the account back.
    #[must_use]
    pub const fn can_secure(self) -> bool {
        self.is_notice() || matches!(self, Self::AddressReserved)
    }

    /// Whether it tells of an event, with a "this wasn't me" link.
    #[must_use]
    pub const fn is_notice(self) -> bool {
        matches!(
            self,
            Self::AddressChangeRequested
                | Self::AddressChanged
                | Self::PasswordChanged
                | Self::PasswordSet
                | Self::AccountReady
                | Self::TheftDetected
                | Self::NewDevice
                | Self::NewCountry
                | Self::AllSessionsEnded
                | Self::AccountLocked
                | Self::Digest
        )
    }
}
