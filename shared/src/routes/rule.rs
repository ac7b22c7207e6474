//! The limited actions.

/// A limited action. Its name is part of the bucket's key and of `DASHTAM_RATE_LIMIT_<NAME>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// Logins by client address; a success gives its token back.
    Login,
    /// Registrations by client address.
    Register,
    /// Reset mails by client address.
    RequestPasswordReset,
    /// Verification mails by client address.
    ResendVerification,
    /// Verifications by client address.
    VerifyEmail,
    /// Resets by client address.
    ResetPassword,
    /// Refreshes by session.
    Refresh,
    /// Refresh tokens that are refused, by client address.
    RefusedTokens,
    /// Logouts that end nothing, by client address.
    Logout,
    /// The session endpoints together, by user.
    Sessions,
    /// Password changes by user.
    ChangePassword,
    /// Renewals of the password proof by user.
    Reauthenticate,
    /// Exports and erasures of the own account together, by user.
    PersonalData,
    /// Uses of "this wasn't me" links by client address.
    SecureAccount,
    /// Changes of name or address by user.
    Profile,
    /// Changes of address by user.
    AddressChange,
    /// Uses of invitations by client address.
    AcceptInvitation,
    /// Rotations of tokens and signing keys by the admin who asks.
    AdminRotations,
    /// Reads of the audit log and of the security configuration by admin.
    AdminReads,
    /// Pages of accounts and invitations by admin.
    AdminUsers,
    /// Accounts disabled, enabled or unlocked by admin.
    AdminAccounts,
    /// Invitations sent or withdrawn by admin.
    AdminInvitations,
    /// Registration mails by recipient.
    MailRegistration,
    /// Reset mails by recipient.
    MailReset,
    /// Mails that confirm a new address by account and recipient.
    MailAddressChange,
    /// Mails that confirm a new address by recipient, whatever account wants it.
    MailNewAddress,
    /// Invitation mails by recipient.
    MailInvitation,
    /// Notices that may be gathered by recipient.
    MailNotice,
    /// The endpoints of provider connections together, by user.
    ProviderConnections,
    /// Calls to a provider by user and provider.
    ProviderCalls,
}

impl Rule {
    /// All rules.
    pub const ALL: [Self; 30] = [
        Self::Login,
        Self::Register,
        Self::RequestPasswordReset,
        Self::ResendVerification,
        Self::VerifyEmail,
        Self::ResetPassword,
        Self::Refresh,
        Self::RefusedTokens,
        Self::Logout,
        Self::Sessions,
        Self::ChangePassword,
        Self::Reauthenticate,
        Self::PersonalData,
        Self::SecureAccount,
        Self::Profile,
        Self::AddressChange,
        Self::AcceptInvitation,
        Self::AdminRotations,
        Self::AdminReads,
        Self::AdminUsers,
        Self::AdminAccounts,
        Self::AdminInvitations,
        Self::MailRegistration,
        Self::MailReset,
        Self::MailAddressChange,
        Self::MailNewAddress,
        Self::MailInvitation,
        Self::MailNotice,
        Self::ProviderConnections,
        Self::ProviderCalls,
    ];

