//! The mailer: turns an outbox row into a mail.
//!
//! It decides when it sends, not when it was asked: whether the mail is still wanted, where it goes, and what its token is.
//! The token is a function of the row, so a redelivery repeats the same mail, and its hash is written on USER only if the
//! row is the newest, so an overtaken row sends nothing. The life of a token begins with the sending. The link of a notice
//! is good beside others, and its life begins with what it tells of.

use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::compose::{Message, Told, compose};
use super::sender::Sender;
use crate::config::MailConfig;
use crate::consumer::{self, Failure, Handler, row_of};
use crate::domain::{Device, EmailAddress, User};
use crate::http::error_chain;
use crate::locator::Locator;
use crate::store::{Claim, MailKind, Row, Store, StoreError, TokenSlot};
use crate::telemetry::{self, Metric};
use crate::tokens::{MailPurpose, MailedToken, NoticeToken};

/// How long a row is one mailer's: longer than any of its attempts.
const LEASE: Duration = Duration::from_secs(60);

/// Sends the mails that the outbox asks for.
#[derive(Clone)]
pub struct Mailer {
    store: Store,
    sender: Sender,
    key: Arc<SecretString>,
    locator: Locator,
    config: MailConfig,
}

/// What a letter links to.
#[derive(Clone, Copy)]
enum Link {
    /// Nothing.
    Nowhere,
    /// The page that sends a stored token back.
    Token(MailPurpose),
    /// The page for "this wasn't me".
    NotMe,
}

/// Where a mail goes, and what it links to.
struct Letter {
    to: String,
    kind: MailKind,
    link: Link,
}

impl Letter {
    fn new(kind: MailKind, to: &str, link: Link) -> Self {
        Self { to: to.to_owned(), kind, link }
    }
}

impl Mailer {
    /// A mailer that makes tokens under `key`.
    #[must_use]
    pub fn new(store: Store, sender: Sender, key: SecretString, locator: Locator, config: MailConfig) -> Self {
        Self { store, sender, key: Arc::new(key), locator, config }
    }

    /// The mailer as a queue's consumer.
    #[must_use]
    pub fn handler(self) -> Handler {
        Arc::new(move |body| {
            let mailer = self.clone();
            Box::pin(async move { mailer.deliver(&body).await })
        })
    }

    /// Sends the mail of the message's row, unless it was sent or is not wanted any more.
    ///
    /// # Errors
    /// [`Failure`] if the message comes again.
    pub async fn deliver(&self, body: &str) -> Result<(), Failure> {
        let id = row_of(body)?;
        let failed = |error| Failure::because("the outbox could not be reached", error);
        let row = match self.store.claim(id, LEASE).await.map_err(failed)? {
            Claim::Done => return Ok(()),
            Claim::Busy => return Err(Failure::new("another mailer has the row")),
            Claim::Granted(row) => row,
        };
        consumer::begin(&row, self.store.now());
        if let Err(failure) = self.send(&row).await {
            if let Err(error) = self.store.release(id).await {
                tracing::warn!(error = error_chain(&error), "a claim must run out by itself");
            }
            return Err(failure);
        }
        self.store.settle(id).await.map_err(failed)
    }

    async fn send(&self, row: &Row) -> Result<(), Failure> {
        let failed = |error| Failure::because("the account could not be read", error);
        let (Some(kind), Some(user_id)) = (row.mail, row.user_id) else {
            return Ok(());
        };
        if let Some(addressee) = &row.addressee {
            return self.hand_over(addressee.as_str(), &compose(kind, None, self.told(row).as_ref())).await;
        }
        let Some(user) = self.store.user(user_id).await.map_err(failed)? else {
            return Ok(());
        };
        let Some(letter) = self.letter(kind, &user).await.map_err(failed)? else {
            return Ok(());
        };
        let Some(link) = self.link(&letter, &user, row).await.map_err(failed)? else {
            return Ok(());
        };
        let link = (!link.is_empty()).then(|| (link.as_str(), self.life(letter.link)));
        self.hand_over(&letter.to, &compose(letter.kind, link, self.told(row).as_ref())).await
    }

    async fn hand_over(&self, to: &str, message: &Message) -> Result<(), Failure> {
        let sent = self.sender.send(to, message).await;
        telemetry::count(if sent.is_ok() { Metric::MailsSent } else { Metric::MailsFailed });
        sent.map_err(|error| Failure::because("the mail was not sent", error))
    }

