//! The door before each server of the local AWS side: reads who calls and what for, and lets through what is allowed.
//!
//! The caller is the access key's id in the signature
//! ([Signature Version 4](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html)). The signature itself is not
//! verified: whoever reaches these ports is on this machine already.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

use super::ask::Service;
use super::rights::{Denial, Rights};
use crate::protocol::{self, ApiError};

#[derive(Clone)]
struct Door {
    service: Service,
    rights: Rights,
}

/// A server with a door before it.
pub fn guarded(server: Router, service: Service, rights: &Rights) -> Router {
    server.layer(middleware::from_fn_with_state(
        Door {
            service,
            rights: rights.clone(),
        },
        pass,
    ))
}

async fn pass(State(door): State<Door>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    // Without credentials it is nobody's call; a function that starts opens its connection with it.
    if parts.method == Method::OPTIONS && parts.headers.get(header::AUTHORIZATION).is_none() {
        let admitted = protocol::admit(&parts.headers).map(|()| StatusCode::NO_CONTENT);
        return admitted
            .map_err(|refusal| door.service.answer(refusal))
            .into_response();
    }
    let looked = async {
        protocol::admit(&parts.headers)?;
        let body = protocol::read(body, protocol::LONGEST).await?;
        door.look(&parts, &body)?;
        Ok::<Bytes, ApiError>(body)
    };
    match looked.await {
        Ok(body) => next.run(Request::from_parts(parts, Body::from(body))).await,
        Err(refusal) => door.service.answer(refusal),
    }
}

impl Door {
    fn look(&self, parts: &http::request::Parts, body: &[u8]) -> Result<(), ApiError> {
        let caller = caller(&parts.headers).unwrap_or_default();
        let unreadable = || ApiError::new("SerializationException", "The request cannot be read.");
        let reading = self
            .rights
            .facts()
            .reading(self.service, parts, body)
            .ok_or_else(unreadable)?;
        let judged = self
            .rights
            .judge(caller, &reading.operation, reading.asks.as_deref());
        judged.map_err(|denial| self.service.refusal(&denial))
    }
}

/// The access key's id in `Credential=<id>/<date>/<region>/<service>/aws4_request`.
fn caller(headers: &HeaderMap) -> Option<&str> {
    let signature = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (_, scope) = signature.split_once("Credential=")?;
    scope.split_once('/').map(|(id, _)| id)
}

impl Service {
    fn refusal(self, denial: &Denial) -> ApiError {
        let is_unknown = matches!(denial, Denial::Unknown { .. });
        let (status, code) = match (self, is_unknown) {
            (Self::DynamoDb | Self::SecretsManager | Self::Kms, true) => {
                (StatusCode::BAD_REQUEST, "UnrecognizedClientException")
            }
            (Self::DynamoDb | Self::SecretsManager | Self::Kms, false) => {
                (StatusCode::BAD_REQUEST, "AccessDeniedException")
            }
            (Self::Ses, true) => (StatusCode::FORBIDDEN, "UnrecognizedClientException"),
            (Self::Ses, false) => (StatusCode::FORBIDDEN, "AccessDeniedException"),
            (Self::S3, true) => (StatusCode::FORBIDDEN, "InvalidAccessKeyId"),
            (Self::S3, false) => (StatusCode::FORBIDDEN, "AccessDenied"),
        };
        ApiError::with_status(status, code, denial.to_string())
    }

    fn answer(self, refusal: ApiError) -> Response {
        match self {
            Self::DynamoDb => {
                let kind = format!("com.amazon.coral.service#{}", refusal.code());
                let body = json!({ "__type": kind, "Message": refusal.message() });
                let form = [(header::CONTENT_TYPE, "application/x-amz-json-1.0")];
                (refusal.status(), form, body.to_string()).into_response()
            }
            Self::SecretsManager | Self::Kms => refusal.into_aws_json(),
            Self::Ses => refusal.into_rest_json(),
            Self::S3 => {
                let message = refusal.message().replace('&', "&amp;").replace('<', "&lt;");
                let code = refusal.code();
                let text = format!(
                    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>"
                );
                (
                    refusal.status(),
                    [(header::CONTENT_TYPE, "application/xml")],
                    text,
                )
                    .into_response()
            }
        }
    }
}
