//! "This wasn't me": the owner of an account takes it back by the link in a notice.
//!
//! A link belongs to the address that it was mailed to, not to the account as it is now. Using it restores that address, ends
//! every session, makes the password useless and calls a pending change of address off; the reset goes to the restored
//! address and nowhere else. It works once, for as long as the notice says, and no event and no move prolongs that.
//!
//! Of two claims the earlier address wins while it lasts: taking an account back kills the links and claims of later
//! addresses, and none of earlier ones (`docs/adr/0024-recovery.md`).

use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use crate::accounts::LinkError;
use crate::accounts::verification::invalid;
use crate::audit_event::{Cause, Refusal};
use crate::domain::{EmailAddress, FormerAddress, Timestamp, User, UserId};
use crate::limits::Limiter;
use crate::request::RequestMeta;
use crate::routes::{MailKind, Rule};
use crate::store::{Row, Store, TakeBack, address_of};
use crate::tokens::NoticeToken;

/// A use this recent may have happened while the present one was under way.
const RACE: Duration = Duration::from_secs(60);

/// Gives accounts back.
#[derive(Clone)]
pub struct SecureAccount {
    store: Store,
    limiter: Limiter,
    key: Arc<SecretString>,
    life: Duration,
}

/// What became of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secured {
    /// The account is its owner's, and a reset is on its way.
    Done,
    /// The account is its owner's, but disabled: no reset is mailed, since its link would not work.
    DoneWhileDisabled,
    /// The link was used before, and did it then.
    Before,
}

impl SecureAccount {
    /// Takes accounts in `store` back, by links that were made under `key` and live for `life`.
    #[must_use]
    pub fn new(store: Store, limiter: Limiter, key: SecretString, life: Duration) -> Self {
        Self {
            store,
            limiter,
            key: Arc::new(key),
            life,
        }
    }

    /// Takes the account back by the link with `token`.
    ///
    /// # Errors
    /// [`LinkError`].
    pub async fn secure(&self, meta: &RequestMeta, token: &str) -> Result<Secured, LinkError> {
        self.limiter.admit_client(Rule::SecureAccount, meta).await?;
        let token =
            NoticeToken::parse(token).ok_or_else(|| invalid(Cause::MalformedToken, None))?;
        let row = self
            .store
            .outbox_row(token.row())
            .await?
            .ok_or_else(|| invalid(Cause::UnknownToken, None))?;
        let id = row
            .user_id
            .ok_or_else(|| invalid(Cause::UnknownToken, None))?;
        // A token names its row itself; only one that was made under the key is recorded at the account.
        if !token.is_of(self.key.expose_secret().as_bytes(), id) {
            return Err(invalid(Cause::UnknownToken, None));
        }
        if row.used_at.is_some() && self.store.now() < row.created_at.plus(self.life) {
            return Ok(Secured::Before);
        }
        let user = self
            .store
            .user(id)
            .await?
            .ok_or_else(|| invalid(Cause::UnknownUser, Some(id)))?;
        if life_of_link(&user, &row, self.life, self.store.now()).is_some() {
            return self.take_back(meta, &user, &row).await;
        }
        // It may have been used since the row was read; that use is what made it dead.
        match self.store.outbox_row(row.id).await? {
            Some(row)
                if row.used_at.is_some() && row.used_at > Some(self.store.now().minus(RACE)) =>
            {
                Ok(Secured::Before)
            }
            _ => Err(self.dead_link(id, &row)),
        }
    }

    /// The refusal says where the link was mailed, by the address's fingerprint, and what ended it.
    fn dead_link(&self, user: UserId, notice: &Row) -> LinkError {
        let has_expired = self.store.now() >= notice.created_at.plus(self.life);
        let refusal = Refusal::new(if has_expired {
            Cause::ExpiredToken
        } else {
            Cause::RecoveredSince
        })
        .user(user);
        let refusal = match &notice.address {
            Some(key) => refusal.text("mailed_to", key),
            None => refusal,
        };
        LinkError::Invalid(Box::new(refusal))
    }

