//! EMAIL: who has an address.
//!
//! The item makes an address unique and says what its user may claim: an unfinished registration reserves
//! nothing, a verified address belongs to its account, and a former address stays reserved for as long as its owner can take
//! the account back. An item that has expired and is still in the table counts as missing, so every condition compares `until`.

use serde::{Deserialize, Serialize};

use super::expression::Expression;
use super::schema::{Schema, Stored};
use super::{Store, StoreError, keys};
use crate::domain::{EmailAddress, FormerAddress, InvitationId, Timestamp, UserId};

/// What an address is to its user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AddressState {
    /// There is only an invitation.
    Invited,
    /// Registered once, and not verified yet.
    Registered,
    /// Registered with more than one password: who verifies it sets another one.
    Contested,
    /// Imported, and not verified yet.
    Imported,
    /// Verified.
    Verified,
    /// The account has moved to another address and can be taken back to this one.
    Former,
}

/// The EMAIL item. `Debug` shows neither hash nor address.
#[derive(Clone, Serialize, Deserialize)]
pub struct Address {
    /// Its user; `None` where there is only an invitation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    /// What it is to them.
    pub state: AddressState,
    /// When a registration or a claim ends; `None` for what has no end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// The hash of the only password that it was registered with: the same one again is the same registration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_hash: Option<String>,
    /// A former address as it was stored, since its USER item holds the present one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The newest invitation that was sent to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invitation: Option<InvitationId>,
}

impl Stored for Address {
    const SCHEMA: Schema = Schema::FIRST;
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Address")
            .field("user_id", &self.user_id)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// Who holds an address at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder<'a> {
    /// No user.
    Nobody,
    /// An unfinished registration, with the hash of its only password; `None` where it is contested.
    Registration(UserId, Option<&'a str>),
    /// An imported account whose address has not been verified.
    Import(UserId),
    /// The account whose present address it is.
    Account(UserId),
    /// The account that left it and can still be taken back.
    Former(UserId),
}

impl Address {
    /// Who holds the address at `now`.
    #[must_use]
    pub fn holder(&self, now: Timestamp) -> Holder<'_> {
        let Some(user) = self
            .user_id
            .filter(|_| self.until.is_none_or(|until| now < until))
        else {
            return Holder::Nobody;
        };
        match self.state {
            AddressState::Invited => Holder::Nobody,
            AddressState::Registered => Holder::Registration(user, self.password_hash.as_deref()),
            AddressState::Contested => Holder::Registration(user, None),
            AddressState::Imported => Holder::Import(user),
            AddressState::Verified => Holder::Account(user),
            AddressState::Former => Holder::Former(user),
        }
    }

    /// The user whose present address it is at `now`, verified or not.
    #[must_use]
    pub fn user(&self, now: Timestamp) -> Option<UserId> {
        match self.holder(now) {
            Holder::Nobody | Holder::Former(_) => None,
            Holder::Registration(user, _) | Holder::Import(user) | Holder::Account(user) => {
                Some(user)
            }
        }
    }
}

impl Store {
    /// The item of an address.
    pub async fn address(&self, email: &EmailAddress) -> Result<Option<Address>, StoreError> {
        self.read("address", keys::email(email)).await
    }

    /// The user whose present address it is, verified or not.
    pub async fn address_user(&self, email: &EmailAddress) -> Result<Option<UserId>, StoreError> {
        Ok(self
            .address(email)
            .await?
            .and_then(|address| address.user(self.now())))
    }

    /// A former address as it was stored; `None` if the account has no claim to it any more.
    pub async fn former_address(
        &self,
        user: UserId,
        former: &FormerAddress,
    ) -> Result<Option<String>, StoreError> {
        let found: Option<Address> = self
            .read("former_address", keys::email_of_key(&former.key))
            .await?;
        Ok(found
            .filter(|found| found.user_id == Some(user))
            .and_then(|found| found.email))
    }
}

/// The address is free: a registration may begin. What has expired counts as missing.
pub(super) const FREE: &str = "(attribute_not_exists(#user_id) OR #until <= :now)";

/// No user can claim the address: it may be verified for another user. An unverified registration or import never
/// keeps another user out.
pub(super) const PROVABLE: &str = "(attribute_not_exists(#user_id) OR #until <= :now OR #state IN (:registered, :contested, :imported))";

/// The address is verified for `user`, and every registration and invitation of it ends; if `condition` holds.
pub(super) fn verified(user: UserId, condition: &str) -> Expression {
    let update = "SET #user_id = :user, #state = :verified, #schema_version = :schema \
                  REMOVE #until, #password_hash, #email, #invitation, #ttl";
    Expression::update(update, condition)
        .value("user", user)
        .value("verified", AddressState::Verified)
        .value("schema", 1)
}

/// [`verified`] where [`PROVABLE`] holds at `now`.
pub(super) fn verified_if_provable(user: UserId, now: Timestamp) -> Expression {
    verified(user, PROVABLE)
        .value("now", now)
        .value("registered", AddressState::Registered)
        .value("contested", AddressState::Contested)
        .value("imported", AddressState::Imported)
}
