//! Step-up: the owner of a session proves the password again, for what a stolen token alone must not do (RFC 9470).

use schemars::JsonSchema;
use serde::Serialize;

use crate::domain::{Password, Session};
use crate::limits::Limiter;
use crate::passwords::proof::PasswordProof;
use crate::request::RequestMeta;
use crate::routes::Rule;
use crate::sign_in::SignInError;
use crate::sign_in::authentication::Caller;
use crate::sign_in::issuer::{AccessGrant, Issuer};
use crate::store::{Lock, Store};

/// Renews password proofs.
#[derive(Clone)]
pub struct Reauthentication {
    /// The tables.
    pub store: Store,
    /// Lock and hash.
    pub proof: PasswordProof,
    /// The user's bucket.
    pub limiter: Limiter,
    /// The new access token.
    pub issuer: Issuer,
}

/// What a renewed proof gives.
#[derive(Serialize, JsonSchema)]
pub struct Renewed {
    /// The access token under the present versions; the refresh token stays as it is.
    #[serde(flatten)]
    pub grant: AccessGrant,
}

impl Reauthentication {
    /// Proves the password and puts the session under the present moment and versions: a password proof is what brings new
    /// ones. They are those that were read before the hash, so what a rotation overtakes meanwhile is dead.
    ///
    /// # Errors
    /// [`SignInError`].
    pub async fn renew(
        &self,
        meta: &RequestMeta,
        caller: &Caller,
        password: &Password,
    ) -> Result<Renewed, SignInError> {
        self.limiter
            .admit_user(Rule::Reauthenticate, meta, caller.user.id)
            .await?;
        let lock = Lock::Sessions(caller.user.id);
        let charged = self.proof.charge(lock).await?;
        self.proof
            .compare(charged, Some(&caller.user), password)
            .await?;
        let entry = self
            .store
            .entry(meta)
            .by_owner(caller.user.id)
            .session(caller.session.id);
        let session = Session {
            user_ver: caller.user.ver_current,
            global_ver: caller.security.ver_current,
            auth_time: entry.occurred_at,
            last_activity_at: entry.occurred_at,
            ..caller.session.clone()
        };
        let grant = match self
            .issuer
            .access(&caller.user, &session, &caller.security)
            .await
        {
            Ok(grant) => grant,
            Err(error) => {
                self.proof.clear(lock).await;
                return Err(error.into());
            }
        };
        let done = self
            .store
            .renew_proof(&caller.session, &session, &entry)
            .await;
        if self.proof.conclude(lock, done).await? {
            Ok(Renewed { grant })
        } else {
            Err(SignInError::Conflict)
        }
    }
}
