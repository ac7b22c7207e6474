//! Why a token is not accepted.

use std::error::Error;
use std::sync::Arc;

use crate::token::AccessTokenError;

/// Why a token is not accepted. All but the last are the client's to mend; the last is no word about the token.
#[derive(Debug, Clone, thiserror::Error)]
pub enum VerifyError {
    /// None was shown.
    #[error("no access token was shown")]
    MissingToken,
    /// It is not one that was made for this audience.
    #[error("not a valid access token")]
    InvalidToken,
    /// Its life is over.
    #[error("the access token has expired")]
    TokenExpired,
    /// Its session has ended, or its account is closed.
    #[error("the session has ended")]
    SessionRevoked,
    /// It was issued before a rotation.
    #[error("the access token was revoked")]
    TokenVersionTooOld,
    /// State or keys cannot be read, so nothing can be said. Never an acceptance: answer 503 and let the client retry.
    #[error("state or keys cannot be read")]
    Unavailable(#[from] Unavailable),
}

impl VerifyError {
    /// The code of the service's own problem documents, for clients to switch on.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::MissingToken => "missing_token",
            Self::InvalidToken => "invalid_token",
            Self::TokenExpired => "token_expired",
            Self::SessionRevoked => "session_revoked",
            Self::TokenVersionTooOld => "token_version_too_old",
            Self::Unavailable(_) => "service_unavailable",
        }
    }
}

impl From<AccessTokenError> for VerifyError {
    fn from(error: AccessTokenError) -> Self {
        match error {
            AccessTokenError::Invalid => Self::InvalidToken,
            AccessTokenError::Expired => Self::TokenExpired,
        }
    }
}

/// What could not be read, and why: for the log, not for clients.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{what}")]
pub struct Unavailable {
    what: &'static str,
    // Shared, because all who wait for one read are told of its failure.
    source: Option<Arc<dyn Error + Send + Sync>>,
}

impl Unavailable {
    pub(crate) const fn new(what: &'static str) -> Self {
        Self { what, source: None }
    }

    pub(crate) fn because(what: &'static str, source: impl Error + Send + Sync + 'static) -> Self {
        Self {
            what,
            source: Some(Arc::new(source)),
        }
    }
}

/// Every fault of refused settings, one a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct SettingsError(pub Vec<String>);
