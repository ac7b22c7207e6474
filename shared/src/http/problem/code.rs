//! The codes of problem documents. What there is to say about each stands in `facts.rs`, the one table of statuses.

use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

/// What went wrong, as clients switch on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// The body is not JSON, or a member occurs in it twice.
    MalformedJson,
    /// A mailed token that is unknown, used or expired.
    InvalidOrExpiredToken,
    /// No access token was shown.
    MissingToken,
    /// The access token is not one of ours.
    InvalidToken,
    /// The access token's life is over.
    TokenExpired,
    /// The access token's session has ended.
    SessionRevoked,
    /// The access token was issued before a rotation.
    TokenVersionTooOld,
    /// The password was verified too long ago.
    ReauthenticationRequired,
    /// Address and password do not belong together.
    InvalidCredentials,
    /// The refresh token is unknown, expired, revoked, reused or outdated.
    InvalidRefreshToken,
    /// The address is not verified.
    EmailNotVerified,
    /// The account is disabled.
    AccountDisabled,
    /// Not for this caller.
    Forbidden,
    /// There is no such thing.
    NotFound,
    /// There is such a thing, but not for this method.
    MethodNotAllowed,
    /// Another change came first.
    Conflict,
    /// The body is too long.
    PayloadTooLarge,
    /// The body is not declared as JSON.
    UnsupportedMediaType,
    /// The request breaks rules, listed in `errors`.
    ValidationFailed,
    /// Too many wrong passwords.
    AccountLocked,
    /// Too many calls.
    RateLimited,
    /// A fault of this service.
    InternalError,
    /// The service cannot do it now.
    ServiceUnavailable,
}

impl Code {
    /// All codes.
    pub const ALL: [Self; 23] = [
        Self::MalformedJson,
        Self::InvalidOrExpiredToken,
        Self::MissingToken,
        Self::InvalidToken,
        Self::TokenExpired,
        Self::SessionRevoked,
        Self::TokenVersionTooOld,
        Self::ReauthenticationRequired,
        Self::InvalidCredentials,
        Self::InvalidRefreshToken,
        Self::EmailNotVerified,
        Self::AccountDisabled,
        Self::Forbidden,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::Conflict,
        Self::PayloadTooLarge,
        Self::UnsupportedMediaType,
        Self::ValidationFailed,
        Self::AccountLocked,
        Self::RateLimited,
        Self::InternalError,
        Self::ServiceUnavailable,
    ];

    /// The HTTP status.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        self.facts().status
    }

    /// The name in plain words.
    #[must_use]
    pub const fn title(self) -> &'static str {
        self.facts().title
    }

    /// The name that clients switch on.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.facts().name
    }
}

/// Everything there is to say about a code.
#[derive(Debug, Clone, Copy)]
pub struct Facts {
    /// The HTTP status.
    pub status: StatusCode,
    /// The name that clients switch on.
    pub name: &'static str,
    /// A few words for people.
    pub title: &'static str,
    /// In plain words, what to do; an answer may say more exactly what is the matter.
    pub detail: &'static str,
    /// When it is answered.
    pub meaning: &'static str,
    /// What a client does about it.
    pub remedy: &'static str,
    /// Whether it helps to send the request again.
    pub retry: Retry,
    /// The headers that it carries besides those of every answer.
    pub headers: &'static [HeaderFact],
}

/// A header that belongs to a code.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[schemars(rename = "ErrorHeader")]
pub struct HeaderFact {
    /// Its name.
    pub name: &'static str,
    /// What it says, and when it is there.
    pub when: &'static str,
}

/// Whether it helps to send a refused request again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// It does not.
    Never,
    /// It does once the remedy has been applied.
    Fixed,
    /// It does after `Retry-After`.
    Later,
}
