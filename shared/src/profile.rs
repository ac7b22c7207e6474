//! What users change about their own account: name, address, password, and whether there is one.

use crate::audit::Refusal;
use crate::config::Rule;
use crate::domain::{DisplayName, EmailAddress, Password, Role, Session};
use crate::http::{Caller, Code, FieldFault, Fields, Problem};
use crate::issuer::{Issuer, TokenPair, role_of};
use crate::limits::Limiter;
use crate::password_proof::PasswordProof;
use crate::request::RequestMeta;
use crate::store::{Erased, MailKind, PasswordChange, Store};
use crate::tokens::{Family, RefreshToken};
use crate::verification::address_of;

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
        Self { store, proof, limiter }
    }

    /// Changes name, address, or both. A new address waits as `pending_email` until it is proved; nothing tells whether
    /// somebody else has it.
    ///
    /// # Errors
    /// 401 for a wrong password or, with an address, one that was proved too long ago; 409 if the account was changed
    /// meanwhile; 423; 503.
    pub async fn update(
        &self,
        meta: &RequestMeta,
        caller: &mut Caller,
        name: Option<&DisplayName>,
        address: Option<&NewAddress>,
    ) -> Result<(), Problem> {
        let own = address_of(&caller.user.email)?;
        let entry = self.store.entry(meta).by_owner(caller.user.id).session(caller.session.id);
        let mut rows = Vec::new();
        if let Some(address) = address {
            caller.recently_proved()?;
            let charged = self.proof.charge(&own).await?;
            self.proof.compare(charged, Some(&caller.user), &address.current_password).await?;
            rows.push(self.store.row(Some(MailKind::AddressChangeRequested), Some(caller.user.id)).asked_by(meta));
            rows.push(self.store.row(Some(MailKind::AddressChange), Some(caller.user.id)));
        }
        let (name, email) = (name.map(DisplayName::as_str), address.map(|address| &address.email));
        let done = self.store.update_profile(&caller.user, name, email, &entry, &rows).await;
        if address.is_some() {
            self.proof.clear(&own).await;
        }
        if !done? {
            return Err(Problem::new(Code::Conflict));
        }
        if let Some(name) = name {
            name.clone_into(&mut caller.user.name);
        }
        if let Some(email) = email {
            caller.user.pending_email = Some(email.address().to_owned());
        }
        Ok(())
    }

    /// Changes the password. Every other session ends, the caller's goes on under fresh tokens, and all mailed tokens die.
    ///
    /// # Errors
    /// 401 for a wrong password or one that was proved too long ago; 409 if the account was changed meanwhile; 422 for the
    /// same password again; 423; 429; 503.
    pub async fn change_password(
        &self,
        meta: &RequestMeta,
        caller: &Caller,
        current: &Password,
        new: &Password,
        issuer: &Issuer,
    ) -> Result<TokenPair, Problem> {
        caller.recently_proved()?;
        self.limiter.admit_user(Rule::ChangePassword, meta, caller.user.id).await?;
        let email = address_of(&caller.user.email)?;
        let charged = self.proof.charge(&email).await?;
        self.proof.compare(charged, Some(&caller.user), current).await?;
        if current.expose() == new.expose() {
            self.proof.clear(&email).await;
            return Err(same_password());
        }
        let hash = self.proof.hasher().hash(new).await.map_err(Problem::unavailable)?;
        let entropy = self.store.entropy();
        let family = Family::random(entropy);
        let refresh = RefreshToken::random(caller.user.id, caller.session.id, family, entropy);
        let entry = self.store.entry(meta).by_owner(caller.user.id).session(caller.session.id);
        let session = Session {
            family: family.hash(),
            current: refresh.hash(),
            user_ver: caller.user.ver_current + 1,
            global_ver: caller.security.ver_current,
            auth_time: entry.occurred_at,
            last_activity_at: entry.occurred_at,
            ..caller.session.clone()
        };
        let change = PasswordChange { user: &caller.user, email: &email, hash: &hash, now: entry.occurred_at };
        let row = self.store.row(Some(MailKind::PasswordChanged), Some(caller.user.id)).asked_by(meta).sweeping();
        let tokens = match issuer.issue(&caller.user, &session, &caller.security, &refresh).await {
            Ok(tokens) => tokens,
            Err(problem) => {
                self.proof.clear(&email).await;
                return Err(problem);
            }
        };
        self.proof.conclude(&email, self.store.change_password(&change, &session, &entry, &row).await).await?;
        Ok(tokens)
    }

    /// Erases the account. From then on nothing that was issued to it is accepted, because every use of it reads the account;
    /// whoever registers with the address later gets a new one. The trail stays.
    ///
    /// # Errors
    /// 401 for a wrong password or one that was proved too long ago; 409 for an admin, or if the account was changed
    /// meanwhile; 423; 429; 503.
    pub async fn erase(&self, meta: &RequestMeta, caller: &Caller, password: &Password) -> Result<(), Problem> {
        caller.recently_proved()?;
        self.limiter.admit_user(Rule::PersonalData, meta, caller.user.id).await?;
        if role_of(&caller.user, self.proof.config()) == Role::Admin {
            return Err(admins_stay(caller));
        }
        let email = address_of(&caller.user.email)?;
        let charged = self.proof.charge(&email).await?;
        self.proof.compare(charged, Some(&caller.user), password).await?;
        let entry = self.store.entry(meta).by_owner(caller.user.id).session(caller.session.id);
        let row = self.store.farewell(&caller.user).asked_by(meta);
        // Who is signed in has proved the address, and a proved address is its account's.
        let erased = Erased { user: &caller.user, email: &email, has_address: true };
        self.proof.conclude(&email, self.store.erase_user(&erased, &entry, &row).await).await
    }
}

/// The last admin could lock everybody out, and of two who leave at once each would be the other's reason.
fn admins_stay(caller: &Caller) -> Problem {
    let detail =
        "An admin's account is not erased: the last admin could lock everybody out. Have the role taken away first.";
    let refusal = Refusal::new("is_admin").user(caller.user.id).session(caller.session.id);
    Problem::new(Code::Conflict).detail(detail).refused(refusal)
}

fn same_password() -> Problem {
    let mut fields = Fields::empty();
    fields.refuse("new_password", FieldFault::new("same_as_current", "Must differ from the current password."));
    fields.complete(Some(())).err().unwrap_or_else(|| Problem::new(Code::ValidationFailed))
}
