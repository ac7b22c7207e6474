//! Retries: a token whose successor was issued already.

use super::presented::MAX_RETRIES_IN_GRACE;
use super::{Attempt, Call, RECORD_INTERVAL, Refresh, won};
use crate::audit_event::Cause;
use crate::clock::MAX_CLOCK_SKEW;
use crate::domain::{RetiredToken, Session};
use crate::ground::{digest, entropy};
use crate::routes::Rule;
use crate::sign_in::SignInError;
use crate::sign_in::issuer::TokenPair;
use crate::store::StoreError;

impl Refresh {
    /// Answers a retry within the grace, which costs nothing but a count.
    pub(super) async fn retry(
        &self,
        call: &Call<'_>,
        session: Session,
        retired: RetiredToken,
    ) -> Result<Attempt, SignInError> {
        let next = Session {
            last_activity_at: self.store.now(),
            ..session
        };
        // A clock that was ahead would give the token a grace for as long as it was wrong: the grace begins now instead.
        let is_ahead = retired.at > next.last_activity_at.plus(MAX_CLOCK_SKEW);
        let pair = self.same_pair(call, &next, &retired).await?;
        let write = self.write_name();
        Ok(won(
            pair,
            self.store
                .count_retry(&next, MAX_RETRIES_IN_GRACE, is_ahead, &write)
                .await?,
        ))
    }

    /// Answers a retry after the grace, for which the session's bucket pays.
    pub(super) async fn retry_late(
        &self,
        call: &Call<'_>,
        session: Session,
        retired: RetiredToken,
    ) -> Result<Attempt, SignInError> {
        let tat = self.limiter.admit_session(Rule::Refresh, &session)?;
        let next = self.seen(call, &session, tat);
        let pair = self.same_pair(call, &next, &retired).await?;
        let is_recorded = retired
            .recorded
            .is_some_and(|at| next.last_activity_at.is_within(RECORD_INTERVAL, at));
        let entry = self
            .store
            .entry(call.meta)
            .by_owner(session.user_id)
            .session(session.id)
            .reason(Cause::Retried);
        let write = self.write_name();
        Ok(won(
            pair,
            self.store
                .retry_late(&session, &next, &write, (!is_recorded).then_some(&entry))
                .await?,
        ))
    }

    /// The successor that `retired` was given before, beside a new access token.
    async fn same_pair(
        &self,
        call: &Call<'_>,
        session: &Session,
        retired: &RetiredToken,
    ) -> Result<TokenPair, SignInError> {
        let nonce = digest::decode(&retired.nonce).ok_or(StoreError::Corrupt {
            operation: "refresh",
            source: None,
        })?;
        let pair = self
            .issuer
            .issue(
                &call.user,
                session,
                &call.security,
                &call.token.successor(&nonce),
            )
            .await?;
        Ok(pair)
    }

    /// Names a write of a retry among those of its session. It is short, so that the item stays below one write unit.
    fn write_name(&self) -> String {
        digest::encode(&entropy::bytes::<4>(self.store.entropy()))
    }
}
