//! Invitations: an admin asks the owner of an address to make an account, also where registration is closed.
//!
//! The mail holds nothing that the admin typed. Its link verifies the address; name and password are
//! chosen with it. An invitation is worth as much as the admin who sent it: it is dead once that account is disabled, no admin
//! any more, or was taken back by its owner.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use crate::accounts::verification::invalid;
use crate::accounts::{AdminError, LinkError};
use crate::audit_event::{Actor, Cause, Refusal};
use crate::config::Config;
use crate::domain::{
    DisplayName, EmailAddress, InvitationId, NOBODY, Password, PasswordPolicy, Reason, Role,
    Timestamp, User, UserId,
};
use crate::ground::{digest, entropy};
use crate::limits::Limiter;
use crate::passwords::PasswordHasher;
use crate::request::RequestMeta;
use crate::routes::{MailKind, Rule};
use crate::sign_in::authentication::Caller;
use crate::sign_in::issuer::role_of;
use crate::store::{Acceptance, Accepted, Holder, Invitation, RACE_TRIES, Store, address_of};
use crate::tokens::{MailPurpose, MailedToken};

/// Sends and accepts invitations.
#[derive(Clone)]
pub struct Invitations {
    store: Store,
    limiter: Limiter,
    config: Arc<Config>,
}

/// Who invites.
#[derive(Clone, Copy)]
pub enum Inviter<'a> {
    /// An admin. The invitation is worth as much as their account.
    Admin(&'a Caller),
    /// The operator with this name, by the command line.
    Operator(&'a str),
}

impl<'a> Inviter<'a> {
    fn actor(self) -> Actor<'a> {
        match self {
            Self::Admin(admin) => Actor::Admin(admin.user.id, admin.session.id),
            Self::Operator(name) => Actor::Operator(name),
        }
    }

    const fn account(self) -> Option<&'a User> {
        match self {
            Self::Admin(admin) => Some(&admin.user),
            Self::Operator(_) => None,
        }
    }
}

/// An invitation that can be used, as it was read.
struct Good {
    invitation: Invitation,
    /// The hash of its token.
    token: String,
    email: EmailAddress,
    /// The admin who sent it; `None` for one of the operator's.
    inviter: Option<User>,
    /// The account to finish, where the address was imported.
    imported: Option<UserId>,
}

/// Who is invited.
pub struct Invitee {
    /// The address.
    pub email: EmailAddress,
    /// What the admin knows its owner by; not mailed.
    pub name: Option<DisplayName>,
    /// Why.
    pub reason: Reason,
}

/// An invitation that was sent.
#[derive(Serialize, JsonSchema)]
pub struct Invited {
    /// Names the invitation.
    pub id: InvitationId,
    /// When it ends.
    #[serde(serialize_with = "Timestamp::rfc3339")]
    #[schemars(schema_with = "crate::domain::schema::timestamp")]
    pub expires_at: Timestamp,
}

/// What the owner of an invited address chooses.
pub struct Choice<'a> {
    /// The name.
    pub name: &'a DisplayName,
    /// The password.
    pub password: &'a Password,
    /// The rules that the password is held to.
    pub policy: PasswordPolicy,
}

impl Invitations {
    /// The invitations in `store`.
    #[must_use]
    pub const fn new(store: Store, limiter: Limiter, config: Arc<Config>) -> Self {
        Self {
            store,
            limiter,
            config,
        }
    }

    /// Invites the owner of an address. A newer invitation ends the older one.
    ///
    /// # Errors
    /// [`AdminError`], also for an address that is verified, or that can still be taken back.
    pub async fn invite(
        &self,
        meta: &RequestMeta,
        from: Inviter<'_>,
        invitee: &Invitee,
    ) -> Result<Invited, AdminError> {
        let global_ver = match from {
            Inviter::Admin(admin) => admin.claims.global_ver,
            Inviter::Operator(_) => self.global_version().await?,
        };
        // Another request may change the address between read and write; then it is read again.
        for attempt in 0..RACE_TRIES {
            self.store.before_try(attempt).await;
            let address = self.store.address(&invitee.email).await?;
            match address
                .as_ref()
                .map_or(Holder::Nobody, |address| address.holder(self.store.now()))
            {
                Holder::Account(user) => return Err(taken(user)),
                Holder::Former(user) => return Err(reserved(user, &invitee.email)),
                Holder::Nobody | Holder::Registration(..) | Holder::Import(_) => {}
            }
            let invitation = self.made_for(from, invitee, global_ver);
            let actor = from.actor();
            let entry = actor.sign(self.store.entry(meta)).stated(&invitee.reason);
            let entry = entry.text("invitation", invitation.id);
            let row = self
                .store
                .row(&entry, Some(MailKind::Invitation), None)
                .inviting(invitation.id);
            if self
                .store
                .invite(&invitation, &invitee.email, address.as_ref(), &entry, &row)
                .await?
            {
                return Ok(Invited {
                    id: invitation.id,
                    expires_at: invitation.expires_at,
                });
            }
        }
        Err(AdminError::AddressChanged)
    }

    /// The invitation; one that was sent with a token inside a grace ends with that grace.
    fn made_for(&self, from: Inviter<'_>, invitee: &Invitee, global_ver: u64) -> Invitation {
        let now = self.store.now();
        let grace_end = match from {
            Inviter::Admin(admin) => admin.grace_end(),
            Inviter::Operator(_) => None,
        };
        let longest = now.plus(self.config.mail.invitation_ttl);
        let expires_at = grace_end.map_or(longest, |end| longest.min(end));
        let admin = from.account();
        Invitation {
            id: InvitationId::new(entropy::uuid_v7(now, self.store.entropy())),
            email: invitee.email.address().to_owned(),
            name: invitee.name.as_ref().map(|name| name.as_str().to_owned()),
            inviter: admin.map(|admin| admin.id),
            inviter_taken_back: admin.map_or(0, |admin| admin.taken_back),
            global_ver,
            created_at: now,
            expires_at,
            token_hash: None,
            ttl: expires_at.as_secs(),
        }
    }

