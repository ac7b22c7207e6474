//! What users change about their own account: name, address, password, and whether there is one.

mod erasure;

use crate::accounts::{MAX_CLAIMS, ProfileError};
use crate::audit_event::{Cause, Entry, Refusal};
use crate::domain::{DisplayName, EmailAddress, Password, Session, Timestamp};
use crate::limits::Limiter;
use crate::passwords::proof::{PasswordError, PasswordProof};
use crate::request::RequestMeta;
use crate::routes::{MailKind, Rule};
use crate::sign_in::authentication::Caller;
use crate::sign_in::issuer::{Issuer, TokenPair};
use crate::store::{Lock, PasswordChange, PendingEmail, Store, address_of};
use crate::tokens::{Family, RefreshToken};

/// Changes profiles.
#[derive(Clone)]
pub struct Profile {
    store: Store,
    proof: PasswordProof,
    limiter: Limiter,
}

/// A change of address with the password that allows it.
pub struct NewAddress {
    /// The address to come.
    pub email: EmailAddress,
    /// The present password.
    pub current_password: Password,
}

impl Profile {
    /// The profiles in `store`.
    #[must_use]
    pub const fn new(store: Store, proof: PasswordProof, limiter: Limiter) -> Self {
        Self {
            store,
            proof,
            limiter,
        }
    }

    /// Changes name, address, or both. A new address waits as `pending_email` until it is verified; the answer does not say
    /// whether another account has it. The present address calls a pending change off.
    ///
    /// # Errors
    /// [`ProfileError`]; with an address also for a password that was verified too long ago.
    pub async fn update(
        &self,
        meta: &RequestMeta,
        caller: &mut Caller,
        name: Option<&DisplayName>,
        address: Option<&NewAddress>,
    ) -> Result<(), ProfileError> {
        self.limiter
            .admit_user(Rule::Profile, meta, caller.user.id)
            .await?;
        let pending = match address {
            Some(address) => Some(self.pending_of(meta, caller, address).await?),
            None => None,
        };
        let entry = self
            .store
            .entry(meta)
            .by_owner(caller.user.id)
            .session(caller.session.id);
        let entry = change_entry(entry, caller, name, pending);
        let rows = match pending {
            Some(PendingEmail::To(_)) => vec![
                self.store
                    .notice(&entry, MailKind::AddressChangeRequested, &caller.user)
                    .asked_by(meta),
                self.store
                    .row(&entry, Some(MailKind::AddressChange), Some(caller.user.id))
                    .asked_by(meta),
            ],
            Some(PendingEmail::CalledOff) | None => Vec::new(),
        };
        let new_name = name.map(DisplayName::as_str);
        let done = self
            .store
            .update_profile(&caller.user, new_name, pending, &entry, &rows)
            .await;
        if address.is_some() {
            self.proof.clear(Lock::Sessions(caller.user.id)).await;
        }
        if !done? {
            return Err(ProfileError::Conflict);
        }
        if let Some(name) = new_name {
            name.clone_into(&mut caller.user.name);
        }
        match pending {
            Some(PendingEmail::To(email)) => {
                caller.user.pending_email = Some(email.address().to_owned());
            }
            Some(PendingEmail::CalledOff) => caller.user.pending_email = None,
            None => {}
        }
        Ok(())
    }

