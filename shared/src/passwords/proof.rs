//! Checking a password: the lock is charged, then the hash is compared, everywhere in this order.
//!
//! The login charges the lock of the address, known or unknown. A check inside a session charges the lock of the account's
//! sessions, which no stranger can reach, and a failure there counts at the login as well.

use std::sync::Arc;
use std::time::Duration;

use crate::audit_event::{Cause, Refusal};
use crate::config::Config;
use crate::domain::{Password, User};
use crate::ground::error_chain;
use crate::passwords::{HashError, PasswordHasher, Verdict};
use crate::routes::MailKind;
use crate::store::{Lock, LockCharge, Store, StoreError, address_of};
use crate::telemetry::{self, Metric};

/// Why a password opens nothing.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// Too many wrong ones.
    #[error("too many wrong passwords")]
    Locked {
        /// How long it stays locked.
        wait: Duration,
        /// What the audit trail is told.
        refusal: Box<Refusal>,
    },
    /// Address and password do not belong together.
    #[error("the email address or the password is wrong")]
    WrongCredentials(Box<Refusal>),
    /// It is not the password of the caller, who has given no address.
    #[error("the password is wrong")]
    WrongPassword(Box<Refusal>),
    /// It could not be compared.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Proves passwords.
#[derive(Clone)]
pub struct PasswordProof {
    store: Store,
    hasher: PasswordHasher,
    config: Arc<Config>,
}

/// A try that has been charged; only with it a password is compared.
#[derive(Debug)]
pub struct Charged {
    count: u64,
    in_session: bool,
}

impl PasswordProof {
    /// A proof over `store`.
    #[must_use]
    pub const fn new(store: Store, hasher: PasswordHasher, config: Arc<Config>) -> Self {
        Self {
            store,
            hasher,
            config,
        }
    }

    /// The hasher that compares.
    #[must_use]
    pub const fn hasher(&self) -> &PasswordHasher {
        &self.hasher
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Charges one try.
    ///
    /// # Errors
    /// [`PasswordError`], while it is locked.
    pub async fn charge(&self, lock: Lock<'_>) -> Result<Charged, PasswordError> {
        match self
            .store
            .charge_lock(lock, &self.config.passwords.lockout)
            .await?
        {
            LockCharge::Charged(count) => Ok(Charged {
                count,
                in_session: matches!(lock, Lock::Sessions(_)),
            }),
            LockCharge::Locked(wait) => {
                let refusal = match lock {
                    Lock::Login(email) => {
                        Refusal::new(Cause::Locked).once(format!("lock#{}", email.canonical()))
                    }
                    Lock::Sessions(user) => Refusal::new(Cause::Locked)
                        .user(user)
                        .once(format!("lock#sessions#{user}")),
                };
                let refusal = Box::new(refusal);
                Err(PasswordError::Locked { wait, refusal })
            }
        }
    }

    /// Compares `password` with the user's, or with nobody's; one hash either way.
    ///
    /// # Errors
    /// [`PasswordError`], if it is wrong.
    pub async fn compare(
        &self,
        charged: Charged,
        user: Option<&User>,
        password: &Password,
    ) -> Result<Verdict, PasswordError> {
        let verdict = self
            .hasher
            .verify(password, user.map(|user| user.password_hash.as_str()))
            .await?;
        if verdict != Verdict::Wrong {
            return Ok(verdict);
        }
        let threshold = self.config.passwords.lockout.threshold;
        let at_login = if charged.in_session {
            self.count_at_login(user).await?
        } else {
            0
        };
        let locks = charged.count >= threshold || at_login == threshold;
        if locks {
            telemetry::count(Metric::Lockouts);
        }
        let cause = match (user, locks) {
            (_, true) => Cause::WrongPasswordLocks,
            (Some(_), false) => Cause::WrongPassword,
            (None, false) => Cause::UnknownAddress,
        };
        let refusal = user.map_or(Refusal::new(cause), |user| {
            Refusal::new(cause).user(user.id)
        });
        // One mail a lock: the charge that fills it is one.
        let refusal = if locks {
            refusal.notice(MailKind::AccountLocked, user)
        } else {
            refusal
        };
        let refusal = Box::new(refusal);
        Err(if charged.in_session {
            PasswordError::WrongPassword(refusal)
        } else {
            PasswordError::WrongCredentials(refusal)
        })
    }

    /// A failure inside a session counts at the login too; the failures there, or 0 where the login is locked already.
    async fn count_at_login(&self, user: Option<&User>) -> Result<u64, StoreError> {
        let Some(user) = user else { return Ok(0) };
        let email = address_of(&user.email)?;
        Ok(
            match self
                .store
                .charge_lock(Lock::Login(&email), &self.config.passwords.lockout)
                .await?
            {
                LockCharge::Charged(count) => count,
                LockCharge::Locked(_) => 0,
            },
        )
    }

    /// What became of the change that a right password was for; `false` if it lost a race. One that was committed has forgotten
    /// the failures itself; for one that was not they are forgotten here, because the password was right.
    ///
    /// # Errors
    /// [`StoreError`] if it could not be written.
    pub async fn conclude(
        &self,
        lock: Lock<'_>,
        done: Result<bool, StoreError>,
    ) -> Result<bool, StoreError> {
        if !matches!(done, Ok(true)) {
            self.clear(lock).await;
        }
        done
    }

    /// Forgets the failures. An error here only makes the next wrong password count as one more.
    pub async fn clear(&self, lock: Lock<'_>) {
        if let Err(error) = self.store.clear_lock(lock).await {
            tracing::warn!(error = error_chain(&error), "a lock could not be cleared");
        }
    }

    /// Takes back the charge of a right password that opens nothing, and forgets no failure before it: who registered an
    /// address is not known to be its owner.
    pub async fn refund(&self, lock: Lock<'_>) {
        if let Err(error) = self.store.refund_lock(lock).await {
            tracing::warn!(
                error = error_chain(&error),
                "a charge could not be taken back"
            );
        }
    }
}