    async fn global_version(&self) -> Result<u64, AdminError> {
        let security = self.store.security().await?;
        Ok(security.ok_or(AdminError::NotBegun)?.ver_current)
    }

    /// Withdraws an invitation.
    ///
    /// # Errors
    /// [`AdminError`], also for one that is unknown, used or expired.
    pub async fn withdraw(
        &self,
        meta: &RequestMeta,
        admin: &Caller,
        id: InvitationId,
    ) -> Result<(), AdminError> {
        let actor = Actor::Admin(admin.user.id, admin.session.id);
        let entry = actor.sign(self.store.entry(meta)).text("invitation", id);
        if self.store.withdraw_invitation(id, &entry).await? {
            Ok(())
        } else {
            Err(AdminError::UnknownInvitation)
        }
    }

    /// Makes the account of an invitation, or finishes the imported one of its address. It does not sign in. A refused password
    /// does not use the invitation up.
    ///
    /// # Errors
    /// [`LinkError`], also for a password built on the address.
    pub async fn accept(
        &self,
        meta: &RequestMeta,
        token: &str,
        choice: &Choice<'_>,
        hasher: &PasswordHasher,
    ) -> Result<(), LinkError> {
        self.limiter
            .admit_client(Rule::AcceptInvitation, meta)
            .await?;
        let token = MailedToken::parse(MailPurpose::Invitation, token)
            .ok_or_else(|| invalid(Cause::MalformedToken, None))?;
        let mut hash = None;
        // The address may be imported between read and write; then its account is the one to finish.
        for attempt in 0..RACE_TRIES {
            self.store.before_try(attempt).await;
            let good = self.judge(&token).await?;
            let email = &good.email;
            if hash.is_none() {
                let broken = choice.policy.check(choice.password, &[email.address()]);
                if !broken.is_empty() {
                    return Err(LinkError::FirstPassword(broken));
                }
                hash = Some(hasher.hash(choice.password).await?);
            }
            let hash = hash.as_deref().unwrap_or_default();
            let new = UserId::new(entropy::uuid_v4(self.store.entropy()));
            let fresh = User::fresh(new, email, choice.name, hash, self.store.now());
            let user = User {
                email_verified: true,
                ..fresh
            };
            let account = match good.imported {
                Some(imported) => Accepted::Imported(imported, choice.name.as_str(), hash),
                None => Accepted::New(&user),
            };
            let entry = self
                .store
                .entry(meta)
                .by_owner(good.imported.unwrap_or(new));
            let entry = entry.text("invitation", good.invitation.id);
            let inviter = good.inviter.as_ref();
            let (invitation, token) = (&good.invitation, good.token.as_str());
            let accepted = Acceptance {
                invitation,
                token,
                email,
                account,
                inviter,
            };
            if self.store.accept_invitation(&accepted, &entry).await? {
                return Ok(());
            }
        }
        // The link may still be good: it is judged again when the client comes back.
        Err(LinkError::Contended)
    }

    /// The invitation of a token with everything that it is judged by: its own end, whether it is the newest of its address,
    /// the service's version, and what has become of the admin who sent it.
    async fn judge(&self, token: &MailedToken) -> Result<Good, LinkError> {
        let (id, token) = (token.invitation(), token.hash());
        let invitation = self
            .store
            .invitation(id)
            .await?
            .ok_or_else(|| invalid(Cause::UnknownToken, None))?;
        let email = address_of(&invitation.email)?;
        let address = self.store.address(&email).await?;
        let now = self.store.now();
        let stored = invitation.token_hash.as_deref().unwrap_or_default();
        let is_newest = address
            .as_ref()
            .is_some_and(|address| address.invitation == Some(id));
        let is_same = digest::equal(stored.as_bytes(), token.as_bytes());
        if !is_newest || !is_same || invitation.expires_at <= now {
            return Err(invalid(Cause::UnknownOrExpiredToken, None));
        }
        let (inviter, security) = self
            .store
            .user_and_security(invitation.inviter.unwrap_or(NOBODY))
            .await?;
        let inviter = inviter.filter(|admin| {
            let is_admin = admin.is_active() && role_of(admin, &self.config) == Role::Admin;
            is_admin && admin.taken_back == invitation.inviter_taken_back
        });
        let may_invite = invitation.inviter.is_none() || inviter.is_some();
        if !may_invite || !security.level().accepts(invitation.global_ver, now) {
            return Err(invalid(Cause::UnknownOrExpiredToken, None));
        }
        let imported = address
            .as_ref()
            .and_then(|address| match address.holder(now) {
                Holder::Import(user) => Some(user),
                _ => None,
            });
        Ok(Good {
            invitation,
            token,
            email,
            inviter,
            imported,
        })
    }
}

fn taken(user: UserId) -> AdminError {
    AdminError::TakenAddress(Box::new(Refusal::new(Cause::TakenAddress).user(user)))
}

fn reserved(user: UserId, email: &EmailAddress) -> AdminError {
    let refusal = Refusal::new(Cause::ReservedAddress)
        .user(user)
        .mailing(MailKind::AddressReserved, email.fingerprint());
    AdminError::ReservedAddress(Box::new(refusal))
}
