//! Erasure of the own account.

use super::Profile;
use crate::audit_event::Refusal;
use crate::domain::{Password, Role, Timestamp};
use crate::problem::{Code, Problem};
use crate::request::RequestMeta;
use crate::routes::Rule;
use crate::sign_in::authentication::Caller;
use crate::sign_in::issuer::role_of;
use crate::store::{Erased, Lock, address_of};

impl Profile {
    /// Erases the account. From then on nothing that was issued to it is accepted, because every use of it reads the account;
    /// whoever registers with the address later gets a new one. The trail stays.
    ///
    /// # Errors
    /// 401 for a wrong password or one that was proved too long ago; 409 for an admin, or if the account was changed
    /// meanwhile; 423; 429; 503.
    pub async fn erase(
        &self,
        meta: &RequestMeta,
        caller: &Caller,
        password: &Password,
    ) -> Result<(), Problem> {
        caller.recently_proved()?;
        self.limiter
            .admit_user(Rule::PersonalData, meta, caller.user.id)
            .await?;
        if role_of(&caller.user, self.proof.config()) == Role::Admin {
            return Err(admins_stay(caller));
        }
        if let Some(last) = caller
            .user
            .claims(self.store.now())
            .map(|claim| claim.until)
            .max()
        {
            return Err(claims_stand(caller, last));
        }
        let (email, lock) = (
            address_of(&caller.user.email)?,
            Lock::Sessions(caller.user.id),
        );
        let charged = self.proof.charge(lock).await?;
        self.proof
            .compare(charged, Some(&caller.user), password)
            .await?;
        let entry = self
            .store
            .entry(meta)
            .by_owner(caller.user.id)
            .session(caller.session.id);
        let row = self.store.farewell(&entry, &caller.user).asked_by(meta);
        // Who is signed in has verified the address, and a verified address is its account's.
        let erased = Erased {
            user: &caller.user,
            email: &email,
            has_address: true,
            keeper: None,
        };
        let done = self.store.erase_user(&erased, &entry, &[row]).await;
        if self.proof.conclude(lock, done).await? {
            Ok(())
        } else {
            Err(Problem::new(Code::Conflict))
        }
    }
}

/// The last admin could lock everybody out, and of two who leave at once each would be the other's reason.
fn admins_stay(caller: &Caller) -> Problem {
    let detail = "An admin's account is not erased: the last admin could lock everybody out. Have the role taken away first.";
    let refusal = Refusal::new("is_admin")
        .user(caller.user.id)
        .session(caller.session.id);
    Problem::new(Code::Conflict).detail(detail).refused(refusal)
}

/// An erased account could not be taken back, and who moved it away from its owner must not be able to bring that about.
fn claims_stand(caller: &Caller, until: Timestamp) -> Problem {
    let detail = format!(
        "A former email address of this account can take it back until {until}. Try again after that."
    );
    let refusal = Refusal::new("can_be_taken_back")
        .user(caller.user.id)
        .session(caller.session.id);
    Problem::new(Code::Conflict).detail(detail).refused(refusal)
}
