//! The one table of codes: what the answer says, and what the catalogue of errors says about it.

use http::StatusCode as S;

use super::code::{Code, Facts, HeaderFact, Retry};

const fn header(name: &'static str, when: &'static str) -> HeaderFact {
    HeaderFact { name, when }
}

const BEARER: HeaderFact = header(
    "WWW-Authenticate",
    "`Bearer …` (RFC 6750 section 3); a REST API renames it to `x-amzn-remapped-www-authenticate`",
);
const STEP_UP: HeaderFact = header(
    "WWW-Authenticate",
    "`Bearer … max_age=\"900\"` (RFC 9470 section 3); a REST API renames it to `x-amzn-remapped-www-authenticate`",
);
const SCOPE: HeaderFact = header(
    "WWW-Authenticate",
    "`Bearer error=\"insufficient_scope\"`, where the caller is no admin",
);
const ALLOW: HeaderFact = header("Allow", "the methods that the path has, always");
const ACCEPT_ENCODING: HeaderFact = header(
    "Accept-Encoding",
    "`identity`: no compression is taken; missing where the gateway answers by itself",
);
const RETRY_AFTER: HeaderFact = header("Retry-After", "seconds to wait, always");
const RATE_LIMIT: HeaderFact = header(
    "RateLimit",
    "what is left, where the bucket is one of this service's",
);
const RATE_LIMIT_POLICY: HeaderFact = header(
    "RateLimit-Policy",
    "the bucket, where it is one of this service's",
);

