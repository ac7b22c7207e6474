//! The mailer: turns an outbox row into a mail.
//!
//! It decides when it sends, not when it was asked: whether the mail is still wanted, where it goes, and what its token is.
//! The token is a function of the row, so a redelivery repeats the same mail, and its hash is written on USER only if the
//! row is the newest, so an overtaken row sends nothing. The life of a token begins with the sending.

use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::compose::compose;
use super::sender::Sender;
use crate::config::MailConfig;
use crate::consumer::{Failure, Handler, row_of};
use crate::domain::{EmailAddress, User};
use crate::http::error_chain;
use crate::store::{Claim, MailKind, Row, Store, StoreError, TokenSlot};
use crate::tokens::{MailPurpose, MailedToken};

/// How long a row is one mailer's: longer than any of its attempts.
const LEASE: Duration = Duration::from_secs(60);

/// Sends the mails that the outbox asks for.
#[derive(Clone)]
pub struct Mailer {
    store: Store,
    sender: Sender,
    key: Arc<SecretString>,
    config: MailConfig,
}

/// Where a mail goes, and the token it carries.
struct Letter {
    to: String,
    kind: MailKind,
    token: Option<MailPurpose>,
}

impl Letter {
    fn notice(kind: MailKind, to: &str) -> Self {
        Self { to: to.to_owned(), kind, token: None }
    }

    fn with_token(kind: MailKind, to: &str, purpose: MailPurpose) -> Self {
        Self { to: to.to_owned(), kind, token: Some(purpose) }
    }
}

impl Mailer {
    /// A mailer that makes tokens under `key`.
    #[must_use]
    pub fn new(store: Store, sender: Sender, key: SecretString, config: MailConfig) -> Self {
        Self { store, sender, key: Arc::new(key), config }
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
        let Some(user) = self.store.user(user_id).await.map_err(failed)? else {
            return Ok(());
        };
        let Some(letter) = self.letter(kind, &user).await.map_err(failed)? else {
            return Ok(());
        };
        let Some(link) = self.link(&letter, &user, row).await.map_err(failed)? else {
            return Ok(());
        };
        let life = self.life(letter.token);
        let link = letter.token.map(|_| (link.as_str(), life));
        let message = compose(letter.kind, link);
        self.sender.send(&letter.to, &message).await.map_err(|error| Failure::because("the mail was not sent", error))
    }

    /// What to send as things stand now; `None` if nothing any more.
    async fn letter(&self, kind: MailKind, user: &User) -> Result<Option<Letter>, StoreError> {
        let own = user.email.as_str();
        Ok(match kind {
            MailKind::Verification => (user.is_active() && !user.email_verified)
                .then(|| Letter::with_token(kind, own, MailPurpose::Verification)),
            MailKind::PasswordReset => user.is_active().then(|| Letter::with_token(kind, own, MailPurpose::Reset)),
            MailKind::AddressChange => match user.pending_email.as_deref().filter(|_| user.is_active()) {
                // Only the owner of a taken address learns that it is taken.
                Some(pending) if self.is_taken(pending, user).await? => {
                    Some(Letter::notice(MailKind::AlreadyRegistered, pending))
                }
                Some(pending) => Some(Letter::with_token(kind, pending, MailPurpose::Verification)),
                None => None,
            },
            MailKind::AlreadyRegistered
            | MailKind::AddressChangeRequested
            | MailKind::PasswordChanged
            | MailKind::TheftDetected => Some(Letter::notice(kind, own)),
        })
    }

    async fn is_taken(&self, address: &str, user: &User) -> Result<bool, StoreError> {
        let Ok(address) = EmailAddress::parse(address) else {
            return Ok(true);
        };
        let owner = self.store.address_owner(&address).await?;
        Ok(owner.is_some_and(|owner| owner.verified && owner.user_id != user.id))
    }

    /// The page that a letter links to, empty for a notice; `None` if a newer row has overtaken this one. The token stands
    /// behind `#`, which browsers do not send: it appears in no access log.
    async fn link(&self, letter: &Letter, user: &User, row: &Row) -> Result<Option<String>, StoreError> {
        let Some(purpose) = letter.token else {
            return Ok(Some(String::new()));
        };
        let (slot, page) = match purpose {
            MailPurpose::Verification => (TokenSlot::Verify, "verify-email"),
            MailPurpose::Reset => (TokenSlot::Reset, "reset-password"),
        };
        let token = MailedToken::of_row(self.key.expose_secret().as_bytes(), purpose, row.id, user.id);
        let until = self.store.now().plus(self.life(letter.token));
        let newest = self.store.set_mailed_token(slot, user.id, row.id, &token.hash(), until).await?;
        Ok(newest.then(|| format!("{}/{page}#token={}", self.config.app_base_url, token.expose())))
    }

    const fn life(&self, purpose: Option<MailPurpose>) -> Duration {
        match purpose {
            Some(MailPurpose::Reset) => self.config.reset_ttl,
            Some(MailPurpose::Verification) | None => self.config.verification_ttl,
        }
    }
}
