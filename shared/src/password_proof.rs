//! Proving a password: the lock is charged, then the hash is compared, everywhere in this order.

use std::sync::Arc;

use crate::audit::Refusal;
use crate::config::Config;
use crate::domain::{EmailAddress, Password, User};
use crate::http::{Code, Problem, error_chain};
use crate::passwords::{PasswordHasher, Verdict};
use crate::store::{LockCharge, MailKind, Store, StoreError};
use crate::telemetry::{self, Metric};

/// Proves passwords.
#[derive(Clone)]
pub struct PasswordProof {
    store: Store,
    hasher: PasswordHasher,
    config: Arc<Config>,
}

/// A try that has been charged; only with it a password is looked at.
#[derive(Debug)]
pub struct Charged {
    count: u64,
}

impl PasswordProof {
    /// A proof over `store`.
    #[must_use]
    pub const fn new(store: Store, hasher: PasswordHasher, config: Arc<Config>) -> Self {
        Self { store, hasher, config }
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

    /// Charges one try for `email`, whether or not anybody has it.
    ///
    /// # Errors
    /// 423 while the address is locked; 503.
    pub async fn charge(&self, email: &EmailAddress) -> Result<Charged, Problem> {
        match self.store.charge_lock(email, &self.config.passwords.lockout).await? {
            LockCharge::Charged(count) => Ok(Charged { count }),
            LockCharge::Locked(wait) => {
                let once = format!("lock#{}", email.canonical());
                Err(Problem::new(Code::AccountLocked).retry_after(wait).refused(Refusal::new("locked").once(once)))
            }
        }
    }

    /// Compares `password` with the user's, or with nobody's; one hash either way.
    ///
    /// # Errors
    /// 401 if it is wrong, 503 if it could not be computed.
    pub async fn compare(
        &self,
        charged: Charged,
        user: Option<&User>,
        password: &Password,
    ) -> Result<Verdict, Problem> {
        let verdict = self.hasher.verify(password, user.map(|user| user.password_hash.as_str())).await;
        let verdict = verdict.map_err(Problem::unavailable)?;
        if verdict != Verdict::Wrong {
            return Ok(verdict);
        }
        let locks = charged.count >= self.config.passwords.lockout.threshold;
        if locks {
            telemetry::count(Metric::Lockouts);
        }
        let reason = match (user, locks) {
            (_, true) => "wrong_password_locks",
            (Some(_), false) => "wrong_password",
            (None, false) => "unknown_address",
        };
        let refusal = user.map_or(Refusal::new(reason), |user| Refusal::new(reason).user(user.id));
        // One mail a lock: the charge that fills it is one.
        let refusal = if locks { refusal.notice(MailKind::AccountLocked) } else { refusal };
        Err(Problem::new(Code::InvalidCredentials).refused(refusal))
    }

    /// What became of the change that a right password was for. One that was done has forgotten the failures itself; of one that
    /// was overtaken, or could not be written, the try is forgotten here, because it was not a wrong one.
    ///
    /// # Errors
    /// 409 for `false`; 503.
    pub async fn conclude(&self, email: &EmailAddress, done: Result<bool, StoreError>) -> Result<(), Problem> {
        if !matches!(done, Ok(true)) {
            self.clear(email).await;
        }
        if done? { Ok(()) } else { Err(Problem::new(Code::Conflict)) }
    }

    /// Forgets the failures of `email`. A failure to do so only makes the next wrong password count as one more.
    pub async fn clear(&self, email: &EmailAddress) {
        if let Err(error) = self.store.clear_lock(email).await {
            tracing::warn!(error = error_chain(&error), "a lock could not be cleared");
        }
    }
}
