//! The codes of problem documents: the one table of statuses.

use http::StatusCode;

/// What went wrong, as clients switch on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// The body is not JSON, or a member stands in it twice.
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
    /// The password was proved too long ago.
    ReauthenticationRequired,
    /// Address and password do not belong together.
    InvalidCredentials,
    /// The refresh token is unknown, expired, revoked, reused or outdated.
    InvalidRefreshToken,
    /// The address has not been proved.
    EmailNotVerified,
    /// The account is closed.
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

    /// Status, stable name, title and default detail.
    #[expect(clippy::too_many_lines, reason = "a table")]
    pub(super) const fn facts(self) -> (StatusCode, &'static str, &'static str, &'static str) {
        use StatusCode as S;
        match self {
            Self::MalformedJson => {
                (S::BAD_REQUEST, "malformed_json", "Malformed JSON", "The body is not a valid JSON object.")
            }
            Self::InvalidOrExpiredToken => (
                S::BAD_REQUEST,
                "invalid_or_expired_token",
                "Invalid or expired token",
                "The link is unknown, was used already, or has expired. Ask for a new one.",
            ),
            Self::MissingToken => (
                S::UNAUTHORIZED,
                "missing_token",
                "Missing token",
                "Send an access token as `Authorization: Bearer …`.",
            ),
            Self::InvalidToken => (
                S::UNAUTHORIZED,
                "invalid_token",
                "Invalid token",
                "The access token is not valid here. Sign in again.",
            ),
            Self::TokenExpired => (
                S::UNAUTHORIZED,
                "token_expired",
                "Token expired",
                "The access token has expired. Refresh it or sign in again.",
            ),
            Self::SessionRevoked => {
                (S::UNAUTHORIZED, "session_revoked", "Session ended", "The session has ended. Sign in again.")
            }
            Self::TokenVersionTooOld => (
                S::UNAUTHORIZED,
                "token_version_too_old",
                "Token outdated",
                "The token was issued before all tokens were renewed. Sign in again.",
            ),
            Self::ReauthenticationRequired => (
                S::UNAUTHORIZED,
                "reauthentication_required",
                "Reauthentication required",
                "The password was proved too long ago. Prove it again by POST /api/v1/auth/reauthenticate, then repeat this.",
            ),
            Self::InvalidCredentials => {
                (S::UNAUTHORIZED, "invalid_credentials", "Invalid credentials", "The address or the password is wrong.")
            }
            Self::InvalidRefreshToken => (
                S::UNAUTHORIZED,
                "invalid_refresh_token",
                "Invalid refresh token",
                "The refresh token is not valid. Sign in again.",
            ),
            Self::EmailNotVerified => (
                S::FORBIDDEN,
                "email_not_verified",
                "Address not verified",
                "Open the link in the verification mail first, or ask for a new one.",
            ),
            Self::AccountDisabled => (
                S::FORBIDDEN,
                "account_disabled",
                "Account disabled",
                "The account has been disabled. Ask your administrator.",
            ),
            Self::Forbidden => (S::FORBIDDEN, "forbidden", "Forbidden", "This is not allowed."),
            Self::NotFound => (S::NOT_FOUND, "not_found", "Not found", "There is nothing here."),
            Self::MethodNotAllowed => (
                S::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "Method not allowed",
                "Use one of the methods in the `Allow` header.",
            ),
            Self::Conflict => (
                S::CONFLICT,
                "conflict",
                "Conflict",
                "Something else changed this at the same time. Read it again and retry.",
            ),
            Self::PayloadTooLarge => (
                S::PAYLOAD_TOO_LARGE,
                "payload_too_large",
                "Payload too large",
                "The body must be at most 16384 bytes.",
            ),
            Self::UnsupportedMediaType => (
                S::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "Unsupported media type",
                "Send the body as `Content-Type: application/json`.",
            ),
            Self::ValidationFailed => (
                S::UNPROCESSABLE_ENTITY,
                "validation_failed",
                "Validation failed",
                "The request breaks the rules listed in `errors`.",
            ),
            Self::AccountLocked => (
                S::LOCKED,
                "account_locked",
                "Account locked",
                "Too many wrong passwords. Wait, or reset the password.",
            ),
            Self::RateLimited => (
                S::TOO_MANY_REQUESTS,
                "rate_limited",
                "Too many requests",
                "Too many requests. Wait as long as `Retry-After` says.",
            ),
            Self::InternalError => (
                S::INTERNAL_SERVER_ERROR,
                "internal_error",
                "Internal error",
                "Something went wrong on our side. It has been logged under the request id.",
            ),
            Self::ServiceUnavailable => (
                S::SERVICE_UNAVAILABLE,
                "service_unavailable",
                "Service unavailable",
                "The service cannot do this right now. Nothing was changed halfway; try again.",
            ),
        }
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        self.facts().0
    }

    /// The name that clients switch on.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.facts().1
    }
}
