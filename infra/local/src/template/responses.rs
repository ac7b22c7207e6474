//! What the gateway answers without asking a function.
//!
//! The texts are the template's `GatewayResponses`, so a client meets the same problem document locally and
//! deployed. Only what those answers use is understood: quoted constant headers, and the request's identifier in a
//! header or the body. Anything else is an error when the template is read, not a hole in an answer.

use axum::body::Body;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, Response, StatusCode};
use serde_json::Value;

use super::error::TemplateError;
use super::reading::missing;

/// The one variable that an answer may hold: every other would repeat what the client sent, also `requestId`, which
/// follows a header of theirs. Locally it is a UUID, deployed a short text in base64.
const REQUEST_ID: &str = "$context.extendedRequestId";

/// One answer, as the template gives it.
#[derive(Debug, Clone)]
pub struct GatewayResponse {
    status: StatusCode,
    /// A name with a constant, or with nothing for the request's identifier.
    headers: Vec<(HeaderName, Option<HeaderValue>)>,
    body: String,
}

/// The answers that the local edge gives.
#[derive(Debug, Clone)]
pub struct GatewayResponses {
    /// A bucket is empty.
    pub throttled: GatewayResponse,
    /// The body or the head is larger than a gateway takes.
    pub too_large: GatewayResponse,
    /// No route at all; cannot happen while the template has `/{proxy+}`.
    pub no_route: GatewayResponse,
    /// The body ends early or is framed wrongly.
    pub unreadable_body: GatewayResponse,
    /// The head cannot be used.
    pub refused: GatewayResponse,
    /// The function ended without an answer.
    pub failed: GatewayResponse,
    /// The function took longer than a gateway waits.
    pub timed_out: GatewayResponse,
}

impl GatewayResponses {
    /// Reads them from the API's resource. A type without an answer of its own has its class's default.
    pub(crate) fn read(id: &str, api: &Value) -> Result<Self, TemplateError> {
        let read = |kind: &str, default: &str| {
            let at = |name: &str| api.pointer(&format!("/Properties/GatewayResponses/{name}"));
            let (name, response) = at(kind)
                .map(|response| (kind, response))
                .or_else(|| at(default).map(|response| (default, response)))
                .ok_or_else(|| missing(id, &format!("GatewayResponses/{default}")))?;
            GatewayResponse::read(&format!("{id} GatewayResponses {name}"), response)
        };
        Ok(Self {
            throttled: read("THROTTLED", "DEFAULT_4XX")?,
            too_large: read("REQUEST_TOO_LARGE", "DEFAULT_4XX")?,
            no_route: read("MISSING_AUTHENTICATION_TOKEN", "DEFAULT_4XX")?,
            unreadable_body: read("BAD_REQUEST_BODY", "DEFAULT_4XX")?,
            refused: read("DEFAULT_4XX", "DEFAULT_4XX")?,
            failed: read("INTEGRATION_FAILURE", "DEFAULT_5XX")?,
            timed_out: read("INTEGRATION_TIMEOUT", "DEFAULT_5XX")?,
        })
    }
}

impl GatewayResponse {
    fn read(place: &str, response: &Value) -> Result<Self, TemplateError> {
        let status = match response.get("StatusCode") {
            Some(Value::String(text)) => text.parse().ok(),
            Some(value) => value.as_u64().and_then(|number| u16::try_from(number).ok()),
            None => None,
        };
        let status = status
            .and_then(|code| StatusCode::from_u16(code).ok())
            .ok_or_else(|| missing(place, "StatusCode"))?;
        let templates = response.get("ResponseTemplates").and_then(Value::as_object);
        let (media_type, body) = templates
            .and_then(|templates| {
                ["application/problem+json", "application/json"]
                    .iter()
                    .find_map(|wanted| templates.get_key_value(*wanted))
            })
            .and_then(|(media_type, body)| Some((media_type.as_str(), body.as_str()?)))
            .ok_or_else(|| missing(place, "ResponseTemplates"))?;
        if body.replace(REQUEST_ID, "").contains('$') {
            let part = format!("another variable than {REQUEST_ID}");
            return Err(TemplateError::Unsupported {
                place: place.to_owned(),
                part,
            });
        }
        let mut headers = headers(place, response)?;
        if !headers.iter().any(|(name, _)| name == CONTENT_TYPE) {
            headers.push((CONTENT_TYPE, HeaderValue::from_str(media_type).ok()));
        }
        Ok(Self {
            status,
            headers,
            body: body.to_owned(),
        })
    }

