//! Registration. The answer does not depend on who holds the address; what differs is the mail.
//!
//! An unverified address belongs to no user. The same password again is the same registration. Another one makes
//! the address contested: after that no registration's password counts, and the user who verifies the address chooses one.

use std::sync::Arc;

use crate::accounts::RegistrationError;
use crate::audit_event::{Cause, Entry, Refusal};
use crate::config::{Config, Registration as Policy};
use crate::domain::{DisplayName, EmailAddress, Password, Proof, User, UserId};
use crate::ground::entropy;
use crate::limits::Limiter;
use crate::passwords::{PasswordHasher, Verdict};
use crate::request::RequestMeta;
use crate::routes::{MailKind, Rule};
use crate::store::{Holder, Registered, Row, Store, StoreError};

/// The account that is to be made.
pub struct Applicant {
    /// Its address.
    pub email: EmailAddress,
    /// Its password.
    pub password: Password,
    /// Its name.
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
    pub const fn new(
        store: Store,
        hasher: PasswordHasher,
        limiter: Limiter,
        config: Arc<Config>,
    ) -> Self {
        Self {
            store,
            hasher,
            limiter,
            config,
        }
    }

    /// Registers `applicant`. One password hash is computed in every case.
    ///
    /// # Errors
    /// [`RegistrationError`].
    pub async fn register(
        &self,
        meta: &RequestMeta,
        applicant: &Applicant,
    ) -> Result<(), RegistrationError> {
        self.limiter.admit_client(Rule::Register, meta).await?;
        if self.config.passwords.registration == Policy::Closed {
            let once = format!("registration_closed#{}", meta.client_key());
            let refusal = Refusal::new(Cause::RegistrationClosed).once(once);
            return Err(RegistrationError::Closed(Box::new(refusal)));
        }
        // Another registration of the same address may be committed between read and write; then the address is read again.
        for _ in 0..3 {
            let address = self.store.address(&applicant.email).await?;
            let holder = address
                .as_ref()
                .map_or(Holder::Nobody, |address| address.holder(self.store.now()));
            let invited = address
                .as_ref()
                .is_some_and(|address| address.invitation.is_some());
            if self.apply(meta, applicant, holder, invited).await? == Registered::Done {
                return Ok(());
            }
        }
        Err(RegistrationError::Contended)
    }

    async fn apply(
        &self,
        meta: &RequestMeta,
        applicant: &Applicant,
        holder: Holder<'_>,
        invited: bool,
    ) -> Result<Registered, RegistrationError> {
        if let Holder::Registration(user, Some(stored)) = holder {
            let verdict = self
                .hasher
                .verify(&applicant.password, Some(stored))
                .await?;
            if verdict == Verdict::Wrong {
                let entry = self
                    .store
                    .entry(meta)
                    .user(user)
                    .reason(Cause::ContestedAddress);
                let row = self.row(&entry, MailKind::RegistrationContested, user, applicant);
                let row = row.asked_by(meta);
                let contested = self.store.contest(user, &applicant.email, &entry, &row);
                return Ok(contested.await?);
            }
            let (kind, cause) = (MailKind::RegistrationRepeated, Cause::RepeatedRegistration);
            return Ok(self.send_mail(meta, applicant, user, kind, cause).await?);
        }
        let hash = self.hasher.hash(&applicant.password).await?;
        let (user, kind, cause) = match holder {
            Holder::Nobody => return Ok(self.begin(meta, applicant, &hash, invited).await?),
            Holder::Registration(user, _) => (
                user,
                MailKind::RegistrationContested,
                Cause::ContestedAddress,
            ),
            Holder::Import(user) => (user, MailKind::PasswordWanted, Cause::ImportedAddress),
            Holder::Account(user) => (user, MailKind::AlreadyRegistered, Cause::TakenAddress),
            Holder::Former(user) => (user, MailKind::AddressReserved, Cause::ReservedAddress),
        };
        Ok(self.send_mail(meta, applicant, user, kind, cause).await?)
    }

    async fn begin(
        &self,
        meta: &RequestMeta,
        applicant: &Applicant,
        hash: &str,
        invited: bool,
    ) -> Result<Registered, StoreError> {
        let (now, email) = (self.store.now(), &applicant.email);
        let id = UserId::new(entropy::uuid_v4(self.store.entropy()));
        let until = now.plus(self.config.mail.registration_ttl);
        let demands_password = self.config.passwords.makes_admin(email);
        let user = User {
            proof: if demands_password {
                Proof::NewPassword
            } else {
                Proof::Confirmation
            },
            registered_until: Some(until),
            ttl: Some(until.as_secs()),
            ..User::fresh(id, email, &applicant.name, hash, now)
        };
        let entry = self.store.entry(meta).user(id);
        let row = self
            .row(&entry, MailKind::Verification, id, applicant)
            .asked_by(meta);
        self.store
            .register(&user, email, (until, invited), &entry, &row)
            .await
    }

    fn row(&self, entry: &Entry, kind: MailKind, user: UserId, applicant: &Applicant) -> Row {
        self.store
            .row(entry, Some(kind), Some(user))
            .about(applicant.email.fingerprint())
    }

    /// The request changes nothing; a mail tells the owner of the address what to do.
    async fn send_mail(
        &self,
        meta: &RequestMeta,
        applicant: &Applicant,
        user: UserId,
        kind: MailKind,
        cause: Cause,
    ) -> Result<Registered, StoreError> {
        let entry = self.store.entry(meta).user(user).reason(cause);
        let row = self.row(&entry, kind, user, applicant).asked_by(meta);
        self.store.ask_for_mail(&row, &entry).await?;
        Ok(Registered::Done)
    }
}
