//! axum: the caller as an argument of a handler, and refusals as the service itself words them.

use axum::Json;
use axum::extract::{FromRef, FromRequestParts, OriginalUri};
use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE,
};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::bearer::bearer_token;
use crate::error::VerifyError;
use crate::verifier::{Verified, Verifier};

/// The caller whom the `Authorization` header stands for. The state of the router must give a [`Verifier`]
/// ([`FromRef`]). As an argument it protects one handler; with
/// `axum::middleware::from_extractor_with_state::<VerifiedCaller, _>(verifier)` as a layer, all of a router's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedCaller(pub Verified);

impl<S> FromRequestParts<S> for VerifiedCaller
where
    Verifier: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        let verified = match bearer(&parts.headers) {
            Ok(token) => Verifier::from_ref(state).verify(token).await,
            Err(refusal) => Err(refusal),
        };
        match verified {
            Ok(verified) => Ok(Self(verified)),
            Err(error) => Err(Refused::new(error, parts, state).await),
        }
    }
}

/// The token of the one `Authorization` header.
fn bearer(headers: &HeaderMap) -> Result<&str, VerifyError> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().ok_or(VerifyError::MissingToken)?;
    if values.next().is_some() {
        return Err(VerifyError::InvalidToken);
    }
    bearer_token(value.to_str().map_err(|_| VerifyError::InvalidToken)?)
}

/// A refused request: 401 with the challenge of RFC 6750 section 3, or 503 where state or keys cannot be read, and a
/// problem document (RFC 9457). The response carries the [`VerifyError`] as an extension, for a layer that logs causes.
#[derive(Debug, Clone)]
pub struct Refused {
    /// Why.
    pub error: VerifyError,
    instance: String,
}

impl Refused {
    async fn new<S: Send + Sync>(error: VerifyError, parts: &mut Parts, state: &S) -> Self {
        // The path as the client wrote it, also in a router that is nested.
        let uri = OriginalUri::from_request_parts(parts, state)
            .await
            .map(|OriginalUri(uri)| uri);
        Self {
            error,
            instance: uri.unwrap_or_else(|_| parts.uri.clone()).path().to_owned(),
        }
    }
}

/// Title, detail and challenge.
const fn words(error: &VerifyError) -> (&'static str, &'static str, Option<&'static str>) {
    match error {
        VerifyError::MissingToken => (
            "Missing token",
            "Send an access token as `Authorization: Bearer …`.",
            Some("Bearer"),
        ),
        VerifyError::InvalidToken => (
            "Invalid token",
            "The access token is not valid here. Sign in again.",
            Some(
                "Bearer error=\"invalid_token\", error_description=\"The access token is not valid\"",
            ),
        ),
        VerifyError::TokenExpired => (
            "Token expired",
            "The access token has expired. Refresh it or sign in again.",
            Some(
                "Bearer error=\"invalid_token\", error_description=\"The access token has expired\"",
            ),
        ),
        VerifyError::SessionRevoked => (
            "Session ended",
            "The session has ended. Sign in again.",
            Some("Bearer error=\"invalid_token\", error_description=\"The session has ended\""),
        ),
        VerifyError::TokenVersionTooOld => (
            "Token revoked",
            "You were signed out because the password or the email address was changed, or all sessions were ended. Sign in again.",
            Some(
                "Bearer error=\"invalid_token\", error_description=\"The access token was revoked\"",
            ),
        ),
        VerifyError::Unavailable(_) => (
            "Service unavailable",
            "The access token cannot be checked right now. Try again.",
            None,
        ),
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let (title, detail, challenge) = words(&self.error);
        let status = if challenge.is_some() {
            StatusCode::UNAUTHORIZED
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        };
        let code = self.error.code();
        let document = json!({
            "type": format!("/errors/{code}"),
            "title": title,
            "status": status.as_u16(),
            "detail": detail,
            "instance": self.instance,
            "code": code,
        });
        let mut response = (status, Json(document)).into_response();
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        match challenge {
            Some(challenge) => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge))
            }
            None => headers.insert(RETRY_AFTER, HeaderValue::from_static("1")),
        };
        response.extensions_mut().insert(self.error);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Unavailable;

    fn refusals() -> [VerifyError; 6] {
        [
            VerifyError::MissingToken,
            VerifyError::InvalidToken,
            VerifyError::TokenExpired,
            VerifyError::SessionRevoked,
            VerifyError::TokenVersionTooOld,
            VerifyError::Unavailable(Unavailable::new("down")),
        ]
    }

    fn answer(error: VerifyError) -> Response {
        Refused {
            error,
            instance: "/here".to_owned(),
        }
        .into_response()
    }

    #[test]
    fn every_refused_token_carries_a_challenge_and_a_failed_read_does_not() {
        // JW-20
        for error in refusals() {
            let is_failure = matches!(error, VerifyError::Unavailable(_));
            let code = error.code();
            let response = answer(error);
            assert_eq!(
                response.status().as_u16(),
                if is_failure { 503 } else { 401 },
                "{code}"
            );
            assert_eq!(
                response.headers().contains_key(WWW_AUTHENTICATE),
                !is_failure,
                "{code}"
            );
            assert_eq!(
                response.headers().contains_key(RETRY_AFTER),
                is_failure,
                "{code}"
            );
            assert_eq!(
                response
                    .headers()
                    .get(CONTENT_TYPE)
                    .map(HeaderValue::as_bytes),
                Some(&b"application/problem+json"[..])
            );
        }
    }

    #[test]
    fn two_authorization_headers_are_no_token() {
        let mut headers = HeaderMap::new();
        assert!(matches!(bearer(&headers), Err(VerifyError::MissingToken)));
        headers.append(AUTHORIZATION, HeaderValue::from_static("Bearer a.b.c"));
        assert_eq!(bearer(&headers).ok(), Some("a.b.c"));
        headers.append(AUTHORIZATION, HeaderValue::from_static("Bearer a.b.c"));
        assert!(matches!(bearer(&headers), Err(VerifyError::InvalidToken)));
    }
}
