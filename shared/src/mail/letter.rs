//! What a row asks for, as things are when it is sent: which mail, to which address, with which link.

use std::time::Duration;

use crate::accounts::secure_account::life_of_link;
use crate::accounts::verification::is_live;
use crate::config::{Config, PasswordConfig};
use crate::domain::{EmailAddress, FormerAddress, Proof, RowId, Timestamp, User, UserId};
use crate::routes::MailKind;
use crate::store::{Holder, Row, Store, StoreError, TokenSlot};
use crate::tokens::{MailPurpose, SecurityRecord};

/// A reset link that lives at least this long, or half of what a new one would, is sent again instead of a new one.
const RESET_WORTH_SENDING: Duration = Duration::from_secs(300);
/// The same for the link of a registration that is made again.
const REGISTRATION_WORTH_SENDING: Duration = Duration::from_secs(3_600);

/// What a mail links to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Link {
    /// Nothing.
    None,
    /// The page that sends a stored token back.
    Token(MailPurpose, TokenSlot),
    /// The page for "this wasn't me": the link of this row to this account, until this time.
    NotMe(RowId, UserId, Timestamp),
}

/// A mail to be written.
#[derive(Debug)]
pub(super) struct Letter {
    /// Where it goes.
    pub(super) to: String,
    /// What it says.
    pub(super) kind: MailKind,
    /// What it links to.
    pub(super) link: Link,
}

impl Letter {
    fn new(kind: MailKind, to: &str, link: Link) -> Self {
        Self {
            to: to.to_owned(),
            kind,
            link,
        }
    }

    /// The fingerprint of the address that it goes to.
    pub(super) fn recipient(&self) -> String {
        EmailAddress::parse(&self.to)
            .map(|address| address.fingerprint())
            .unwrap_or_default()
    }
}

/// What becomes of the token of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plan {
    /// There is none: a later row has made one, or what it was requested for is over.
    Nothing,
    /// The token of this row is mailed again, until its own end.
    Again(RowId, Timestamp),
    /// A new token; `first` where none lives, so that the mail is sent whatever the bucket says.
    New {
        /// Whether no other link does the same.
        first: bool,
    },
}

/// Decides which mail a row asks for.
#[derive(Clone)]
pub(super) struct Letters {
    store: Store,
    notice_ttl: Duration,
    passwords: PasswordConfig,
}

impl Letters {
    /// Letters about the accounts in `store`.
    pub(super) fn new(store: Store, config: &Config) -> Self {
        Self {
            store,
            notice_ttl: config.mail.notice_ttl,
            passwords: config.passwords.clone(),
        }
    }

    /// The mail that `row` asks for; `None` if nothing is to be sent any more.
    pub(super) async fn letter(
        &self,
        row: &Row,
        kind: MailKind,
        user: &User,
    ) -> Result<Option<Letter>, StoreError> {
        let now = self.store.now();
        if user.has_lapsed(now) {
            return Ok(None);
        }
        let own = user.address_key();
        let about = row.address.as_deref().unwrap_or(&own);
        if about != own {
            return self.to_former(row, kind, user, about).await;
        }
        let email = user.email.as_str();
        Ok(match kind {
            MailKind::Verification
            | MailKind::RegistrationRepeated
            | MailKind::RegistrationContested
            | MailKind::PasswordWanted => {
                (user.is_active() && !user.email_verified).then(|| self.first_letter(kind, user))
            }
            MailKind::PasswordReset => user.is_active().then(|| {
                Letter::new(
                    kind,
                    email,
                    Link::Token(MailPurpose::Reset, TokenSlot::Reset),
                )
            }),
            MailKind::AddressChange | MailKind::AddressChangeWithPassword => {
                self.to_pending(row, user).await?
            }
            MailKind::AlreadyRegistered => Some(Letter::new(kind, email, Link::None)),
            _ => {
                let life = life_of_link(user, row, self.notice_ttl, now);
                Some(Letter::new(
                    kind,
                    email,
                    life.map_or(Link::None, |until| Link::NotMe(row.id, user.id, until)),
                ))
            }
        })
    }

    /// The mail to an unverified address.
    fn first_letter(&self, kind: MailKind, user: &User) -> Letter {
        let sets_password = user.proof == Proof::NewPassword || self.makes_admin(&user.email);
        if !sets_password {
            let link = Link::Token(MailPurpose::Verification, TokenSlot::Verify);
            return Letter::new(MailKind::Verification, &user.email, link);
        }
        let was_contested = kind == MailKind::RegistrationContested;
        let kind = if was_contested {
            kind
        } else {
            MailKind::PasswordWanted
        };
        Letter::new(
            kind,
            &user.email,
            Link::Token(MailPurpose::Reset, TokenSlot::Reset),
        )
    }

