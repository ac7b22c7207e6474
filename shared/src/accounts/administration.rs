//! What admins do to accounts: find, disable, enable, unlock.

use std::sync::Arc;

use crate::accounts::AdminError;
use crate::audit_event::{Actor, Cause, Entry, Refusal};
use crate::config::Config;
use crate::domain::{EmailAddress, Reason, Role, User, UserId};
use crate::request::RequestMeta;
use crate::routes::MailKind;
use crate::sign_in::issuer::UserView;
use crate::store::{AdminChange, Erased, Store, StoreError, address_of};

/// Administers accounts.
#[derive(Clone)]
pub struct Administration {
    store: Store,
    config: Arc<Config>,
}

impl Administration {
    /// The accounts in `store`.
    #[must_use]
    pub const fn new(store: Store, config: Arc<Config>) -> Self {
        Self { store, config }
    }

    /// The tables.
    pub(crate) const fn store(&self) -> &Store {
        &self.store
    }

    /// The account that has an address, if there is one. The look is recorded.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find(
        &self,
        meta: &RequestMeta,
        actor: Actor<'_>,
        email: &EmailAddress,
    ) -> Result<Option<UserView>, StoreError> {
        let user = self.user_of(email).await?;
        let entry = actor.sign(self.store.entry(meta));
        let entry = match &user {
            Some(user) => entry.user(user.id),
            None => entry.reason(Cause::UnknownAddress),
        };
        self.store.record(&entry).await?;
        Ok(user.map(|user| UserView::new(&user, &self.config)))
    }

    /// The account that has an address, if there is one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn user_of(&self, email: &EmailAddress) -> Result<Option<User>, StoreError> {
        match self.store.address_user(email).await? {
            Some(user) => self.store.user(user).await,
            None => Ok(None),
        }
    }

    /// Disables an account and revokes every token of it. Doing it again does it again. `admin` is the caller as read, where
    /// it is an admin: of two admins who disable each other at the same time one stays.
    ///
    /// # Errors
    /// [`AdminError`], also for an admin's own account and for a caller who was changed concurrently.
    pub async fn disable(
        &self,
        meta: &RequestMeta,
        actor: Actor<'_>,
        admin: Option<&User>,
        user: UserId,
        reason: &Reason,
    ) -> Result<(), AdminError> {
        if actor.account() == Some(user) {
            let refusal = Refusal::new(Cause::OwnAccount).user(user);
            return Err(AdminError::OwnAccount(Box::new(refusal)));
        }
        let entry = self.entry(meta, actor, user, reason);
        let row = self.store.row(&entry, None, Some(user)).sweeping();
        let changed = self.store.disable_user(user, admin, &entry, &row).await?;
        judged(changed, user)
    }

    /// Enables a disabled account. Its old tokens stay revoked.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn enable(
        &self,
        meta: &RequestMeta,
        actor: Actor<'_>,
        user: UserId,
        reason: &Reason,
    ) -> Result<(), AdminError> {
        let done = self
            .store
            .enable_user(user, &self.entry(meta, actor, user, reason))
            .await?;
        if done {
            Ok(())
        } else {
            Err(AdminError::UnknownUser(user))
        }
    }

    /// Lifts the locks of an account.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn unlock(
        &self,
        meta: &RequestMeta,
        actor: Actor<'_>,
        user: UserId,
        reason: &Reason,
    ) -> Result<(), AdminError> {
        let found = self
            .store
            .user(user)
            .await?
            .ok_or(AdminError::UnknownUser(user))?;
        let email = address_of(&found.email)?;
        Ok(self
            .store
            .unlock(user, &email, &self.entry(meta, actor, user, reason))
            .await?)
    }

    /// Gives an account a role. It counts from the next request on: the token's own word on it decides nothing here. Where
    /// the admin role is revoked, `keeper` is the other admin who must still be one then.
    ///
    /// # Errors
    /// [`AdminError`], also if `keeper` is no admin any more.
    pub async fn set_role(
        &self,
        meta: &RequestMeta,
        actor: Actor<'_>,
        user: UserId,
        (role, keeper): (Role, Option<&User>),
        reason: &Reason,
    ) -> Result<(), AdminError> {
        let changed = self
            .store
            .set_role(user, role, keeper, &self.entry(meta, actor, user, reason))
            .await?;
        judged(changed, user)
    }

    /// Erases an account, an admin's as well, as [`Profile::erase`](crate::accounts::profile::Profile::erase) does. Where `keeper` is
    /// the admin who is left, it happens only while they are still one: two erasures at the same time would leave none.
    ///
    /// # Errors
    /// [`AdminError`], also if the account or the keeper was changed concurrently.
    pub async fn erase(
        &self,
        meta: &RequestMeta,
        actor: Actor<'_>,
        (user, keeper): (&User, Option<&User>),
        reason: &Reason,
    ) -> Result<(), AdminError> {
        let email = address_of(&user.email)?;
        // An unfinished registration may have lost its address to another user who has verified it.
        let has_address = self.store.address_user(&email).await? == Some(user.id);
        let entry = self.entry(meta, actor, user.id, reason);
        let erased = Erased {
            user,
            email: &email,
            has_address,
            keeper,
        };
        let mut rows = vec![self.store.farewell(&entry, user)];
        for claim in user.claims(entry.occurred_at) {
            if let Some(address) = self.store.former_address(user.id, claim).await? {
                rows.push(
                    self.store
                        .row(&entry, Some(MailKind::AccountErased), Some(user.id))
                        .mailed_to(&address),
                );
            }
        }
        if self.store.erase_user(&erased, &entry, &rows).await? {
            return Ok(());
        }
        let is_there = self.store.user(user.id).await?.is_some();
        Err(if is_there {
            AdminError::Conflict
        } else {
            AdminError::UnknownUser(user.id)
        })
    }

    /// Ends the claim of a former address of an account at once, for an owner who has left a mailbox that others read. Both
    /// addresses get a mail.
    ///
    /// # Errors
    /// [`AdminError`], also if the account has no such claim.
    pub async fn end_claim(
        &self,
        meta: &RequestMeta,
        actor: Actor<'_>,
        user: &User,
        former: &EmailAddress,
        reason: &Reason,
    ) -> Result<(), AdminError> {
        let key = former.fingerprint();
        let claim = user
            .claim_of(&key, self.store.now())
            .ok_or(AdminError::UnknownUser(user.id))?;
        let stored = self
            .store
            .former_address(user.id, claim)
            .await?
            .ok_or(AdminError::Conflict)?;
        let entry = self
            .entry(meta, actor, user.id, reason)
            .text("old_email", &key);
        let told = |address: &str| {
            self.store
                .row(&entry, Some(MailKind::AddressRemoved), Some(user.id))
                .mailed_to(address)
        };
        let rows = [
            told(&stored),
            self.store
                .row(&entry, Some(MailKind::ClaimEnded), Some(user.id))
                .mailed_to(&user.email)
                .sweeping(),
        ];
        let done = self.store.end_claim(user, &key, &entry, &rows).await?;
        if done {
            Ok(())
        } else {
            Err(AdminError::Conflict)
        }
    }

    fn entry(&self, meta: &RequestMeta, actor: Actor<'_>, user: UserId, reason: &Reason) -> Entry {
        actor.sign(self.store.entry(meta)).user(user).stated(reason)
    }
}

fn judged(changed: AdminChange, user: UserId) -> Result<(), AdminError> {
    match changed {
        AdminChange::Done => Ok(()),
        AdminChange::UnknownUser => Err(AdminError::UnknownUser(user)),
        AdminChange::NoOtherAdmin => {
            let refusal = Refusal::new(Cause::LastAdmin).user(user);
            Err(AdminError::LastAdmin(Box::new(refusal)))
        }
    }
}
