//! The one place where a failure becomes an answer: an RFC 9457 problem document.
//!
//! A [`Problem`] travels as an extension of an otherwise empty response; the wrapper in `app.rs` knows the request
//! and writes the body. What the client may know is in `code` and `detail`; why it happened is in `refusal`, for
//! the audit trail, and in `cause`, for the log.

mod accounts;
mod audit;
pub(crate) mod breach;
mod code;
mod facts;
mod identifier;
mod limits;
mod passwords;
mod sign_in;

use std::borrow::Cow;
use std::convert::Infallible;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue};
use serde::Serialize;

use crate::audit_event::Refusal;
use crate::domain::FieldCode;
use crate::store::StoreError;

pub use code::{Code, Facts, HeaderFact, Retry};
pub use identifier::Identifier;

/// One unmet rule of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// Which member, as a JSON pointer (RFC 6901).
    pub pointer: String,
    /// The rule, as clients switch on it.
    pub code: FieldCode,
    /// The rule in plain words. Never repeats the value.
    pub detail: Cow<'static, str>,
}

/// A refused or failed request.
#[derive(Debug, Clone)]
pub struct Problem {
    /// What went wrong.
    pub code: Code,
    /// In plain words, what to do.
    pub detail: Cow<'static, str>,
    /// With [`Code::ValidationFailed`], every unmet rule.
    pub errors: Vec<FieldError>,
    /// Headers that belong to the code.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// What the audit trail is told; `None` where the refusal does not matter.
    pub refusal: Option<Box<Refusal>>,
    /// What the log is told.
    pub cause: Option<Arc<dyn Error + Send + Sync>>,
}

#[derive(Serialize)]
struct Document<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    instance: &'a str,
    code: &'a str,
    request_id: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
}

impl Problem {
    /// A problem with the code's own detail.
    #[must_use]
    pub fn new(code: Code) -> Self {
        let mut problem = Self {
            code,
            detail: Cow::Borrowed(code.facts().detail),
            errors: Vec::new(),
            headers: Vec::new(),
            refusal: None,
            cause: None,
        };
        if let Some(challenge) = challenge(code) {
            problem.headers.push((
                http::header::WWW_AUTHENTICATE,
                HeaderValue::from_static(challenge),
            ));
        }
        problem
    }

    /// [`Code::ValidationFailed`] with every unmet rule.
    #[must_use]
    pub fn validation(errors: Vec<FieldError>) -> Self {
        Self {
            errors,
            ..Self::new(Code::ValidationFailed)
        }
    }

    /// A caller whose role is not enough (RFC 6750 section 3.1).
    #[must_use]
    pub fn insufficient_scope() -> Self {
        let challenge = HeaderValue::from_static("Bearer error=\"insufficient_scope\"");
        Self::new(Code::Forbidden)
            .detail("Only admins may do this.")
            .header(http::header::WWW_AUTHENTICATE, challenge)
    }

    /// Nothing is wrong but the moment; the client may retry after a second.
    #[must_use]
    pub fn later() -> Self {
        Self::new(Code::ServiceUnavailable).retry_after(Duration::from_secs(1))
    }

    /// A temporary failure; the client may retry after a second.
    #[must_use]
    pub fn unavailable(cause: impl Error + Send + Sync + 'static) -> Self {
        Self::later().caused_by(cause)
    }

    /// Another detail.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.detail = detail.into();
        self
    }

    /// `Retry-After` (RFC 9110 section 10.2.3), in whole seconds, rounded up, at least one.
    #[must_use]
    pub fn retry_after(self, wait: Duration) -> Self {
        self.header(http::header::RETRY_AFTER, seconds(wait).into())
    }

    /// Another header.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// What the audit trail is told.
    #[must_use]
    pub fn refused(mut self, refusal: impl Into<Box<Refusal>>) -> Self {
        self.refusal = Some(refusal.into());
        self
    }

    /// What the log is told.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Error + Send + Sync + 'static) -> Self {
        self.cause = Some(Arc::new(cause));
        self
    }

    /// The document for `instance` (the path) and `request_id`.
    #[must_use]
    pub fn document(&self, instance: &str, request_id: &str) -> Vec<u8> {
        serde_json::to_vec(&self.members(instance, request_id)).unwrap_or_default()
    }

    /// The same document over several lines.
    pub(crate) fn pretty(&self, instance: &str, request_id: &str) -> String {
        serde_json::to_string_pretty(&self.members(instance, request_id)).unwrap_or_default()
    }

    fn members<'a>(&'a self, instance: &'a str, request_id: &'a str) -> Document<'a> {
        let facts = self.code.facts();
        Document {
            r#type: format!("/errors/{}", facts.name),
            title: facts.title,
            status: facts.status.as_u16(),
            detail: &self.detail,
            instance,
            code: facts.name,
            request_id,
            errors: &self.errors,
        }
    }
}

