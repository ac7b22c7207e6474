//! The mailer: turns an outbox row into a mail.
//!
//! It decides when it sends, not when it was asked: whether the mail is still wanted, where it goes, who pays, and what its
//! token is. The token is a function of the row, so a redelivery repeats the same mail, and its hash is written on USER only if
//! the row is the newest, so a superseded row sends nothing. The life of a token begins with the sending. The link of a notice
//! belongs to the address that the account had at the event, and its life begins with the event.

mod gathered;
mod invitation;

use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::compose::{Content, Message, Told, compose};
use super::letter::{Letter, Letters, Link, Plan, plan};
use super::postage::{PostOffice, Postage, Price};
use super::sender::Sender;
use crate::clock::MAX_CLOCK_SKEW;
use crate::config::{Config, MailConfig};
use crate::domain::{Device, Timestamp, User};
use crate::ground::error_chain;
use crate::limits::Limiter;
use crate::request::locator::Locator;
use crate::routes::MailKind;
use crate::store::{Claim, Gathered, NewToken, Row, Store, TokenSlot};
use crate::telemetry::{self, Metric};
use crate::tokens::{MailPurpose, MailedToken, NoticeToken};
use crate::work::consumer::{self, Failure, Handler, row_of};

/// A row is one mailer's for this long: longer than any of its attempts.
const LEASE: Duration = Duration::from_secs(60);

/// Sends the mails that the outbox asks for.
#[derive(Clone)]
pub struct Mailer {
    store: Store,
    letters: Letters,
    sender: Sender,
    key: Arc<SecretString>,
    locator: Locator,
    post_office: PostOffice,
    config: MailConfig,
}

/// A link with its end.
type Url = (String, Timestamp);