    /// What an address in a request makes of the pending change, once the password is checked.
    async fn pending_of<'a>(
        &self,
        meta: &RequestMeta,
        caller: &Caller,
        address: &'a NewAddress,
    ) -> Result<PendingEmail<'a>, ProfileError> {
        caller.recently_proved()?;
        let is_present = address_of(&caller.user.email)? == address.email;
        if !is_present {
            self.limiter
                .admit_user(Rule::AddressChange, meta, caller.user.id)
                .await?;
        }
        let lock = Lock::Sessions(caller.user.id);
        let charged = self.proof.charge(lock).await?;
        self.proof
            .compare(charged, Some(&caller.user), &address.current_password)
            .await?;
        if is_present {
            return Ok(PendingEmail::CalledOff);
        }
        if caller.user.claims(self.store.now()).count() >= MAX_CLAIMS {
            self.proof.clear(lock).await;
            return Err(moved_too_often(caller, self.store.now()));
        }
        Ok(PendingEmail::To(&address.email))
    }

    /// Changes the password. Every other session ends, the caller's goes on under fresh tokens, and all mailed tokens die.
    ///
    /// # Errors
    /// [`ProfileError`].
    pub async fn change_password(
        &self,
        meta: &RequestMeta,
        caller: &Caller,
        current: &Password,
        new: &Password,
        issuer: &Issuer,
    ) -> Result<TokenPair, ProfileError> {
        caller.recently_proved()?;
        self.limiter
            .admit_user(Rule::ChangePassword, meta, caller.user.id)
            .await?;
        let (email, lock) = (
            address_of(&caller.user.email)?,
            Lock::Sessions(caller.user.id),
        );
        let charged = self.proof.charge(lock).await?;
        self.proof
            .compare(charged, Some(&caller.user), current)
            .await?;
        if current.expose() == new.expose() {
            self.proof.clear(lock).await;
            return Err(ProfileError::SamePassword);
        }
        let hash = self.proof.hasher().hash(new).await;
        let hash = hash.map_err(PasswordError::from)?;
        let entropy = self.store.entropy();
        let family = Family::random(entropy);
        let refresh = RefreshToken::random(caller.user.id, caller.session.id, family, entropy);
        let entry = self
            .store
            .entry(meta)
            .by_owner(caller.user.id)
            .session(caller.session.id);
        let session = Session {
            family: family.hash(),
            current: refresh.hash(),
            user_ver: caller.user.ver_current + 1,
            global_ver: caller.security.ver_current,
            auth_time: entry.occurred_at,
            last_activity_at: entry.occurred_at,
            ..caller.session.clone()
        };
        let change = PasswordChange {
            user: &caller.user,
            email: &email,
            hash: &hash,
            name: None,
        };
        let row = self
            .store
            .notice(&entry, MailKind::PasswordChanged, &caller.user)
            .asked_by(meta)
            .sweeping();
        let tokens = match issuer
            .issue(&caller.user, &session, &caller.security, &refresh)
            .await
        {
            Ok(tokens) => tokens,
            Err(error) => {
                self.proof.clear(lock).await;
                return Err(error.into());
            }
        };
        let done = self
            .store
            .change_password(&change, &session, &entry, &row)
            .await;
        if self.proof.conclude(lock, done).await? {
            Ok(tokens)
        } else {
            Err(ProfileError::Conflict)
        }
    }
}

/// The record says which address the account is to move to, or no longer is, by its fingerprint.
fn change_entry(
    entry: Entry,
    caller: &Caller,
    name: Option<&DisplayName>,
    pending: Option<PendingEmail<'_>>,
) -> Entry {
    let entry = if name.is_some() && pending.is_some() {
        entry.text("name", "changed")
    } else {
        entry
    };
    match pending {
        Some(PendingEmail::To(email)) => entry
            .reason(Cause::AddressChangeRequested)
            .text("new_email", email.fingerprint()),
        Some(PendingEmail::CalledOff) => match caller
            .user
            .pending_email
            .as_deref()
            .map(EmailAddress::parse)
        {
            Some(Ok(email)) => entry
                .reason(Cause::AddressChangeCalledOff)
                .text("new_email", email.fingerprint()),
            _ => entry.reason(Cause::PresentAddress),
        },
        None => entry,
    }
}

fn moved_too_often(caller: &Caller, now: Timestamp) -> ProfileError {
    let until = caller
        .user
        .claims(now)
        .map(|claim| claim.until)
        .min()
        .unwrap_or(now);
    let refusal = Box::new(refusal(caller, Cause::MovedTooOften));
    ProfileError::MovedTooOften { until, refusal }
}

fn refusal(caller: &Caller, cause: Cause) -> Refusal {
    Refusal::new(cause)
        .user(caller.user.id)
        .session(caller.session.id)
}
