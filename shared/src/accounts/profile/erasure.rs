//! Erasure of the own account.

use super::{Profile, refusal};
use crate::accounts::ProfileError;
use crate::audit_event::Cause;
use crate::domain::{Password, Role};
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
    /// [`ProfileError`].
    pub async fn erase(
        &self,
        meta: &RequestMeta,
        caller: &Caller,
        password: &Password,
    ) -> Result<(), ProfileError> {
        caller.recently_proved()?;
        self.limiter
            .admit_user(Rule::PersonalData, meta, caller.user.id)
            .await?;
        if role_of(&caller.user, self.proof.config()) == Role::Admin {
            return Err(ProfileError::IsAdmin(Box::new(refusal(
                caller,
                Cause::IsAdmin,
            ))));
        }
        let claims = caller.user.claims(self.store.now());
        if let Some(until) = claims.map(|claim| claim.until).max() {
            let refusal = Box::new(refusal(caller, Cause::CanBeTakenBack));
            return Err(ProfileError::CanBeTakenBack { until, refusal });
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
            Err(ProfileError::Conflict)
        }
    }
}