    async fn take_back(
        &self,
        meta: &RequestMeta,
        user: &User,
        notice: &Row,
    ) -> Result<Secured, LinkError> {
        let now = self.store.now();
        let key = notice.address.as_deref().unwrap_or_default();
        let claims: Vec<&FormerAddress> = user.claims(now).collect();
        let place = claims
            .iter()
            .position(|claim| claim.key == key)
            .filter(|_| key != user.address_key());
        let (kept, restored, later) = split(&claims, place);
        let to = match restored {
            Some(claim) => Some(self.former(user, claim).await?),
            None => None,
        };
        let mut removed = Vec::new();
        let mut losers = Vec::new();
        if to.is_some() {
            removed.push(user.address_key());
            losers.push(user.email.clone());
            for claim in &later {
                removed.push(claim.key.clone());
                losers.push(self.former(user, claim).await?.address().to_owned());
            }
        }
        let entry = self.store.entry(meta).by_owner(user.id);
        let entry = match &to {
            Some(to) => entry
                .reason(Cause::AddressTakenBack)
                .text("old_email", user.address_key())
                .text("new_email", to.fingerprint()),
            None => entry,
        };
        let reset = self
            .store
            .row(&entry, Some(MailKind::PasswordReset), Some(user.id))
            .about(key)
            .sweeping();
        let farewells = losers.iter().map(|address| {
            self.store
                .row(&entry, Some(MailKind::AddressRemoved), Some(user.id))
                .mailed_to(address)
        });
        let rows: Vec<_> = std::iter::once(reset).chain(farewells).collect();
        let back = TakeBack {
            user,
            notice: notice.id,
            to: to.as_ref(),
            removed: &removed,
            former: &kept,
        };
        if self.store.take_back(&back, &entry, &rows).await? {
            return Ok(if user.is_active() {
                Secured::Done
            } else {
                Secured::DoneWhileDisabled
            });
        }
        // Of two uses at once one is the first; the other finds it done.
        match self.store.outbox_row(notice.id).await? {
            Some(row) if row.used_at.is_some() => Ok(Secured::Before),
            _ => Err(LinkError::Changed),
        }
    }

    /// The address of a claim.
    async fn former(&self, user: &User, claim: &FormerAddress) -> Result<EmailAddress, LinkError> {
        let stored = self.store.former_address(user.id, claim).await?;
        Ok(address_of(&stored.ok_or(LinkError::Conflict)?)?)
    }
}

/// The claims before the restored one, the restored one, and those after it.
fn split<'a>(
    claims: &[&'a FormerAddress],
    place: Option<usize>,
) -> (
    Vec<FormerAddress>,
    Option<&'a FormerAddress>,
    Vec<&'a FormerAddress>,
) {
    let Some(place) = place else {
        return (
            claims.iter().map(|claim| (*claim).clone()).collect(),
            None,
            Vec::new(),
        );
    };
    let kept = claims
        .iter()
        .take(place)
        .map(|claim| (*claim).clone())
        .collect();
    (
        kept,
        claims.get(place).copied(),
        claims.iter().skip(place + 1).copied().collect(),
    )
}

/// When the link of a notice expires; `None` if it is dead: expired, used, of an address that has no claim any more, or
/// killed by a later recovery through the same or an earlier address.
#[must_use]
pub fn life_of_link(
    user: &User,
    notice: &Row,
    life: Duration,
    now: Timestamp,
) -> Option<Timestamp> {
    let key = notice.address.as_deref()?;
    let end = notice.created_at.plus(life);
    let (level, end) = if key == user.address_key() {
        (user.recovery_level, end)
    } else {
        let claim = user.claim_of(key, now)?;
        (claim.level, end.min(claim.until))
    };
    let is_alive = notice.used_at.is_none() && notice.level >= level && now < end;
    is_alive.then_some(end)
}
