//! From an access token to the caller it stands for.

use std::sync::Arc;
#[cfg(feature = "tables")]
use std::time::Duration;

use uuid::Uuid;

#[cfg(feature = "tables")]
use crate::cache::{Reading, Readings, Subject};
use crate::clock::Clock;
use crate::error::VerifyError;
#[cfg(feature = "jwks")]
use crate::jwks::PublishedKeys;
#[cfg(feature = "tables")]
use crate::tables::Tables;
use crate::time::Timestamp;
use crate::token::{Claims, PresentedAccessToken, Role};

/// State that is younger is not read again for a key that it does not name: made-up names cost one read in this time.
#[cfg(feature = "tables")]
const UNKNOWN_KEY_INTERVAL: Duration = Duration::from_secs(5);

/// Somebody who has shown a good access token.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verified {
    /// What the token says.
    pub claims: Claims,
}

impl Verified {
    /// Whom the token stands for.
    #[must_use]
    pub const fn user_id(&self) -> Uuid {
        self.claims.sub
    }

    /// The session it belongs to.
    #[must_use]
    pub const fn session_id(&self) -> Uuid {
        self.claims.sid
    }

    /// What the user could do when the token was made. A role that was taken away since ends with the token.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.claims.role
    }

    /// When the password was proved, for what only a recent proof may do (RFC 9470).
    #[must_use]
    pub const fn auth_time(&self) -> Timestamp {
        Timestamp::from_millis(self.claims.auth_time.saturating_mul(1_000))
    }
}

/// Checks access tokens. Made by [`Verifier::builder`] once for a process; clones share connections and what is kept.
#[derive(Clone)]
pub struct Verifier(Arc<Inner>);

pub(crate) struct Inner {
    pub issuer: String,
    pub audience: String,
    pub clock: Arc<dyn Clock>,
    pub source: Source,
}

/// Where state and keys come from.
pub(crate) enum Source {
    /// The service's tables.
    #[cfg(feature = "tables")]
    Tables(TableSource),
    /// The published key set.
    #[cfg(feature = "jwks")]
    Published(PublishedKeys),
}

/// The tables and what was read of them.
#[cfg(feature = "tables")]
pub(crate) struct TableSource {
    pub tables: Tables,
    pub readings: Readings,
    pub idle: Option<Duration>,
}

impl From<Inner> for Verifier {
    fn from(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }
}

impl Verifier {
    /// The caller, if `token` is good here and now.
    ///
    /// # Errors
    /// [`VerifyError`]; of these [`VerifyError::Unavailable`] says that nothing could be found out.
    pub async fn verify(&self, token: &str) -> Result<Verified, VerifyError> {
        let presented = PresentedAccessToken::parse(token)?;
        match &self.0.source {
            #[cfg(feature = "tables")]
            Source::Tables(source) => self.verify_by_tables(source, token, presented).await,
            #[cfg(feature = "jwks")]
            Source::Published(keys) => {
                let keys = keys.for_kid(presented.kid(), self.0.clock.as_ref()).await?;
                let claims = presented.verify(
                    &keys,
                    &self.0.issuer,
                    &self.0.audience,
                    self.0.clock.now(),
                )?;
                Ok(Verified { claims })
            }
        }
    }

    /// Judges by what is kept, and refuses only by what was read after the question: a newer state may let in what an
    /// older one refuses (a new key, a new version after a change of password).
    #[cfg(feature = "tables")]
    async fn verify_by_tables(
        &self,
        source: &TableSource,
        token: &str,
        first: PresentedAccessToken<'_>,
    ) -> Result<Verified, VerifyError> {
        let asked = source.readings.begun();
        let (user, session): Subject = first.subject();
        let mut presented = first;
        let mut newer_than = 0;
        loop {
            let read = || source.tables.read(user, session);
            let reading = source
                .readings
                .get((user, session), newer_than, read)
                .await?;
            let is_current = reading.serial > asked;
            // A read that somebody else began may have taken longer than the bound.
            if is_current || source.readings.is_in_bound(&reading) {
                let kid = presented.kid().to_owned();
                let verdict = self.judge(source, &reading, presented);
                let is_final = is_current
                    || verdict
                        .as_ref()
                        .err()
                        .is_none_or(|refusal| self.stands(refusal, &reading, &kid));
                if is_final {
                    return verdict;
                }
                presented = PresentedAccessToken::parse(token)?;
            }
            newer_than = reading.serial;
        }
    }

    #[cfg(feature = "tables")]
    fn judge(
        &self,
        source: &TableSource,
        reading: &Reading,
        presented: PresentedAccessToken<'_>,
    ) -> Result<Verified, VerifyError> {
        let now = self.0.clock.now();
        let keys = &reading.state.security.keys;
        let claims = presented.verify(keys, &self.0.issuer, &self.0.audience, now)?;
        reading.state.judge(&claims, source.idle, now)?;
        Ok(Verified { claims })
    }

    /// Whether a refusal by kept state is final.
    #[cfg(feature = "tables")]
    fn stands(&self, refusal: &VerifyError, reading: &Reading, kid: &str) -> bool {
        match refusal {
            // One of the service's keys signed the token, so nobody can make up many of these.
            VerifyError::SessionRevoked | VerifyError::TokenVersionTooOld => false,
            VerifyError::InvalidToken => {
                let is_known = reading.state.security.keys.iter().any(|key| key.kid == kid);
                is_known
                    || self
                        .0
                        .clock
                        .now()
                        .is_within(UNKNOWN_KEY_INTERVAL, reading.began)
            }
            VerifyError::MissingToken | VerifyError::TokenExpired | VerifyError::Unavailable(_) => {
                true
            }
        }
    }
}
