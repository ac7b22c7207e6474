//! A forgotten password: the mail, and the new password that comes back with its token.
//!
//! The same link verifies an address whose owner must choose the password: a contested registration, an import, an address
//! that makes its owner an admin.

use std::sync::Arc;

use crate::accounts::verification::{
    invalid, is_good, move_entry, move_rows, owner_of, request_mail,
};
use crate::accounts::{LinkError, MAX_CLAIMS};
use crate::audit_event::Cause;
use crate::config::Config;
use crate::domain::{DisplayName, EmailAddress, Password, PasswordPolicy, User};
use crate::limits::{LimitError, Limiter};
use crate::passwords::PasswordHasher;
use crate::request::RequestMeta;
use crate::routes::{MailKind, Rule};
use crate::store::{Move, PasswordChange, Row, Store, StoreError, address_of};
use crate::tokens::{MailPurpose, MailedToken, SecurityRecord};

/// Recovers accounts.
#[derive(Clone)]
pub struct Recovery {
    store: Store,
    limiter: Limiter,
    config: Arc<Config>,
}

/// What is chosen with a reset link.
pub struct Choice<'a> {
    /// The new password.
    pub password: &'a Password,
    /// A name, where the account has none that its owner chose.
    pub name: Option<&'a DisplayName>,
    /// The rules that the password is held to.
    pub policy: PasswordPolicy,
}

/// What a reset link has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordSet {
    /// Another password for a verified account, whose sessions are ended.
    New,
    /// The first password of an account, whose address is verified with it.
    First,
    /// Another password together with another address.
    WithAddress,
}

/// What the presented token is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Good {
    /// A new password.
    Reset,
    /// A new password together with the pending address.
    Move,
}

impl Recovery {
    /// A recovery over `store`.
    #[must_use]
    pub const fn new(store: Store, limiter: Limiter, config: Arc<Config>) -> Self {
        Self {
            store,
            limiter,
            config,
        }
    }

    /// Sends a reset mail, if the address is known.
    ///
    /// # Errors
    /// [`LimitError`].
    pub async fn request(
        &self,
        meta: &RequestMeta,
        email: &EmailAddress,
    ) -> Result<(), LimitError> {
        self.limiter
            .admit_client(Rule::RequestPasswordReset, meta)
            .await?;
        Ok(request_mail(&self.store, meta, email, MailKind::PasswordReset).await?)
    }

    /// Sets the password of the account that `token` was mailed to, ends all its sessions, verifies its address and lifts its
    /// locks. It does not sign in. A refused password does not use the token up.
    ///
    /// # Errors
    /// [`LinkError`], also for a password built on the address.
    pub async fn reset(
        &self,
        meta: &RequestMeta,
        token: &str,
        choice: &Choice<'_>,
        hasher: &PasswordHasher,
    ) -> Result<PasswordSet, LinkError> {
        self.limiter.admit_client(Rule::ResetPassword, meta).await?;
        let token = MailedToken::parse(MailPurpose::Reset, token)
            .ok_or_else(|| invalid(Cause::MalformedToken, None))?;
        let (id, hash) = (token.user(), token.hash());
        let (user, security) = self.store.user_and_security(id).await?;
        let user = user.ok_or_else(|| invalid(Cause::UnknownToken, None))?;
        let good = self.judge(&user, &hash, &security)?;
        let address = match (good, &user.pending_email) {
            (Good::Move, Some(pending)) => pending,
            _ => &user.email,
        };
        let broken = choice.policy.check(choice.password, &[address]);
        if !broken.is_empty() {
            return Err(LinkError::NewPassword(broken));
        }
        let email = address_of(address)?;
        let password = hasher.hash(choice.password).await?;
        let done = match good {
            Good::Reset => {
                self.finish(meta, &user, &email, &hash, &password, choice.name)
                    .await?
            }
            Good::Move => {
                self.move_with_password(meta, &user, &email, &hash, &password)
                    .await?
            }
        };
        if done {
            Ok(match good {
                Good::Move => PasswordSet::WithAddress,
                Good::Reset if user.email_verified => PasswordSet::New,
                Good::Reset => PasswordSet::First,
            })
        } else {
            Err(invalid(Cause::SupersededToken, Some(id)))
        }
    }

    fn judge(&self, user: &User, hash: &str, security: &SecurityRecord) -> Result<Good, LinkError> {
        let now = self.store.now();
        let usable = user.is_active() && !user.has_lapsed(now);
        let [newest, prior, verify] = [
            user.pending_reset(),
            user.prior_reset(),
            user.pending_verification(),
        ];
        if usable && (is_good(newest, hash, security, now) || is_good(prior, hash, security, now)) {
            return Ok(Good::Reset);
        }
        let can_move = user.email_verified
            && user.pending_email.is_some()
            && user.claims(now).count() < MAX_CLAIMS;
        if usable && can_move && is_good(verify, hash, security, now) {
            return Ok(Good::Move);
        }
        let owner = [newest, prior, verify]
            .into_iter()
            .find_map(|pending| owner_of(pending, hash, user.id));
        Err(invalid(Cause::UnknownOrExpiredToken, owner))
    }

    async fn finish(
        &self,
        meta: &RequestMeta,
        user: &User,
        email: &EmailAddress,
        token: &str,
        hash: &str,
        name: Option<&DisplayName>,
    ) -> Result<bool, StoreError> {
        let entry = self.store.entry(meta).by_owner(user.id);
        let (entry, kind) = if user.email_verified {
            (entry, MailKind::PasswordSet)
        } else {
            (entry.reason(Cause::AddressVerified), MailKind::AccountReady)
        };
        let name = name
            .map(DisplayName::as_str)
            .filter(|_| !user.email_verified);
        let change = PasswordChange {
            user,
            email,
            hash,
            name,
        };
        let row = self
            .store
            .notice(&entry, kind, user)
            .asked_by(meta)
            .sweeping();
        // The reset raises the level, and the notice of it is of the new one.
        let row = Row {
            level: user.recovery_level + 1,
            ..row
        };
        self.store
            .reset_password(&change, token, &entry, &row)
            .await
    }

    async fn move_with_password(
        &self,
        meta: &RequestMeta,
        user: &User,
        to: &EmailAddress,
        token: &str,
        hash: &str,
    ) -> Result<bool, StoreError> {
        let from = address_of(&user.email)?;
        let entry = self.store.entry(meta).by_owner(user.id);
        let until = entry.occurred_at.plus(self.config.mail.notice_ttl);
        let change = Move {
            user,
            from: &from,
            to,
            token,
            until,
            password_hash: Some(hash),
        };
        let rows = move_rows(&self.store, meta, &entry, user);
        self.store
            .move_address(&change, &move_entry(entry, &change), &rows)
            .await
    }
}
