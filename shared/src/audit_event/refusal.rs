//! Refusals that are recorded.

use std::collections::BTreeMap;

use super::Cause;
use crate::domain::{SessionId, User, UserId};
use crate::routes::MailKind;

/// The notice of a refusal.
#[derive(Debug, Clone)]
pub struct RefusalNotice {
    /// Which one.
    pub kind: MailKind,
    /// The fingerprint of the account's address.
    pub address: Option<String>,
    /// [`User::recovery_level`].
    pub level: u64,
}

/// A refusal that matters.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// Why, more exactly than the client is told.
    pub cause: Cause,
    /// Whose account it concerns, where that is known.
    pub user_id: Option<UserId>,
    /// Which session it concerns.
    pub session_id: Option<SessionId>,
    /// Who was refused, where they are known and another account is concerned.
    pub actor_id: Option<UserId>,
    /// Refusals with the same key are recorded once; see [`Refusal::once`].
    pub once: Option<String>,
    /// The notice that its owner gets.
    pub notice: Option<Box<RefusalNotice>>,
    /// Anything else worth knowing.
    pub details: BTreeMap<&'static str, String>,
}

impl Refusal {
    /// A refusal because of `cause`.
    #[must_use]
    pub const fn new(cause: Cause) -> Self {
        Self {
            cause,
            user_id: None,
            session_id: None,
            actor_id: None,
            once: None,
            notice: None,
            details: BTreeMap::new(),
        }
    }

    /// They were refused.
    #[must_use]
    pub const fn actor(mut self, actor_id: UserId) -> Self {
        self.actor_id = Some(actor_id);
        self
    }

    /// The owner of the account gets a notice; without an account the same calls are made.
    #[must_use]
    pub fn notice(mut self, kind: MailKind, user: Option<&User>) -> Self {
        let (address, level) = (
            user.map(User::address_key),
            user.map_or(0, |user| user.recovery_level),
        );
        self.notice = Some(Box::new(RefusalNotice {
            kind,
            address,
            level,
        }));
        self
    }

    /// The owner of a former address of the account gets a mail.
    #[must_use]
    pub fn mailing(mut self, kind: MailKind, address: String) -> Self {
        self.notice = Some(Box::new(RefusalNotice {
            kind,
            address: Some(address),
            level: 0,
        }));
        self
    }

    /// One more thing worth knowing.
    #[must_use]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "numbers and names stand where they are used"
    )]
    pub fn text(mut self, name: &'static str, value: impl ToString) -> Self {
        self.details.insert(name, value.to_string());
        self
    }

    /// It concerns this account.
    #[must_use]
    pub const fn user(mut self, user_id: UserId) -> Self {
        self.user_id = Some(user_id);
        self
    }

    /// It concerns this session.
    #[must_use]
    pub const fn session(mut self, session_id: SessionId) -> Self {
        self.session_id = Some(session_id);
        self
    }

    /// Only the first refusal with `key` is recorded: a flood must not fill the trail.
    #[must_use]
    pub fn once(mut self, key: String) -> Self {
        self.once = Some(key);
        self
    }
}
