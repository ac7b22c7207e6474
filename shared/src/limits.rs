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

use http::{HeaderName, HeaderValue};

use crate::audit_event::Refusal;
use crate::config::{Config, Limit};
use crate::domain::{Session, UserId};
use crate::problem::{Code, Problem};
use crate::request::RequestMeta;
use crate::routes::Rule;
use crate::store::{self, Admission, Charge, Store, StoreError};
use crate::telemetry::{self, Metric};

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
    /// 429, or 503 if the buckets cannot be reached.
    pub async fn admit_client(&self, rule: Rule, meta: &RequestMeta) -> Result<Charge, Problem> {
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
    /// 429, or 503 if the buckets cannot be reached and the request changes something.
    pub async fn admit_user(
        &self,
        rule: Rule,
        meta: &RequestMeta,
        user: UserId,
    ) -> Result<(), Problem> {
        let problem = match self
            .store
            .charge(rule, self.limit(rule), &user.to_string())
            .await
        {
            Ok(Admission::Admitted(_)) => return Ok(()),
            Ok(Admission::Denied(wait)) => {
                refused(rule, self.limit(rule), &user.to_string(), wait).concerning(user)
            }
            Err(error) if meta.method.is_safe() => {
                tracing::warn!(
                    rule = rule.name(),
                    error = crate::ground::error_chain(&error),
                    "a limit was skipped"
                );
                telemetry::count(Metric::LimitSkipped);
                return Ok(());
            }
            Err(error) => error.into(),
        };
        Err(problem)
    }

    /// Takes a token of a user's calls to a provider.
    ///
    /// # Errors
    /// 429, or 503 if the buckets cannot be reached.
    pub async fn admit_provider(&self, user: UserId, provider: &str) -> Result<(), Problem> {
        self.admit(Rule::ProviderCalls, &format!("{user}#{provider}"))
            .await
            .map(|_| ())
    }

    /// Takes a token of a session's own bucket, which stands in its item: what to write there.
    ///
    /// # Errors
    /// 429.
    pub fn admit_session(&self, rule: Rule, session: &Session) -> Result<i64, Problem> {
        let limit = self.limit(rule);
        store::take(limit, session.tat, self.store.now()).map_err(|wait| {
            refused(rule, limit, &session.id.to_string(), wait).concerning(session.user_id)
        })
    }

    /// 429 for a retired token of `session` that was retried `most` times within `grace`, of which `left` is left.
    #[must_use]
    pub fn retries_used_up(
        session: &Session,
        most: u32,
        grace: Duration,
        left: Duration,
    ) -> Problem {
        let policy = format!("\"refresh-retries\";q={most};w={}", grace.as_secs().max(1));
        let detail = "The spent refresh token was sent too often. Use the newer one that another call got; without it, \
                      repeat the call after `Retry-After` with the `retry_key` of the refresh. Without a key that would end the session.";
        too_many("refresh-retries", policy, &session.id.to_string(), left)
            .detail(detail)
            .concerning(session.user_id)
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

    async fn admit(&self, rule: Rule, who: &str) -> Result<Charge, Problem> {
        let limit = self.limit(rule);
        match self.store.charge(rule, limit, who).await? {
            Admission::Admitted(charge) => Ok(charge),
            Admission::Denied(wait) => Err(refused(rule, limit, who, wait)),
        }
    }

    fn limit(&self, rule: Rule) -> Limit {
        self.config.rate_limits.limit(rule)
    }
}

/// 429 with the fields of draft-ietf-httpapi-ratelimit-headers-10.
fn refused(rule: Rule, limit: Limit, who: &str, wait: Duration) -> Problem {
    let window = limit
        .interval
        .saturating_mul(u32::try_from(limit.capacity).unwrap_or(u32::MAX))
        .as_secs()
        .max(1);
    let policy = format!("\"{}\";q={};w={window}", rule.name(), limit.capacity);
    too_many(rule.name(), policy, who, wait)
}

fn too_many(name: &str, policy: String, who: &str, wait: Duration) -> Problem {
    let seconds = wait.as_millis().div_ceil(1_000).max(1);
    let state = format!("\"{name}\";r=0;t={seconds}");
    let mut problem = Problem::new(Code::RateLimited).retry_after(wait);
    for (name, value) in [("ratelimit-policy", policy), ("ratelimit", state)] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            problem = problem.header(HeaderName::from_static(name), value);
        }
    }
    problem.refused(Refusal::new("rate_limited").once(format!("{name}#{who}")))
}
