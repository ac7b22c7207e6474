//! What the AWS protocols have in common here: who is let in, how a body is read, how errors look.
//!
//! Secrets Manager speaks [AWS JSON 1.1](https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html),
//! SES v2 speaks [REST JSON 1](https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html); they
//! differ in where an error puts its name. Signatures are not verified, only their presence is: the
//! clients hold made-up keys.

use std::fmt;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// The longest body that a service takes: that of `DynamoDB`, and of an object in S3.
pub(crate) const LONGEST: usize = 16 * 1024 * 1024;

/// A refusal, as AWS words it. The message never holds a submitted secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl ApiError {
    /// A refusal with status 400, which is what nearly all AWS errors have.
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self::with_status(StatusCode::BAD_REQUEST, code, message)
    }

    /// A refusal with a status of its own.
    pub(crate) fn with_status(
        status: StatusCode,
        code: &'static str,
        message: impl Into<String>,
    ) -> Self {
        Self {
            status,
            code,
            message: message.into(),
        }
    }

    /// The answer's status.
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// The error's name, such as `ResourceNotFoundException`.
    pub(crate) fn code(&self) -> &'static str {
        self.code
    }

    /// What went wrong.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// The answer in AWS JSON 1.1. `Message` is capitalised because the service's model has it so.
    pub(crate) fn into_aws_json(self) -> Response {
        aws_json(
            self.status,
            &json!({ "__type": self.code, "Message": self.message }),
        )
    }

    /// The answer in REST JSON 1: the name is in a header.
    pub(crate) fn into_rest_json(self) -> Response {
        let mut answer = rest_json(self.status, &json!({ "message": self.message }));
        answer
            .headers_mut()
            .insert("x-amzn-errortype", HeaderValue::from_static(self.code));
        answer
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

/// An answer of AWS JSON 1.1.
pub(crate) fn aws_json(status: StatusCode, body: &Value) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/x-amz-json-1.1"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (status, headers, body.to_string()).into_response()
}

/// An answer of REST JSON 1.
pub(crate) fn rest_json(status: StatusCode, body: &Value) -> Response {
    (
        status,
        [(header::CONTENT_TYPE, "application/json")],
        body.to_string(),
    )
        .into_response()
}

/// Lets a request in that is addressed to a loopback name and carries a signature.
pub(crate) fn admit(headers: &HeaderMap) -> Result<(), ApiError> {
    let text = |name| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    if !is_loopback(text(header::HOST)) {
        return Err(ApiError::with_status(
            StatusCode::FORBIDDEN,
            "AccessDeniedException",
            "This server answers to loopback names only.",
        ));
    }
    if !text(header::AUTHORIZATION).starts_with("AWS4-HMAC-SHA256 ") {
        return Err(ApiError::with_status(
            StatusCode::FORBIDDEN,
            "MissingAuthenticationTokenException",
            "Missing Authentication Token",
        ));
    }
    Ok(())
}

fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    name.eq_ignore_ascii_case("localhost") || matches!(name, "127.0.0.1" | "[::1]")
}

/// Reads a body of at most `limit` bytes.
pub(crate) async fn read(body: Body, limit: usize) -> Result<Bytes, ApiError> {
    axum::body::to_bytes(body, limit).await.map_err(|_| {
        ApiError::with_status(
            StatusCode::PAYLOAD_TOO_LARGE,
            "RequestEntityTooLargeException",
            format!("The request was cut off, or its body is longer than {limit} bytes."),
        )
    })
}

/// Parses a body. On failure the error says where, never what: the parser's own text can quote a
/// secret.
pub(crate) fn parse<T: DeserializeOwned>(
    body: &[u8],
    error_code: &'static str,
) -> Result<T, ApiError> {
    serde_json::from_slice(body).map_err(|error| {
        ApiError::new(
            error_code,
            format!(
                "The request body does not have the operation's form (line {}, column {}).",
                error.line(),
                error.column()
            ),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(host: &'static str, authorization: Option<&'static str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static(host));
        if let Some(value) = authorization {
            headers.insert(header::AUTHORIZATION, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn a_signed_request_to_a_loopback_name_is_let_in() {
        let signed = Some("AWS4-HMAC-SHA256 Credential=x");
        for host in [
            "127.0.0.1:4000",
            "localhost",
            "LOCALHOST:1",
            "[::1]:80",
            "[::1]",
        ] {
            assert_eq!(admit(&headers(host, signed)), Ok(()), "{host}");
        }
    }

    #[test]
    fn a_request_to_a_foreign_name_is_refused() {
        let signed = Some("AWS4-HMAC-SHA256 Credential=x");
        for host in [
            "evil.example:4000",
            "127.0.0.1.evil.example",
            "",
            "127.0.0.1:evil",
            "::1",
        ] {
            let refusal = admit(&headers(host, signed)).unwrap_err();
            assert_eq!(refusal.code(), "AccessDeniedException", "{host}");
        }
    }

    #[test]
    fn an_unsigned_request_is_refused() {
        for authorization in [None, Some("Bearer x")] {
            let refusal = admit(&headers("127.0.0.1", authorization)).unwrap_err();
            assert_eq!(refusal.code(), "MissingAuthenticationTokenException");
        }
    }

    #[test]
    fn a_parse_error_does_not_repeat_the_body() {
        let refusal = parse::<u32>(br#""hunter2""#, "SerializationException").unwrap_err();
        assert!(!refusal.message.contains("hunter2"), "{}", refusal.message);
    }
}
