//! Proving an address: the mail, and the token that comes back.

use std::time::Duration;

use crate::audit::Refusal;
use crate::config::Rule;
use crate::digest;
use crate::domain::{EmailAddress, PendingToken, Timestamp, UserId};
use crate::http::{Code, Problem};
use crate::limits::Limiter;
use crate::request::RequestMeta;
use crate::store::{AddressChange, MailKind, Store};
use crate::tokens::{MailPurpose, MailedToken, SecurityRecord};

/// Proves addresses.
#[derive(Clone)]
pub struct Verification {
    store: Store,
    limiter: Limiter,
    notice_ttl: Duration,
}

impl Verification {
    /// A verification over `store`, after which a changed address can be taken back for `notice_ttl`.
    #[must_use]
    pub const fn new(store: Store, limiter: Limiter, notice_ttl: Duration) -> Self {
        Self { store, limiter, notice_ttl }
    }

    /// Proves the address that `token` was mailed to: the account's own, or the one it is to change to.
    ///
    /// # Errors
    /// 400 for a token that is unknown, used or expired; 429; 503.
    pub async fn verify(&self, meta: &RequestMeta, token: &str) -> Result<(), Problem> {
        self.limiter.admit_client(Rule::VerifyEmail, meta).await?;
        let token =
            MailedToken::parse(MailPurpose::Verification, token).ok_or_else(|| invalid("malformed_token", None))?;
        let (id, hash) = (token.user(), token.hash());
        let (user, security) = self.store.user_and_security(id).await?;
        let user = user.ok_or_else(|| invalid("unknown_token", None))?;
        let entry = self.store.entry(meta).by_owner(id);
        if !is_good(user.pending_verification(), &hash, &security, entry.occurred_at) || !user.is_active() {
            return Err(invalid("unknown_or_expired_token", Some(id)));
        }
        let email = address_of(&user.email)?;
        let done = match user.pending_email.as_deref().filter(|_| user.email_verified) {
            None => self.store.verify_address(id, &email, &hash, &entry).await?,
            Some(pending) => {
                let to = address_of(pending)?;
                let reclaimable_until = entry.occurred_at.plus(self.notice_ttl);
                let change = AddressChange { user: &user, from: &email, to: &to, token: &hash, reclaimable_until };
                let row = self.store.row(Some(MailKind::AddressChanged), Some(id)).asked_by(meta).sweeping();
                self.store.change_address(&change, &entry.reason("address_changed"), &[row]).await?
            }
        };
        if done { Ok(()) } else { Err(invalid("overtaken", Some(id))) }
    }

    /// Sends another verification mail, if the address is known and unproved.
    ///
    /// # Errors
    /// 429, 503.
    pub async fn resend(&self, meta: &RequestMeta, email: &EmailAddress) -> Result<(), Problem> {
        self.limiter.admit_client(Rule::ResendVerification, meta).await?;
        self.limiter.admit_address(Rule::MailAddress, email).await?;
        request_mail(&self.store, meta, email, MailKind::Verification).await
    }
}

/// Asks for a mail to whoever has `email`; the same calls for nobody.
pub(crate) async fn request_mail(
    store: &Store,
    meta: &RequestMeta,
    email: &EmailAddress,
    kind: MailKind,
) -> Result<(), Problem> {
    let owner = store.address_owner(email).await?.map(|owner| owner.user_id);
    let row = store.row(Some(kind), owner);
    let entry = store.entry(meta);
    let entry = match owner {
        Some(id) => entry.user(id),
        None => entry.reason("unknown_address"),
    };
    store.ask_for_mail(&row, &entry).await?;
    Ok(())
}

/// Whether the pending token is the presented one and still good: not expired, which is a comparison and never an
/// absence, and not of before a global rotation.
pub(crate) fn is_good(
    pending: Option<PendingToken<'_>>,
    hash: &str,
    security: &SecurityRecord,
    now: Timestamp,
) -> bool {
    pending.is_some_and(|pending| {
        let same = digest::equal(pending.hash.as_bytes(), hash.as_bytes());
        same && now < pending.expires_at && !security.outdates(pending.row.made_at(), now)
    })
}

/// One answer for unknown, used and expired; the trail knows more.
pub(crate) fn invalid(reason: &'static str, user: Option<UserId>) -> Problem {
    let refusal = Refusal::new(reason);
    Problem::new(Code::InvalidOrExpiredToken).refused(user.map_or(refusal.clone(), |user| refusal.user(user)))
}

/// A stored address.
pub(crate) fn address_of(stored: &str) -> Result<EmailAddress, Problem> {
    EmailAddress::parse(stored).map_err(|error| Problem::new(Code::InternalError).caused_by(error))
}
