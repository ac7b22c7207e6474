//! Who pays for a mail: the one place where recipients are charged.
//!
//! Every mail that a request can cause pays from the bucket of its recipient for its purpose, whatever asked for it. A request
//! never sees that bucket, so no answer shows whether an address is known, and no client can spend the bucket of another recipient: over
//! the limit nothing is sent while a link that does the same still lives, and what has no live link yet is sent all the same.
//! A change of address has nothing of the kind: several accounts may want one address, and each has its own link. So each
//! account has a bucket of its own for each recipient, and the one that all share is larger than what one account can spend.
//! `docs/rate-limits.md` lists every mail.

use crate::domain::{NOBODY, UserId};
use crate::limits::Limiter;
use crate::routes::{MailKind, Rule};
use crate::store::StoreError;

/// A mail that may be sent; nothing else makes one, and without one nothing is sent.
#[derive(Debug)]
pub struct Postage(());

/// What a kind of mail costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Price {
    /// A token of the recipient's bucket; over the limit it is dropped.
    Charged(Rule),
    /// A token of the bucket that the account has for this recipient, then one of the recipient's own, which all accounts
    /// share; over either limit it is dropped.
    ChargedByAccount {
        /// The bucket of account and recipient.
        own: Rule,
        /// The bucket of the recipient.
        shared: Rule,
    },
    /// A token of the recipient's bucket; over the limit it joins the hour's digest.
    Gathered(Rule),
    /// Nothing: the change that it reports has its own bucket, or happens once.
    Free,
}

impl MailKind {
    /// What it costs.
    #[must_use]
    pub const fn price(self) -> Price {
        match self {
            Self::Verification
            | Self::RegistrationRepeated
            | Self::RegistrationContested
            | Self::PasswordWanted => Price::Charged(Rule::MailRegistration),
            Self::PasswordReset => Price::Charged(Rule::MailReset),
            Self::AddressChange | Self::AddressChangeWithPassword => Price::ChargedByAccount {
                own: Rule::MailAddressChange,
                shared: Rule::MailNewAddress,
            },
            Self::Invitation => Price::Charged(Rule::MailInvitation),
            Self::NewDevice
            | Self::NewCountry
            | Self::AccountLocked
            | Self::AllSessionsEnded
            | Self::AlreadyRegistered
            | Self::AddressReserved => Price::Gathered(Rule::MailNotice),
            Self::AddressChangeRequested
            | Self::AddressChanged
            | Self::AddressRemoved
            | Self::ClaimEnded
            | Self::PasswordChanged
            | Self::PasswordSet
            | Self::AccountReady
            | Self::TheftDetected
            | Self::AccountErased
            | Self::Digest => Price::Free,
        }
    }
}

/// Charges recipients.
#[derive(Clone)]
pub struct PostOffice {
    limiter: Limiter,
}

impl PostOffice {
    /// The buckets behind `limiter`.
    #[must_use]
    pub const fn new(limiter: Limiter) -> Self {
        Self { limiter }
    }

    /// Postage for a mail of `kind` about `account` to the address with this fingerprint; `None` over the limit. With
    /// `must_send` a mail over the limit is sent all the same.
    ///
    /// # Errors
    /// [`StoreError`] if the bucket cannot be reached.
    pub async fn charge(
        &self,
        kind: MailKind,
        (recipient, account): (&str, Option<UserId>),
        must_send: bool,
    ) -> Result<Option<Postage>, StoreError> {
        let admitted = match kind.price() {
            Price::Free => true,
            Price::Charged(rule) | Price::Gathered(rule) => {
                self.limiter.admit_recipient(rule, recipient).await?
            }
            Price::ChargedByAccount { own, shared } => {
                let account = account.unwrap_or(NOBODY);
                let pair = format!("{recipient}#{account}");
                self.limiter.admit_recipient(own, &pair).await?
                    && self.limiter.admit_recipient(shared, recipient).await?
            }
        };
        Ok((admitted || must_send).then_some(Postage(())))
    }

    /// Postage for a row that was charged before its delivery failed.
    #[must_use]
    pub const fn paid_before(&self) -> Postage {
        Postage(())
    }
}