    /// The rule's name in keys and in `RateLimit-Policy`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Register => "register",
            Self::RequestPasswordReset => "request-password-reset",
            Self::ResendVerification => "resend-verification",
            Self::VerifyEmail => "verify-email",
            Self::ResetPassword => "reset-password",
            Self::Refresh => "refresh",
            Self::RefusedTokens => "refused-tokens",
            Self::Logout => "logout",
            Self::Sessions => "sessions",
            Self::ChangePassword => "change-password",
            Self::Reauthenticate => "reauthenticate",
            Self::PersonalData => "personal-data",
            Self::SecureAccount => "secure-account",
            Self::Profile => "profile",
            Self::AddressChange => "address-change",
            Self::AcceptInvitation => "accept-invitation",
            Self::AdminRotations => "admin-rotations",
            Self::AdminReads => "admin-reads",
            Self::AdminUsers => "admin-users",
            Self::AdminAccounts => "admin-accounts",
            Self::AdminInvitations => "admin-invitations",
            Self::MailRegistration => "mail-registration",
            Self::MailReset => "mail-reset",
            Self::MailAddressChange => "mail-address-change",
            Self::MailNewAddress => "mail-new-address",
            Self::MailInvitation => "mail-invitation",
            Self::MailNotice => "mail-notice",
            Self::ProviderConnections => "provider-connections",
            Self::ProviderCalls => "provider-calls",
        }
    }

    pub(crate) const fn default(self) -> &'static str {
        match self {
            Self::Login => "20/5",
            Self::Register => "10/2",
            Self::RequestPasswordReset | Self::ResendVerification => "5/0.2",
            Self::AddressChange
            | Self::MailRegistration
            | Self::MailReset
            | Self::MailAddressChange
            | Self::MailInvitation
            | Self::MailNotice => "3/0.1",
            Self::VerifyEmail
            | Self::ResetPassword
            | Self::SecureAccount
            | Self::AcceptInvitation => "20/10",
            Self::Profile | Self::AdminUsers | Self::AdminAccounts => "30/10",
            Self::AdminInvitations => "20/1",
            Self::Refresh | Self::RefusedTokens | Self::Logout => "30/30",
            Self::Sessions | Self::AdminReads => "60/60",
            Self::ChangePassword | Self::PersonalData => "5/0.33",
            Self::Reauthenticate => "10/5",
            Self::AdminRotations => "10/1",
            Self::MailNewAddress => "12/0.3",
            Self::ProviderConnections | Self::ProviderCalls => "100/100",
        }
    }

    pub(crate) const fn meaning(self) -> &'static str {
        match self {
            Self::Login => "logins per client address; a success gives its token back",
            Self::Register => "registrations per client address",
            Self::RequestPasswordReset => "reset requests per client address",
            Self::ResendVerification => "requests for a new verification mail per client address",
            Self::VerifyEmail => "verifications per client address",
            Self::ResetPassword => "resets per client address",
            Self::Refresh => "refreshes per session",
            Self::RefusedTokens => "refused refresh tokens per client address",
            Self::Logout => "logouts that end nothing, per client address",
            Self::Sessions => "calls of the session endpoints per user",
            Self::ChangePassword => "password changes per user",
            Self::Reauthenticate => "renewals of the password proof per user",
            Self::PersonalData => "exports and erasures of the own account per user",
            Self::SecureAccount => "uses of \"this wasn't me\" links per client address",
            Self::Profile => "changes of name or address per user",
            Self::AddressChange => "changes of address per user",
            Self::AcceptInvitation => "uses of invitations per client address",
            Self::AdminRotations => "rotations of tokens and signing keys per admin",
            Self::AdminReads => "reads of the audit log and the security configuration per admin",
            Self::AdminUsers => "pages of accounts and invitations per admin",
            Self::AdminAccounts => "accounts disabled, enabled or unlocked per admin",
            Self::AdminInvitations => "invitations sent or withdrawn per admin",
            Self::MailRegistration => {
                "registration mails per recipient; over it none is sent, and the answer stays the same"
            }
            Self::MailReset => "reset mails per recipient; over it none is sent while a link lives",
            Self::MailAddressChange => {
                "mails that confirm a new address per account and recipient; over it none is sent"
            }
            Self::MailNewAddress => {
                "mails that confirm a new address per recipient, from all accounts together; over it none is sent"
            }
            Self::MailInvitation => "invitation mails per recipient",
            Self::MailNotice => {
                "notices per recipient; those over it are gathered into one mail an hour"
            }
            Self::ProviderConnections => "calls of the provider endpoints per user",
            Self::ProviderCalls => "calls to a provider per user and provider",
        }
    }
}