impl Code {
    /// Everything there is to say about a code.
    #[must_use]
    #[expect(clippy::too_many_lines, reason = "a table")]
    pub const fn facts(self) -> Facts {
        match self {
            Self::MalformedJson => Facts {
                status: S::BAD_REQUEST,
                name: "malformed_json",
                title: "Malformed JSON",
                detail: "The body is not a valid JSON object.",
                meaning: "The body is empty or no JSON, or a member occurs in it twice.",
                remedy: "Fix the request.",
                retry: Retry::Never,
                headers: &[],
            },
            Self::InvalidOrExpiredToken => Facts {
                status: S::BAD_REQUEST,
                name: "invalid_or_expired_token",
                title: "Invalid or expired token",
                detail: "The link is unknown, was already used, or has expired.",
                meaning: "A mailed token is unknown, used, expired or replaced by a newer one; the answer is the same for all of them.",
                remedy: "Offer a new email, where the kind of link can be asked for again.",
                retry: Retry::Never,
                headers: &[],
            },
            Self::MissingToken => Facts {
                status: S::UNAUTHORIZED,
                name: "missing_token",
                title: "Missing token",
                detail: "Send an access token as `Authorization: Bearer …`.",
                meaning: "There is no `Authorization: Bearer …`.",
                remedy: "Send the access token, or show the login.",
                retry: Retry::Fixed,
                headers: &[BEARER],
            },
            Self::InvalidToken => Facts {
                status: S::UNAUTHORIZED,
                name: "invalid_token",
                title: "Invalid token",
                detail: "The access token is not valid here. Sign in again.",
                meaning: "The access token is not one that this service made, was made for another issuer or audience, or its key was dropped; or there are two `Authorization` headers.",
                remedy: "Show the login.",
                retry: Retry::Fixed,
                headers: &[BEARER],
            },
            Self::TokenExpired => Facts {
                status: S::UNAUTHORIZED,
                name: "token_expired",
                title: "Token expired",
                detail: "The access token has expired. Refresh it or sign in again.",
                meaning: "The access token's time is over.",
                remedy: "Refresh once, then repeat the request.",
                retry: Retry::Fixed,
                headers: &[BEARER],
            },
            Self::SessionRevoked => Facts {
                status: S::UNAUTHORIZED,
                name: "session_revoked",
                title: "Session ended",
                detail: "The session has ended. Sign in again.",
                meaning: "The session has ended, its account is gone or disabled.",
                remedy: "Throw both tokens away; show the login.",
                retry: Retry::Fixed,
                headers: &[BEARER],
            },
            Self::TokenVersionTooOld => Facts {
                status: S::UNAUTHORIZED,
                name: "token_version_too_old",
                title: "Token revoked",
                detail: "You were signed out because the password or the email address was changed, or all sessions were ended. Sign in again.",
                meaning: "The password was reset or changed elsewhere, the address was changed, all sessions were ended, or an admin revoked all tokens.",
                remedy: "Throw both tokens away; show the login.",
                retry: Retry::Fixed,
                headers: &[BEARER],
            },
            Self::ReauthenticationRequired => Facts {
                status: S::UNAUTHORIZED,
                name: "reauthentication_required",
                title: "Reauthentication required",
                detail: "The password was verified too long ago. Verify it again with POST /api/v1/auth/reauthenticate, then repeat the request.",
                meaning: "The password was verified more than 15 minutes ago; admin routes, password and address changes, export and erasure require it again.",
                remedy: "Ask for the password, `POST /api/v1/auth/reauthenticate`, repeat the request.",
                retry: Retry::Fixed,
                headers: &[STEP_UP],
            },
            Self::InvalidCredentials => Facts {
                status: S::UNAUTHORIZED,
                name: "invalid_credentials",
                title: "Invalid credentials",
                detail: "The email address or the password is wrong.",
                meaning: "The email address or the password is wrong; for a signed-in caller, the password that confirms a change. The access token is not at fault.",
                remedy: "Ask for the password again; keep the tokens.",
                retry: Retry::Never,
                headers: &[],
            },
            Self::InvalidRefreshToken => Facts {
                status: S::UNAUTHORIZED,
                name: "invalid_refresh_token",
                title: "Invalid refresh token",
                detail: "The refresh token is not valid. Sign in again.",
                meaning: "The refresh token is unknown, expired, revoked, reused or outdated; the answer is the same for all of them.",
                remedy: "Throw both tokens away; show the login.",
                retry: Retry::Never,
                headers: &[],
            },
            Self::EmailNotVerified => Facts {
                status: S::FORBIDDEN,
                name: "email_not_verified",
                title: "Address not verified",
                detail: "Open the link in the verification email first, or ask for a new one.",
                meaning: "The password is right, and the address is not verified.",
                remedy: "Offer to send the email again.",
                retry: Retry::Fixed,
                headers: &[],
            },
            Self::AccountDisabled => Facts {
                status: S::FORBIDDEN,
                name: "account_disabled",
                title: "Account disabled",
                detail: "The account has been disabled. Ask your administrator.",
                meaning: "The password is right, and the account is disabled.",
                remedy: "Say so; only an admin or the operator can enable it.",
                retry: Retry::Never,
                headers: &[],
            },
            Self::Forbidden => Facts {
                status: S::FORBIDDEN,
                name: "forbidden",
                title: "Forbidden",
                detail: "This is not allowed.",
                meaning: "Registration is closed, the request did not come through the trusted edge, or the caller is no admin.",
                remedy: "Do not repeat it.",
                retry: Retry::Never,
                headers: &[SCOPE],
            },
            Self::NotFound => Facts {
                status: S::NOT_FOUND,
                name: "not_found",
                title: "Not found",
                detail: "There is nothing here.",
                meaning: "There is no such path, or no such session of this caller: missing, foreign and ended are one answer.",
                remedy: "Drop it from the list.",
                retry: Retry::Never,
                headers: &[],
            },
            Self::MethodNotAllowed => Facts {
                status: S::METHOD_NOT_ALLOWED,
                name: "method_not_allowed",
                title: "Method not allowed",
                detail: "Use one of the methods in the `Allow` header.",
                meaning: "The path exists, but not for this method.",
                remedy: "Fix the request.",
                retry: Retry::Never,
                headers: &[ALLOW],
            },
            Self::Conflict => Facts {
                status: S::CONFLICT,
                name: "conflict",
                title: "Conflict",
                detail: "Something else changed this at the same time. Read it again and retry.",
                meaning: "The account was changed between reading and writing, for example from another device; or the account's state forbids the change, which `detail` then says.",
                remedy: "Read it again, then repeat.",
                retry: Retry::Fixed,
                headers: &[],
            },
            Self::PayloadTooLarge => Facts {
                status: S::PAYLOAD_TOO_LARGE,
                name: "payload_too_large",
                title: "Payload too large",
                detail: "The body must be at most 16384 bytes.",
                meaning: "The body has more than 16,384 bytes.",
                remedy: "Fix the request.",
                retry: Retry::Never,
                headers: &[],
            },
            Self::UnsupportedMediaType => Facts {
                status: S::UNSUPPORTED_MEDIA_TYPE,
                name: "unsupported_media_type",
                title: "Unsupported media type",
                detail: "Send the body as `Content-Type: application/json`.",
                meaning: "The body is not declared as `application/json`, with a `charset` or without, or `Content-Encoding` says that it is compressed.",
                remedy: "Fix the request.",
                retry: Retry::Never,
                headers: &[ACCEPT_ENCODING],
            },
            Self::ValidationFailed => Facts {
                status: S::UNPROCESSABLE_ENTITY,
                name: "validation_failed",
                title: "Validation failed",
                detail: "The request breaks the rules listed in `errors`.",
                meaning: "Members or parameters break rules, or were sent where none are taken; all of them are listed at once.",
                remedy: "Show `errors` at their fields.",
                retry: Retry::Never,
                headers: &[],
            },
            Self::AccountLocked => Facts {
                status: S::LOCKED,
                name: "account_locked",
                title: "Account locked",
                detail: "Too many wrong passwords. Wait, or reset the password.",
                meaning: "Too many wrong passwords in a row, for known and unknown addresses alike.",
                remedy: "Wait as long as `Retry-After` says, or offer a reset, which lifts the lock. Sessions live on.",
                retry: Retry::Later,
                headers: &[RETRY_AFTER],
            },
            Self::RateLimited => Facts {
                status: S::TOO_MANY_REQUESTS,
                name: "rate_limited",
                title: "Too many requests",
                detail: "Too many requests. Wait as long as `Retry-After` says.",
                meaning: "A bucket is empty, of this service or of the gateway.",
                remedy: "Wait as long as `Retry-After` says.",
                retry: Retry::Later,
                headers: &[RETRY_AFTER, RATE_LIMIT, RATE_LIMIT_POLICY],
            },
            Self::InternalError => Facts {
                status: S::INTERNAL_SERVER_ERROR,
                name: "internal_error",
                title: "Internal error",
                detail: "Something went wrong on our side. It has been logged under the request id.",
                meaning: "A fault of this service. The log knows it under `request_id`.",
                remedy: "Report the `request_id`; do not repeat at once.",
                retry: Retry::Never,
                headers: &[],
            },
            Self::ServiceUnavailable => Facts {
                status: S::SERVICE_UNAVAILABLE,
                name: "service_unavailable",
                title: "Service unavailable",
                detail: "The service cannot do this right now. Nothing was changed halfway; try again.",
                meaning: "The store is throttled, slow or gone, too many others changed the same thing, or the answer took more than 12 seconds.",
                remedy: "Repeat after `Retry-After`, at growing intervals.",
                retry: Retry::Later,
                headers: &[RETRY_AFTER],
            },
        }
    }
}