    /// The answer for one request; the identifier must need no escape in JSON or a header, as a UUID does not.
    #[must_use]
    pub fn render(&self, request_id: &str) -> Response<Body> {
        let mut response = Response::new(Body::from(self.body.replace(REQUEST_ID, request_id)));
        *response.status_mut() = self.status;
        for (name, value) in &self.headers {
            let value = value
                .clone()
                .or_else(|| HeaderValue::from_str(request_id).ok());
            if let Some(value) = value {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}

/// Which origins may read is said by the settings here: the gateway of AWS cannot compare an origin with a list.
fn is_about_origins(name: &str) -> bool {
    name.get(..15)
        .is_some_and(|start| start.eq_ignore_ascii_case("access-control-"))
}

/// SAM writes `ResponseParameters: Headers: {Name: "'constant'"}`.
fn headers(
    place: &str,
    response: &Value,
) -> Result<Vec<(HeaderName, Option<HeaderValue>)>, TemplateError> {
    let Some(headers) = response
        .pointer("/ResponseParameters/Headers")
        .and_then(Value::as_object)
    else {
        return Ok(Vec::new());
    };
    headers
        .iter()
        .filter(|(name, _)| !is_about_origins(name))
        .map(|(name, value)| {
            let written = value.as_str().unwrap_or_default();
            let unsupported = || TemplateError::Unsupported {
                place: place.to_owned(),
                part: format!("the header {name}: {value}"),
            };
            let constant = written
                .strip_prefix('\'')
                .and_then(|rest| rest.strip_suffix('\''));
            let value = match constant {
                Some(constant) => Some(HeaderValue::from_str(constant).map_err(|_| unsupported())?),
                None if written == "context.extendedRequestId" => None,
                None => return Err(unsupported()),
            };
            Ok((
                HeaderName::from_bytes(name.as_bytes()).map_err(|_| unsupported())?,
                value,
            ))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::Template;
    use crate::template::sample::{SAMPLE, sample};
    use serde_json::json;

    #[tokio::test]
    async fn the_templates_words_are_sent() {
        let response = sample().responses.throttled.render("id-1");
        assert_eq!(response.status(), 429);
        assert_eq!(response.headers()["retry-after"], "1");
        assert_eq!(response.headers()["x-request-id"], "id-1");
        assert_eq!(
            response.headers()["content-type"],
            "application/problem+json"
        );
        let body = axum::body::to_bytes(response.into_body(), 10_000)
            .await
            .unwrap();
        assert_eq!(
            serde_json::from_slice::<Value>(&body).unwrap(),
            json!({"status": 429, "code": "rate_limited", "request_id": "id-1"})
        );
    }

    #[test]
    fn a_type_without_an_answer_has_its_classes() {
        let responses = sample().responses;
        assert_eq!(
            (responses.no_route.status, responses.failed.status),
            (StatusCode::BAD_REQUEST, StatusCode::SERVICE_UNAVAILABLE)
        );
    }

    #[test]
    fn a_variable_that_is_not_understood_is_refused() {
        let text = SAMPLE.replacen("$context.extendedRequestId", "$context.path", 1);
        assert!(
            matches!(Template::parse(&text), Err(TemplateError::Unsupported { part, .. }) if part.contains("variable"))
        );
    }
}
