//! Verifying an address: the mail, and the token that comes back.

use std::sync::Arc;

use crate::accounts::{LinkError, MAX_CLAIMS};
use crate::audit_event::{Cause, Entry, Refusal};
use crate::config::Config;
use crate::domain::{EmailAddress, PendingToken, Proof, Timestamp, User, UserId};
use crate::ground::digest;
use crate::limits::{LimitError, Limiter};
use crate::request::RequestMeta;
use crate::routes::{MailKind, Rule};
use crate::store::{Holder, Move, Row, Store, StoreError, address_of};
use crate::tokens::{MailPurpose, MailedToken, SecurityRecord};

/// Verifies addresses.
#[derive(Clone)]
pub struct Verification {
    store: Store,
    limiter: Limiter,
    config: Arc<Config>,
}

impl Verification {
    /// A verification over `store`.
    #[must_use]
    pub const fn new(store: Store, limiter: Limiter, config: Arc<Config>) -> Self {
        Self {
            store,
            limiter,
            config,
        }
    }

    /// Verifies the address that `token` was mailed to: the account's own, or the one it is to change to.
    ///
    /// # Errors
    /// [`LinkError`].
    pub async fn verify(&self, meta: &RequestMeta, token: &str) -> Result<(), LinkError> {
        self.limiter.admit_client(Rule::VerifyEmail, meta).await?;
        let token = MailedToken::parse(MailPurpose::Verification, token)
            .ok_or_else(|| invalid(Cause::MalformedToken, None))?;
        let (id, hash) = (token.user(), token.hash());
        let (user, security) = self.store.user_and_security(id).await?;
        let user = user.ok_or_else(|| invalid(Cause::UnknownToken, None))?;
        let entry = self.store.entry(meta).by_owner(id);
        let (pending, now) = (user.pending_verification(), entry.occurred_at);
        if !is_good(pending, &hash, &security, now) || !user.is_active() || user.has_lapsed(now) {
            return Err(invalid(
                Cause::UnknownOrExpiredToken,
                owner_of(pending, &hash, id),
            ));
        }
        let email = address_of(&user.email)?;
        let done = match user
            .pending_email
            .as_deref()
            .filter(|_| user.email_verified)
        {
            None if self.demands_password(&user, &email) => false,
            None => self.store.verify_address(id, &email, &hash, &entry).await?,
            Some(pending) => {
                let to = address_of(pending)?;
                if self.config.passwords.makes_admin(&to) || user.claims(now).count() >= MAX_CLAIMS
                {
                    return Err(invalid(Cause::NotByConfirmation, Some(id)));
                }
                let until = now.plus(self.config.mail.notice_ttl);
                let change = Move {
                    user: &user,
                    from: &email,
                    to: &to,
                    token: &hash,
                    until,
                    password_hash: None,
                };
                let rows = move_rows(&self.store, meta, &entry, &user);
                self.store
                    .move_address(&change, &move_entry(entry, &change), &rows)
                    .await?
            }
        };
        if done {
            Ok(())
        } else {
            Err(invalid(Cause::SupersededToken, Some(id)))
        }
    }

    fn demands_password(&self, user: &User, email: &EmailAddress) -> bool {
        user.proof == Proof::NewPassword || self.config.passwords.makes_admin(email)
    }

    /// Sends another verification mail, if the address is registered and not verified.
    ///
    /// # Errors
    /// [`LimitError`].
    pub async fn resend(&self, meta: &RequestMeta, email: &EmailAddress) -> Result<(), LimitError> {
        self.limiter
            .admit_client(Rule::ResendVerification, meta)
            .await?;
        Ok(request_mail(&self.store, meta, email, MailKind::Verification).await?)
    }
}

/// Requests a mail to the holder of `email`; the same calls where there is none.
pub(crate) async fn request_mail(
    store: &Store,
    meta: &RequestMeta,
    email: &EmailAddress,
    kind: MailKind,
) -> Result<(), StoreError> {
    let address = store.address(email).await?;
    let user = match address
        .as_ref()
        .map_or(Holder::Nobody, |address| address.holder(store.now()))
    {
        Holder::Nobody => None,
        Holder::Registration(user, _)
        | Holder::Import(user)
        | Holder::Account(user)
        | Holder::Former(user) => Some(user),
    };
    let entry = store.entry(meta);
    let entry = match user {
        Some(id) => entry.user(id),
        None => entry.reason(Cause::UnknownAddress),
    };
    let row = store
        .row(&entry, Some(kind), user)
        .about(email.fingerprint())
        .asked_by(meta);
    store.ask_for_mail(&row, &entry).await
}

/// The record of a move. Addresses are recorded by their fingerprints: a record is kept longer than an address may be.
pub(crate) fn move_entry(entry: Entry, change: &Move<'_>) -> Entry {
    entry
        .reason(Cause::AddressChanged)
        .text("old_email", change.from.fingerprint())
        .text("new_email", change.to.fingerprint())
        .text("take_back_until", change.until)
}

/// The notices of a move: one to the address that is left, and one to each that can still take the account back.
pub(crate) fn move_rows(store: &Store, meta: &RequestMeta, entry: &Entry, user: &User) -> Vec<Row> {
    let left = store
        .notice(entry, MailKind::AddressChanged, user)
        .asked_by(meta)
        .sweeping();
    let claims = user.claims(entry.occurred_at).map(|claim| {
        let row = store
            .row(entry, Some(MailKind::AddressChanged), Some(user.id))
            .about(&claim.key)
            .asked_by(meta);
        Row {
            level: claim.level,
            ..row
        }
    });
    std::iter::once(left).chain(claims).collect()
}

/// Whether the pending token is the presented one and still good: not expired, which is a comparison and never an
/// absence, and not outdated by a global rotation.
pub(crate) fn is_good(
    pending: Option<PendingToken<'_>>,
    hash: &str,
    security: &SecurityRecord,
    now: Timestamp,
) -> bool {
    pending.is_some_and(|pending| is_same(pending, hash) && is_live(pending, security, now))
}

/// Whether a token could be used now.
pub(crate) fn is_live(
    pending: PendingToken<'_>,
    security: &SecurityRecord,
    now: Timestamp,
) -> bool {
    now < pending.expires_at && security.level().accepts(pending.global_ver, now)
}

fn is_same(pending: PendingToken<'_>, hash: &str) -> bool {
    digest::equal(pending.hash.as_bytes(), hash.as_bytes())
}

/// Whose account a refused token is recorded at: a token names its user itself, so only one that matches is believed.
pub(crate) fn owner_of(
    pending: Option<PendingToken<'_>>,
    hash: &str,
    user: UserId,
) -> Option<UserId> {
    pending
        .filter(|pending| is_same(*pending, hash))
        .map(|_| user)
}

/// One answer for unknown, used and expired; the audit log has the reason.
pub(crate) fn invalid(cause: Cause, user: Option<UserId>) -> LinkError {
    let refusal = Refusal::new(cause);
    LinkError::Invalid(Box::new(user.into_iter().fold(refusal, Refusal::user)))
}
