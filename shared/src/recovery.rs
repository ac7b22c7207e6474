//! A forgotten password: the mail, and the new password that comes back with its token.

use crate::config::Rule;
use crate::domain::{EmailAddress, Password, PasswordPolicy};
use crate::http::{Fields, Problem};
use crate::limits::Limiter;
use crate::passwords::PasswordHasher;
use crate::request::RequestMeta;
use crate::store::{MailKind, PasswordChange, Store};
use crate::tokens::{MailPurpose, MailedToken};
use crate::verification::{address_of, invalid, is_good, request_mail};

/// Recovers accounts.
#[derive(Clone)]
pub struct Recovery {
    store: Store,
    limiter: Limiter,
}

impl Recovery {
    /// A recovery over `store`.
    #[must_use]
    pub const fn new(store: Store, limiter: Limiter) -> Self {
        Self { store, limiter }
    }

    /// Sends a reset mail, if the address is known.
    ///
    /// # Errors
    /// 429, 503.
    pub async fn request(&self, meta: &RequestMeta, email: &EmailAddress) -> Result<(), Problem> {
        self.limiter.admit_client(Rule::RequestPasswordReset, meta).await?;
        self.limiter.admit_address(Rule::MailAddress, email).await?;
        request_mail(&self.store, meta, email, MailKind::PasswordReset).await
    }

    /// Sets `password` for the account that `token` was mailed to, ends all its sessions, proves its address and lifts its
    /// lock. It does not sign in. A refused password does not use the token up.
    ///
    /// # Errors
    /// 400 for a token that is unknown, used or expired; 422 for a password built on the address; 429; 503.
    pub async fn reset(
        &self,
        meta: &RequestMeta,
        token: &str,
        password: &Password,
        policy: PasswordPolicy,
        hasher: &PasswordHasher,
    ) -> Result<(), Problem> {
        self.limiter.admit_client(Rule::ResetPassword, meta).await?;
        let token = MailedToken::parse(MailPurpose::Reset, token).ok_or_else(|| invalid("malformed_token", None))?;
        let (id, token) = (token.user(), token.hash());
        let (user, security) = self.store.user_and_security(id).await?;
        let user = user.ok_or_else(|| invalid("unknown_token", None))?;
        if !is_good(user.pending_reset(), &token, &security, self.store.now()) || !user.is_active() {
            return Err(invalid("unknown_or_expired_token", Some(id)));
        }
        let mut fields = Fields::empty();
        fields.check_password("new_password", Some(password), policy, Some(&user.email));
        fields.complete(Some(()))?;
        let email = address_of(&user.email)?;
        let hash = hasher.hash(password).await.map_err(Problem::unavailable)?;
        let entry = self.store.entry(meta).by_owner(id);
        let change = PasswordChange { user: &user, email: &email, hash: &hash, now: entry.occurred_at };
        let row = self.store.row(Some(MailKind::PasswordChanged), Some(id)).asked_by(meta).sweeping();
        let done = self.store.reset_password(&change, &token, &entry, &row).await?;
        if done { Ok(()) } else { Err(invalid("overtaken", Some(id))) }
    }
}
