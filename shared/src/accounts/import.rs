//! Accounts that come from elsewhere, with what they bring along; their password is a [`ForeignHash`].

use crate::accounts::administration::Administration;
use crate::audit_event::{Actor, Cause};
use crate::domain::{
    DisplayName, EmailAddress, NOBODY, Proof, Reason, Status, Timestamp, User, UserId,
};
use crate::ground::entropy;
use crate::passwords::foreign_hash::ForeignHash;
use crate::request::RequestMeta;
use crate::routes::MailKind;
use crate::store::{Admitted, NO_PASSWORD, StoreError};

/// Somebody with an account elsewhere.
#[derive(Debug, Clone)]
pub struct Newcomer {
    /// The identifier to keep; without one a new one is made.
    pub id: Option<UserId>,
    /// The address.
    pub email: EmailAddress,
    /// Whether the other service has proved it.
    pub email_verified: bool,
    /// The name.
    pub name: DisplayName,
    /// The password; without one only a reset lets somebody in.
    pub password: Option<ForeignHash>,
    /// Whether the account may be used.
    pub is_active: bool,
    /// When the account was made there.
    pub created_at: Option<Timestamp>,
}

impl Administration {
    /// Makes an account of a newcomer, in one write. Nobody gets a mail, and nobody becomes an admin.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn admit(
        &self,
        meta: &RequestMeta,
        actor: Actor<'_>,
        newcomer: &Newcomer,
        reason: &Reason,
    ) -> Result<Admitted, StoreError> {
        // Unknown addresses are logged in to nobody's account: it must not be there.
        if newcomer.id == Some(NOBODY) {
            return Ok(Admitted::IdTaken);
        }
        let store = self.store();
        let id = newcomer
            .id
            .unwrap_or_else(|| UserId::new(entropy::uuid_v4(store.entropy())));
        let hash = newcomer
            .password
            .as_ref()
            .map_or(NO_PASSWORD, ForeignHash::as_str);
        let now = store.now();
        let user = User {
            email_verified: newcomer.email_verified,
            proof: Proof::NewPassword,
            status: if newcomer.is_active {
                Status::Active
            } else {
                Status::Disabled
            },
            created_at: newcomer.created_at.unwrap_or(now).min(now),
            ..User::fresh(id, &newcomer.email, &newcomer.name, hash, now)
        };
        let entry = actor.sign(store.entry(meta)).user(id).stated(reason);
        let admitted = store.admit_user(&user, &newcomer.email, &entry).await?;
        if admitted == Admitted::IdTaken {
            // The records of the account that has or had the identifier say that it was wanted again.
            store
                .record(
                    &actor
                        .sign(store.refused_entry(meta))
                        .user(id)
                        .reason(Cause::IdTaken),
                )
                .await?;
        }
        if let Admitted::AddressReserved(owner) = admitted {
            // Its owner can still take an account back to the address, and gets the link to do so again.
            let entry = actor
                .sign(store.entry(meta))
                .user(owner)
                .reason(Cause::ReservedAddress);
            let row = store
                .row(&entry, Some(MailKind::AddressReserved), Some(owner))
                .about(newcomer.email.fingerprint());
            store.ask_for_mail(&row, &entry).await?;
        }
        Ok(admitted)
    }
}