    /// What to send as things stand now; `None` if nothing any more.
    async fn letter(&self, kind: MailKind, user: &User) -> Result<Option<Letter>, StoreError> {
        let own = user.email.as_str();
        let token = |to, purpose| Letter::new(kind, to, Link::Token(purpose));
        Ok(match kind {
            MailKind::Verification => {
                (user.is_active() && !user.email_verified).then(|| token(own, MailPurpose::Verification))
            }
            MailKind::PasswordReset => user.is_active().then(|| token(own, MailPurpose::Reset)),
            MailKind::AddressChange => match user.pending_email.as_deref().filter(|_| user.is_active()) {
                // Only the owner of a taken address learns that it is taken.
                Some(pending) if self.is_taken(pending, user).await? => {
                    Some(Letter::new(MailKind::AlreadyRegistered, pending, Link::Nowhere))
                }
                Some(pending) => Some(token(pending, MailPurpose::Verification)),
                None => None,
            },
            MailKind::AlreadyRegistered => Some(Letter::new(kind, own, Link::Nowhere)),
            MailKind::AddressChanged => {
                let previous = user.reclaimable_email(self.store.now());
                previous.map(|previous| Letter::new(kind, previous, Link::NotMe))
            }
            MailKind::AddressChangeRequested
            | MailKind::PasswordChanged
            | MailKind::TheftDetected
            | MailKind::NewDevice
            | MailKind::NewCountry
            | MailKind::AllSessionsEnded
            | MailKind::AccountLocked => Some(Letter::new(kind, own, Link::NotMe)),
            // Its row has the address; there is an account all the same, so it is not this one's.
            MailKind::AccountErased => None,
        })
    }

    /// Who caused what the row tells of.
    fn told(&self, row: &Row) -> Option<Told> {
        let origin = row.origin.as_ref()?;
        let place = origin.place.clone().or_else(|| self.locator.place_of(origin.ip_address.parse().ok()?));
        let place = place.map(|place| [place.city, place.region, place.country]);
        let place = place.map(|parts| parts.into_iter().flatten().collect::<Vec<_>>().join(", "));
        Some(Told {
            device: Device::from_user_agent(&origin.user_agent).name,
            place,
            ip_address: origin.ip_address.clone(),
            at: row.created_at,
        })
    }

    async fn is_taken(&self, address: &str, user: &User) -> Result<bool, StoreError> {
        let Ok(address) = EmailAddress::parse(address) else {
            return Ok(true);
        };
        let owner = self.store.address_owner(&address).await?;
        Ok(owner.is_some_and(|owner| owner.verified && owner.user_id != user.id))
    }

    /// The page that a letter links to, empty for none; `None` if a newer row has overtaken this one. The token stands
    /// behind `#`, which browsers do not send: it appears in no access log.
    async fn link(&self, letter: &Letter, user: &User, row: &Row) -> Result<Option<String>, StoreError> {
        let (base, key) = (&self.config.app_base_url, self.key.expose_secret().as_bytes());
        let (purpose, slot, page) = match letter.link {
            Link::Nowhere => return Ok(Some(String::new())),
            Link::NotMe => {
                let token = NoticeToken::of_row(key, row.id, user.id).expose();
                return Ok(Some(format!("{base}/secure-account#token={token}")));
            }
            Link::Token(MailPurpose::Verification) => (MailPurpose::Verification, TokenSlot::Verify, "verify-email"),
            Link::Token(MailPurpose::Reset) => (MailPurpose::Reset, TokenSlot::Reset, "reset-password"),
        };
        let token = MailedToken::of_row(key, purpose, row.id, user.id);
        let until = self.store.now().plus(self.life(letter.link));
        let newest = self.store.set_mailed_token(slot, user.id, row.id, &token.hash(), until).await?;
        Ok(newest.then(|| format!("{base}/{page}#token={}", token.expose())))
    }

    const fn life(&self, link: Link) -> Duration {
        match link {
            Link::Token(MailPurpose::Reset) => self.config.reset_ttl,
            Link::NotMe => self.config.notice_ttl,
            Link::Token(MailPurpose::Verification) | Link::Nowhere => self.config.verification_ttl,
        }
    }
}