/// A wait in whole seconds, rounded up, at least one.
fn seconds(wait: Duration) -> u64 {
    let seconds = wait.as_millis().div_ceil(1_000).max(1);
    u64::try_from(seconds).unwrap_or(u64::MAX)
}

/// The challenge of RFC 6750 section 3 where the access token was at fault.
const fn challenge(code: Code) -> Option<&'static str> {
    match code {
        Code::MissingToken => Some("Bearer"),
        Code::InvalidToken => Some(
            "Bearer error=\"invalid_token\", error_description=\"The access token is not valid\"",
        ),
        Code::TokenExpired => Some(
            "Bearer error=\"invalid_token\", error_description=\"The access token has expired\"",
        ),
        Code::SessionRevoked => {
            Some("Bearer error=\"invalid_token\", error_description=\"The session has ended\"")
        }
        Code::TokenVersionTooOld => Some(
            "Bearer error=\"invalid_token\", error_description=\"The access token was revoked\"",
        ),
        // RFC 9470 section 3.
        Code::ReauthenticationRequired => Some(
            "Bearer error=\"insufficient_user_authentication\", error_description=\"The password was verified too long ago\", max_age=\"900\"",
        ),
        _ => None,
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.code.status().into_response();
        for (name, value) in &self.headers {
            response.headers_mut().append(name.clone(), value.clone());
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// What an extractor that cannot fail fails with.
impl From<Infallible> for Problem {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable { .. }
            | StoreError::Contended { .. }
            | StoreError::Newer { .. } => Self::unavailable(error),
            StoreError::Corrupt { .. } | StoreError::Refused { .. } => {
                Self::new(Code::InternalError).caused_by(error)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_status_name_and_document() {
        for code in Code::ALL {
            let problem = Problem::new(code);
            let document: serde_json::Value =
                serde_json::from_slice(&problem.document("/here", "id")).expect("valid JSON");
            assert_eq!(document["status"], code.status().as_u16());
            assert_eq!(document["type"], format!("/errors/{}", code.name()));
            assert_eq!(document["code"], code.name());
            assert_eq!(document["instance"], "/here");
            assert_eq!(document["request_id"], "id");
            assert!(document.get("errors").is_none());
            assert!(problem.detail.ends_with('.'), "{}", problem.detail);
        }
    }

    #[test]
    fn every_refused_access_token_carries_a_challenge() {
        for code in Code::ALL {
            let has = Problem::new(code)
                .headers
                .iter()
                .any(|(name, _)| *name == http::header::WWW_AUTHENTICATE);
            let bearer = [
                "missing_token",
                "invalid_token",
                "token_expired",
                "session_revoked",
                "token_version_too_old",
            ];
            let bearer = bearer.contains(&code.name()) || code == Code::ReauthenticationRequired;
            assert_eq!(has, bearer, "{}", code.name());
        }
    }

    #[test]
    fn a_wait_is_rounded_up_to_whole_seconds() {
        let header = |wait| {
            Problem::new(Code::RateLimited)
                .retry_after(wait)
                .headers
                .last()
                .map(|(_, v)| v.clone())
        };
        assert_eq!(
            header(Duration::from_millis(1)),
            Some(HeaderValue::from_static("1"))
        );
        assert_eq!(
            header(Duration::from_millis(2_001)),
            Some(HeaderValue::from_static("3"))
        );
    }
}