    /// The mail to an address that the account has left: a notice of its time, or the link to take the account back.
    async fn to_former(
        &self,
        row: &Row,
        kind: MailKind,
        user: &User,
        about: &str,
    ) -> Result<Option<Letter>, StoreError> {
        let Some(claim) = user.claim_of(about, self.store.now()) else {
            return Ok(None);
        };
        if kind.is_notice() {
            let Some(to) = self.store.former_address(user.id, claim).await? else {
                return Ok(None);
            };
            let life = life_of_link(user, row, self.notice_ttl, self.store.now());
            return Ok(Some(Letter::new(
                kind,
                &to,
                life.map_or(Link::None, |until| Link::NotMe(row.id, user.id, until)),
            )));
        }
        self.reserved(row, user, claim).await
    }

    /// The link to take an account back, again, for an address that is wanted for something else. The row did not know the
    /// account, so it is pointed at it: the link acts on what its row says.
    async fn reserved(
        &self,
        row: &Row,
        user: &User,
        claim: &FormerAddress,
    ) -> Result<Option<Letter>, StoreError> {
        let pointed = self.store.point_row(row, user.id, claim).await?;
        let life = life_of_link(user, &pointed, self.notice_ttl, self.store.now());
        let to = self.store.former_address(user.id, claim).await?;
        Ok(to.zip(life).map(|(to, until)| {
            Letter::new(
                MailKind::AddressReserved,
                &to,
                Link::NotMe(row.id, user.id, until),
            )
        }))
    }

    /// The mail to the address that an account is to change to.
    async fn to_pending(&self, row: &Row, user: &User) -> Result<Option<Letter>, StoreError> {
        let Some(pending) = user.pending_email.as_deref().filter(|_| user.is_active()) else {
            return Ok(None);
        };
        let Ok(email) = EmailAddress::parse(pending) else {
            return Ok(None);
        };
        let address = self.store.address(&email).await?;
        let holder = address
            .as_ref()
            .map_or(Holder::Nobody, |address| address.holder(self.store.now()));
        Ok(match holder {
            // Only the owner of an address learns that it is taken.
            Holder::Account(_) => Some(Letter::new(
                MailKind::AlreadyRegistered,
                pending,
                Link::None,
            )),
            Holder::Former(owner) => {
                let Some(owner) = self.store.user(owner).await? else {
                    return Ok(None);
                };
                let Some(claim) = owner.claim_of(&email.fingerprint(), self.store.now()) else {
                    return Ok(None);
                };
                self.reserved(row, &owner, claim).await?
            }
            Holder::Nobody | Holder::Registration(..) | Holder::Import(_) => {
                let (kind, purpose) = if self.makes_admin(pending) {
                    (MailKind::AddressChangeWithPassword, MailPurpose::Reset)
                } else {
                    (MailKind::AddressChange, MailPurpose::Verification)
                };
                Some(Letter::new(
                    kind,
                    pending,
                    Link::Token(purpose, TokenSlot::Verify),
                ))
            }
        })
    }

    fn makes_admin(&self, email: &str) -> bool {
        EmailAddress::parse(email).is_ok_and(|email| self.passwords.makes_admin(&email))
    }
}

/// What becomes of the token of `row` in `slot`, where a new one would live until `until`.
pub(super) fn plan(
    slot: TokenSlot,
    user: &User,
    security: &SecurityRecord,
    row: &Row,
    (now, until): (Timestamp, Timestamp),
) -> Plan {
    let live = |pending| is_live(pending, security, now);
    let (newest, made_from) = match slot {
        TokenSlot::Verify => (user.pending_verification(), user.verify_row),
        TokenSlot::Reset => (user.pending_reset(), user.reset_row),
    };
    let prior = user
        .prior_reset()
        .filter(|prior| slot == TokenSlot::Reset && live(*prior));
    match (newest.filter(|newest| live(*newest)), made_from) {
        (Some(newest), Some(made_from)) if made_from == row.id => {
            Plan::Again(made_from, newest.expires_at)
        }
        (_, Some(made_from)) if row.id <= made_from => Plan::Nothing,
        // A third link would revoke the oldest of two that live, and nobody's request shortens a link.
        (Some(newest), Some(made_from))
            if prior.is_some() || is_worth_sending(slot, row, newest.expires_at, (now, until)) =>
        {
            Plan::Again(made_from, newest.expires_at)
        }
        (None, _) if prior.is_none() => Plan::New {
            first: slot == TokenSlot::Reset || made_from.is_none(),
        },
        _ => Plan::New { first: false },
    }
}

/// Whether a link that lives until `end` is sent again, although a new one would live until `until`. Half the life of a new
/// one bounds the rule from above: where links live for minutes, a fixed time would have each request make a new one.
fn is_worth_sending(
    slot: TokenSlot,
    row: &Row,
    end: Timestamp,
    (now, until): (Timestamp, Timestamp),
) -> bool {
    let least = match (slot, row.mail) {
        (TokenSlot::Reset, _) => RESET_WORTH_SENDING,
        (TokenSlot::Verify, Some(MailKind::RegistrationRepeated)) => REGISTRATION_WORTH_SENDING,
        (TokenSlot::Verify, _) => return false,
    };
    now.plus(least.min(until.since(now) / 2)) <= end
}
