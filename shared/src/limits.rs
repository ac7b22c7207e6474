//! Rate limits: a bucket is asked before any work is done.
//!
//! Who pays is the client's address before a caller is known, and for signed-in callers the user, the session, or the user and
//! a provider: identity comes from a verified token and from nothing else. A route's buckets are in the route table, in the
//! order in which they are charged. The recipient of a mail pays where the mail is made (`mail/postage.rs`).
//!
//! If the buckets cannot be reached, what changes something is refused with 503: passwords are tried and mail is sent
//! there. What only reads goes on without a limit, and says so in the log.

use std::sync::Arc;
use std::time::Duration;

use crate::audit_event::{Cause, Refusal};
use crate::config::{Config, Limit};
use crate::domain::{Session, UserId};
use crate::request::RequestMeta;
use crate::routes::Rule;
use crate::store::{self, Admission, Charge, Store, StoreError};
use crate::telemetry::{self, Metric};

/// A bucket that has nothing left.
#[derive(Debug, thiserror::Error)]
#[error("the bucket {bucket} is empty")]
pub struct Exceeded {
    /// The bucket's name.
    pub bucket: &'static str,
    /// How much a full one holds.
    pub quota: u64,
    /// In which time an empty one fills up.
    pub window: Duration,
    /// When there is something in it again.
    pub wait: Duration,
    /// What the audit trail is told.
    pub refusal: Refusal,
}

/// Why a call is not let in.
#[derive(Debug, thiserror::Error)]
pub enum LimitError {
    /// Too many calls.
    #[error(transparent)]
    Exceeded(Box<Exceeded>),
    /// The bucket cannot be reached.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Asks the buckets.
#[derive(Clone)]
pub struct Limiter {
    store: Store,
    config: Arc<Config>,
}

impl Limiter {
    /// A limiter over `store`.
    #[must_use]
    pub const fn new(store: Store, config: Arc<Config>) -> Self {
        Self { store, config }
    }

    /// Takes a token of the client's address.
    ///
    /// # Errors
    /// [`LimitError`].
    pub async fn admit_client(&self, rule: Rule, meta: &RequestMeta) -> Result<Charge, LimitError> {
        self.admit(rule, &meta.client_key()).await
    }

    /// Takes a token of the recipient of a mail, who is known by the fingerprint of the address; `false` over the limit.
    /// Nothing is refused here: the answer of the request that asked for the mail was given before.
    ///
    /// # Errors
    /// [`StoreError`] if the bucket cannot be reached.
    pub async fn admit_recipient(&self, rule: Rule, recipient: &str) -> Result<bool, StoreError> {
        let admission = self.store.charge(rule, self.limit(rule), recipient).await?;
        Ok(matches!(admission, Admission::Admitted(_)))
    }

    /// Takes a token of a signed-in user.
    ///
    /// # Errors
    /// [`LimitError`]; what only reads is let in if the buckets cannot be reached.
    pub async fn admit_user(
        &self,
        rule: Rule,
        meta: &RequestMeta,
        user: UserId,
    ) -> Result<(), LimitError> {
        match self
            .store
            .charge(rule, self.limit(rule), &user.to_string())
            .await
        {
            Ok(Admission::Admitted(_)) => Ok(()),
            Ok(Admission::Denied(wait)) => {
                let exceeded = exceeded(rule, self.limit(rule), &user.to_string(), wait);
                Err(exceeded.concerning(user).into())
            }
            Err(error) if meta.method.is_safe() => {
                tracing::warn!(
                    rule = rule.name(),
                    error = crate::ground::error_chain(&error),
                    "a limit was skipped"
                );
                telemetry::count(Metric::LimitSkipped);
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Takes a token of a user's calls to a provider.
    ///
    /// # Errors
    /// [`LimitError`].
    pub async fn admit_provider(&self, user: UserId, provider: &str) -> Result<(), LimitError> {
        self.admit(Rule::ProviderCalls, &format!("{user}#{provider}"))
            .await
            .map(|_| ())
    }

    /// Takes a token of a session's own bucket, which stands in its item: what to write there.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub fn admit_session(&self, rule: Rule, session: &Session) -> Result<i64, LimitError> {
        let limit = self.limit(rule);
        store::take(limit, session.tat, self.store.now()).map_err(|wait| {
            let exceeded = exceeded(rule, limit, &session.id.to_string(), wait);
            exceeded.concerning(session.user_id).into()
        })
    }

    /// What is exceeded for a retired token of `session` that was retried `most` times within `grace`, of which `left` is left.
    #[must_use]
    pub fn retries_used_up(
        session: &Session,
        most: u32,
        grace: Duration,
        left: Duration,
    ) -> Exceeded {
        let who = session.id.to_string();
        Exceeded::new("refresh-retries", most.into(), grace, &who, left).concerning(session.user_id)
    }

    /// Gives a token back; a failure only delays its return.
    pub async fn give_back(&self, charge: Charge) {
        if let Err(error) = self.store.give_back(charge).await {
            tracing::warn!(
                error = crate::ground::error_chain(&error),
                "a token could not be given back"
            );
        }
    }

    async fn admit(&self, rule: Rule, who: &str) -> Result<Charge, LimitError> {
        let limit = self.limit(rule);
        match self.store.charge(rule, limit, who).await? {
            Admission::Admitted(charge) => Ok(charge),
            Admission::Denied(wait) => Err(exceeded(rule, limit, who, wait).into()),
        }
    }

    fn limit(&self, rule: Rule) -> Limit {
        self.config.rate_limits.limit(rule)
    }
}

fn exceeded(rule: Rule, limit: Limit, who: &str, wait: Duration) -> Exceeded {
    let capacity = u32::try_from(limit.capacity).unwrap_or(u32::MAX);
    let window = limit.interval.saturating_mul(capacity);
    Exceeded::new(rule.name(), limit.capacity, window, who, wait)
}

impl Exceeded {
    fn new(bucket: &'static str, quota: u64, window: Duration, who: &str, wait: Duration) -> Self {
        Self {
            bucket,
            quota,
            window,
            wait,
            refusal: Refusal::new(Cause::RateLimited).once(format!("{bucket}#{who}")),
        }
    }

    fn concerning(self, user: UserId) -> Self {
        let refusal = self.refusal.user(user);
        Self { refusal, ..self }
    }
}

impl From<Exceeded> for LimitError {
    fn from(exceeded: Exceeded) -> Self {
        Self::Exceeded(Box::new(exceeded))
    }
}