impl Mailer {
    /// A mailer that makes tokens under `key`.
    #[must_use]
    pub fn new(
        store: Store,
        sender: Sender,
        key: SecretString,
        locator: Locator,
        limiter: Limiter,
        config: &Config,
    ) -> Self {
        let post_office = PostOffice::new(limiter);
        let letters = Letters::new(store.clone(), config);
        Self {
            store,
            letters,
            sender,
            key: Arc::new(key),
            locator,
            post_office,
            config: config.mail.clone(),
        }
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
    /// [`Failure`] if the message is to be redelivered.
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
                tracing::warn!(
                    error = error_chain(&error),
                    "a claim must run out by itself"
                );
            }
            return Err(failure);
        }
        self.store.settle(id).await.map_err(failed)
    }

    async fn send(&self, row: &Row) -> Result<(), Failure> {
        let failed = |error| Failure::because("the account could not be read", error);
        let Some(kind) = row.mail else { return Ok(()) };
        if kind == MailKind::Invitation {
            return self.send_invitation(row).await;
        }
        let Some(user_id) = row.user_id else {
            return Ok(());
        };
        if let Some(addressee) = &row.addressee {
            let message = compose(
                kind,
                &Content {
                    told: self.told(row),
                    ..Content::default()
                },
            );
            let Some(postage) = self.pay(row, kind, "", true).await? else {
                return Ok(());
            };
            return self.hand_over(postage, addressee.as_str(), &message).await;
        }
        let Some(user) = self.store.user(user_id).await.map_err(failed)? else {
            return Ok(());
        };
        if kind == MailKind::Digest {
            return self.send_digest(row, &user).await;
        }
        let Some(letter) = self
            .letters
            .letter(row, kind, &user)
            .await
            .map_err(failed)?
        else {
            return Ok(());
        };
        match letter.link {
            Link::Token(purpose, slot) => self.send_token(row, &letter, &user, purpose, slot).await,
            Link::None | Link::NotMe(..) => self.send_notice(row, &letter).await,
        }
    }

    /// A mail with a token that comes back.
    async fn send_token(
        &self,
        row: &Row,
        letter: &Letter,
        user: &User,
        purpose: MailPurpose,
        slot: TokenSlot,
    ) -> Result<(), Failure> {
        let failed = |error| Failure::because("the account could not be reached", error);
        let security = self.store.security().await.map_err(failed)?;
        let security = security.ok_or(Failure::new("the service has no keys yet"))?;
        let end = self.end_of(purpose, user);
        let plan = plan(slot, user, &security, row, (self.store.now(), end));
        let must_send = matches!(plan, Plan::New { first: true });
        if plan == Plan::Nothing {
            return Ok(());
        }
        let kind = row.mail.unwrap_or(letter.kind);
        let Some(postage) = self.pay(row, kind, &letter.recipient(), must_send).await? else {
            return Ok(());
        };
        let (made_from, until) = match plan {
            Plan::Again(made_from, until) => (made_from, until),
            _ => (row.id, end),
        };
        let token = MailedToken::of_row(
            self.key.expose_secret().as_bytes(),
            purpose,
            made_from,
            user.id.uuid(),
        );
        if matches!(plan, Plan::New { .. }) {
            // What was asked for before everybody was rotated is dead, also where its mail is made afterwards.
            // A rotation in the future was timed by a wrong clock, and would keep every link dead until its time has come.
            let rotated_at = Some(security.effective_at)
                .filter(|at| *at <= self.store.now().plus(MAX_CLOCK_SKEW));
            let is_outdated = rotated_at.is_some_and(|at| row.id.made_at() < at);
            let (hash, global_ver) = (
                token.hash(),
                if is_outdated {
                    0
                } else {
                    security.level().current
                },
            );
            let new = NewToken {
                row: row.id,
                hash: &hash,
                until,
                global_ver,
            };
            if !self
                .store
                .set_mailed_token(slot, user, &new)
                .await
                .map_err(failed)?
            {
                return Ok(());
            }
        }
        let page = match purpose {
            MailPurpose::Reset => "reset-password",
            MailPurpose::Verification | MailPurpose::Invitation => "verify-email",
        };
        let asks_name = letter.kind == MailKind::RegistrationContested;
        let content = Content {
            link: Some((
                self.url(page, &token.expose(), asks_name),
                until.since(self.store.now()),
            )),
            told: self.told(row),
            ..Content::default()
        };
        self.hand_over(postage, &letter.to, &compose(letter.kind, &content))
            .await
    }

    /// A notice; one over the limit joins the hour's digest.
    async fn send_notice(&self, row: &Row, letter: &Letter) -> Result<(), Failure> {
        let failed = |error| Failure::because("a digest could not be reached", error);
        let kind = row.mail.unwrap_or(letter.kind);
        let may_gather = matches!(kind.price(), Price::Gathered(_)) && row.paid_at.is_none();
        if may_gather && self.store.gather(row, false).await.map_err(failed)? == Gathered::Waiting {
            return Ok(());
        }
        let Some(postage) = self.pay(row, kind, &letter.recipient(), false).await? else {
            if may_gather {
                self.store.gather(row, true).await.map_err(failed)?;
            }
            return Ok(());
        };
        let content = Content {
            link: self
                .not_me(&letter.link)
                .map(|(url, until)| (url, until.since(self.store.now()))),
            told: self.told(row),
            ..Content::default()
        };
        self.hand_over(postage, &letter.to, &compose(letter.kind, &content))
            .await
    }

    /// Charges the recipient, once a row.
    async fn pay(
        &self,
        row: &Row,
        kind: MailKind,
        recipient: &str,
        must_send: bool,
    ) -> Result<Option<Postage>, Failure> {
        let failed = |error| Failure::because("the recipient's bucket could not be reached", error);
        if row.paid_at.is_some() {
            return Ok(Some(self.post_office.paid_before()));
        }
        let postage = self
            .post_office
            .charge(kind, (recipient, row.user_id), must_send)
            .await
            .map_err(failed)?;
        if postage.is_some() && kind.price() != Price::Free {
            self.store.note_paid(row.id).await.map_err(failed)?;
        }
        Ok(postage)
    }

    async fn hand_over(
        &self,
        postage: Postage,
        to: &str,
        message: &Message,
    ) -> Result<(), Failure> {
        let sent = self.sender.send(postage, to, message).await;
        telemetry::count(if sent.is_ok() {
            Metric::MailsSent
        } else {
            Metric::MailsFailed
        });
        sent.map_err(|error| Failure::because("the mail was not sent", error))
    }

    /// Who caused what the row tells of.
    fn told(&self, row: &Row) -> Option<Told> {
        let origin = row.origin.as_ref()?;
        let place = origin
            .place
            .clone()
            .or_else(|| self.locator.place_of(origin.ip_address.parse().ok()?));
        let place = place.map(|place| [place.city, place.region, place.country]);
        let place = place.map(|parts| parts.into_iter().flatten().collect::<Vec<_>>().join(", "));
        Some(Told {
            device: Device::from_user_agent(&origin.user_agent).name,
            place,
            ip_address: origin.ip_address.clone(),
            at: row.created_at,
        })
    }

    /// The page of a "this wasn't me" link.
    fn not_me(&self, link: &Link) -> Option<Url> {
        let Link::NotMe(row, user, until) = *link else {
            return None;
        };
        let token = NoticeToken::of_row(self.key.expose_secret().as_bytes(), row, user);
        Some((self.url("secure-account", &token.expose(), false), until))
    }

    /// A page with a token after `#`, which browsers do not send: it appears in no access log.
    fn url(&self, page: &str, token: &str, asks_name: bool) -> String {
        let name = if asks_name { "&name=1" } else { "" };
        format!("{}/{page}#token={token}{name}", self.config.app_base_url)
    }

    /// When a token that is mailed now expires.
    fn end_of(&self, purpose: MailPurpose, user: &User) -> Timestamp {
        let life = match purpose {
            MailPurpose::Reset => self.config.reset_ttl,
            MailPurpose::Verification | MailPurpose::Invitation => self.config.verification_ttl,
        };
        let end = self.store.now().plus(life);
        user.registered_until
            .filter(|_| !user.email_verified)
            .map_or(end, |until| end.min(until))
    }
}
