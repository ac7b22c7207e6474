//! "This wasn't me": the owner of an account takes it back by the link in a notice.
//!
//! Every session ends, no password is right any more, a waiting change of address is off, and a reset is mailed. If the
//! notice told of a changed address, the account first gets the old one back: the notice went there, and so does the
//! reset. The link works once, for a week, whatever else has happened to the account in between.

use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use crate::config::Rule;
use crate::domain::{EmailAddress, User};
use crate::http::{Code, Problem};
use crate::limits::Limiter;
use crate::request::RequestMeta;
use crate::store::{MailKind, Rescue, Row, Store};
use crate::tokens::NoticeToken;
use crate::verification::{address_of, invalid};

/// Gives accounts back.
#[derive(Clone)]
pub struct Rescuer {
    store: Store,
    limiter: Limiter,
    key: Arc<SecretString>,
    life: Duration,
}

/// How it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rescued {
    /// The account is its owner's, and a reset is on its way.
    Done,
    /// The link was used before, and did it then.
    Before,
}

impl Rescuer {
    /// A rescuer of the accounts in `store`, by links that were made under `key` and live for `life`.
    #[must_use]
    pub fn new(store: Store, limiter: Limiter, key: SecretString, life: Duration) -> Self {
        Self { store, limiter, key: Arc::new(key), life }
    }

    /// Takes the account back that `token` was mailed to the owner of.
    ///
    /// # Errors
    /// 400 for a token that is unknown or expired, 409 if the former address belongs to somebody else now, 429, 503.
    pub async fn rescue(&self, meta: &RequestMeta, token: &str) -> Result<Rescued, Problem> {
        self.limiter.admit_client(Rule::SecureAccount, meta).await?;
        let token = NoticeToken::parse(token).ok_or_else(|| invalid("malformed_token", None))?;
        let row = self.store.outbox_row(token.row()).await?.ok_or_else(|| invalid("unknown_token", None))?;
        let id = row.user_id.ok_or_else(|| invalid("unknown_token", None))?;
        let in_time = self.store.now() < row.created_at.plus(self.life);
        if !token.is_of(self.key.expose_secret().as_bytes(), id) || !in_time {
            return Err(invalid("unknown_or_expired_token", Some(id)));
        }
        if row.used_at.is_some() {
            return Ok(Rescued::Before);
        }
        let user = self.store.user(id).await?.ok_or_else(|| invalid("unknown_user", Some(id)))?;
        self.take_back(meta, &user, &row).await
    }

    async fn take_back(&self, meta: &RequestMeta, user: &User, notice: &Row) -> Result<Rescued, Problem> {
        let now = self.store.now();
        let had = address_of(&user.email)?;
        let back = user.reclaimable_email(now).filter(|_| notice.mail == Some(MailKind::AddressChanged));
        let back: Option<EmailAddress> = back.map(address_of).transpose()?;
        let entry = self.store.entry(meta).by_owner(user.id);
        let entry = if back.is_some() { entry.reason("address_taken_back") } else { entry };
        let row = self.store.row(Some(MailKind::PasswordReset), Some(user.id)).sweeping();
        let rescue = Rescue { user, notice: notice.id, address: back.as_ref().map(|back| (back, &had)) };
        if self.store.rescue(&rescue, &entry, &row).await? {
            return Ok(Rescued::Done);
        }
        // Of two uses at once one is the first; the other finds it done.
        match self.store.outbox_row(notice.id).await? {
            Some(row) if row.used_at.is_some() => Ok(Rescued::Before),
            _ => Err(Problem::new(Code::Conflict).detail(
                "The account has just been changed, or its former address belongs to another account now. Try again, and ask the operator if it does not work.",
            )),
        }
    }
}
