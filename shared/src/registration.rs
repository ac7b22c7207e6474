//! Registration. The answer is the same for a free and a taken address; what differs is the mail.

use std::sync::Arc;

use uuid::Uuid;

use crate::audit::Refusal;
use crate::config::{Config, Registration as Policy, Rule};
use crate::domain::{DisplayName, EmailAddress, Password, User, UserId};
use crate::entropy;
use crate::http::{Code, Problem};
use crate::limits::Limiter;
use crate::passwords::PasswordHasher;
use crate::request::RequestMeta;
use crate::store::{MailKind, Registered, Store};

/// Somebody who wants an account.
pub struct Applicant {
    /// Their address.
    pub email: EmailAddress,
    /// Their password.
    pub password: Password,
    /// Their name.
    pub name: DisplayName,
}

/// Makes accounts.
#[derive(Clone)]
pub struct Registration {
    store: Store,
    hasher: PasswordHasher,
    limiter: Limiter,
    config: Arc<Config>,
}

impl Registration {
    /// A registration over `store`.
    #[must_use]
    pub const fn new(store: Store, hasher: PasswordHasher, limiter: Limiter, config: Arc<Config>) -> Self {
        Self { store, hasher, limiter, config }
    }

    /// Registers `applicant`. A free address gets an account; an unproved one gets the new name and password, since whoever
    /// proves it owns it; the owner of a proved one gets a notice. One hash is computed either way.
    ///
    /// # Errors
    /// 403 where registration is closed, 429, 503.
    pub async fn register(&self, meta: &RequestMeta, applicant: &Applicant) -> Result<(), Problem> {
        if self.config.passwords.registration == Policy::Closed {
            let problem =
                Problem::new(Code::Forbidden).detail("Registration is closed. Ask the operator for an invitation.");
            return Err(problem.refused(Refusal::new("registration_closed")));
        }
        self.limiter.admit_client(Rule::Register, meta).await?;
        let hash = self.hasher.hash(&applicant.password).await.map_err(Problem::unavailable)?;
        // Another registration of the same address may come in between; then the address is looked at again.
        for _ in 0..3 {
            let registered = match self.store.address_owner(&applicant.email).await? {
                None => self.register_new(meta, applicant, &hash).await?,
                Some(owner) if owner.verified => self.tell_owner(meta, owner.user_id).await?,
                Some(owner) => self.register_again(meta, applicant, &hash, owner.user_id).await?,
            };
            if registered == Registered::Done {
                return Ok(());
            }
        }
        Err(Problem::new(Code::ServiceUnavailable).retry_after(std::time::Duration::from_secs(1)))
    }

    async fn register_new(&self, meta: &RequestMeta, applicant: &Applicant, hash: &str) -> Result<Registered, Problem> {
        let id = UserId::new(entropy::uuid_v4(self.store.entropy()));
        let user = User::fresh(id, &applicant.email, &applicant.name, hash, self.store.now());
        let row = self.store.row(Some(MailKind::Verification), Some(id));
        let entry = self.store.entry(meta).user(id);
        Ok(self.store.register_new(&user, &applicant.email, &entry, &row).await?)
    }

    async fn register_again(
        &self,
        meta: &RequestMeta,
        applicant: &Applicant,
        hash: &str,
        id: UserId,
    ) -> Result<Registered, Problem> {
        let user = User::fresh(id, &applicant.email, &applicant.name, hash, self.store.now());
        let row = self.store.row(Some(MailKind::Verification), Some(id));
        let entry = self.store.entry(meta).user(id).reason("unverified_address");
        Ok(self.store.register_again(&user, &entry, &row).await?)
    }

    async fn tell_owner(&self, meta: &RequestMeta, id: UserId) -> Result<Registered, Problem> {
        let row = self.store.row(Some(MailKind::AlreadyRegistered), Some(id));
        let entry = self.store.entry(meta).user(id).reason("taken_address");
        self.store.ask_for_mail(&row, &entry).await?;
        Ok(Registered::Done)
    }
}

/// Whom nobody's requests are about: an identifier that no account has.
pub(crate) const NOBODY: UserId = UserId::new(Uuid::nil());
