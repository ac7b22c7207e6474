//! What an endpoint may refuse with, as it follows from its route and its request, and how a refusal looks.

use std::collections::BTreeMap;

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::Operation;
use crate::http::{Code, Problem};
use crate::routes::Access;

/// The codes that every endpoint may answer: some are the gateway's, for which the endpoint is not even asked.
const ALWAYS: [Code; 6] = [
    Code::MalformedJson,
    Code::Forbidden,
    Code::PayloadTooLarge,
    Code::RateLimited,
    Code::InternalError,
    Code::ServiceUnavailable,
];
const BEARER: [Code; 5] =
    [Code::MissingToken, Code::InvalidToken, Code::TokenExpired, Code::SessionRevoked, Code::TokenVersionTooOld];

/// The codes of an endpoint by status.
pub(super) fn codes(operation: &Operation) -> BTreeMap<StatusCode, Vec<Code>> {
    let by_access: &[Code] = match operation.route.access {
        Access::Public => &[],
        Access::Bearer => &BEARER,
        // A token whose session has ended has already done what this endpoint is asked for.
        Access::BearerOrToken => &[Code::MissingToken, Code::InvalidToken, Code::TokenExpired],
        Access::Admin => &[
            Code::MissingToken,
            Code::InvalidToken,
            Code::TokenExpired,
            Code::SessionRevoked,
            Code::TokenVersionTooOld,
            Code::ReauthenticationRequired,
        ],
    };
    let by_request = [
        (operation.body.is_some(), Code::UnsupportedMediaType),
        (operation.body.is_some() || !operation.query.members.is_empty(), Code::ValidationFailed),
        (operation.path.is_some(), Code::NotFound),
    ];
    let by_request = by_request.into_iter().filter_map(|(applies, code)| applies.then_some(code));
    let mut all: BTreeMap<_, Vec<Code>> = BTreeMap::new();
    for code in
        ALWAYS.into_iter().chain(by_access.iter().copied()).chain(by_request).chain(operation.refusals.iter().copied())
    {
        let codes = all.entry(code.status()).or_default();
        if !codes.contains(&code) {
            codes.push(code);
        }
    }
    all
}

/// The name of the response that stands for `codes`.
pub(super) fn name(codes: &[Code]) -> String {
    codes.iter().map(|code| code.name()).collect::<Vec<_>>().join(".")
}

/// The response that stands for `codes`, which share a status.
pub(super) fn response(status: StatusCode, codes: &[Code]) -> Value {
    let names: Vec<_> = codes.iter().map(|code| code.name()).collect();
    let mut told = json!({ "properties": { "status": { "const": status.as_u16() }, "code": { "enum": names } } });
    if codes.contains(&Code::ValidationFailed) {
        told = json!({
            "properties": { "status": { "const": status.as_u16() }, "code": { "enum": names } }, "required": ["errors"],
        });
    }
    let examples: Map<_, _> = names
        .iter()
        .map(|name| ((*name).to_owned(), json!({ "$ref": format!("#/components/examples/{name}") })))
        .collect();
    let titles: Vec<_> = codes.iter().map(|code| code.title()).collect();
    json!({
        "description": format!("{}.", titles.join(", or ")),
        "headers": headers(status, codes),
        "content": { "application/problem+json": {
            "schema": { "allOf": [{ "$ref": "#/components/schemas/Problem" }, told] },
            "examples": examples,
        } },
    })
}

fn headers(status: StatusCode, codes: &[Code]) -> Value {
    let of = |name: &str| json!({ "$ref": format!("#/components/headers/{name}") });
    let mut headers = Map::from_iter([("X-Request-Id".to_owned(), of("RequestId"))]);
    let mut add = |name: &str, component: &str| headers.insert(name.to_owned(), of(component));
    match status {
        StatusCode::TOO_MANY_REQUESTS => {
            add("Retry-After", "RetryAfter");
            add("RateLimit", "RateLimit");
            add("RateLimit-Policy", "RateLimitPolicy");
        }
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::LOCKED => {
            add("Retry-After", "RetryAfter");
        }
        StatusCode::UNAUTHORIZED if codes.contains(&Code::InvalidToken) => {
            add("WWW-Authenticate", "Challenge");
        }
        _ => {}
    }
    Value::Object(headers)
}

/// The headers that responses refer to.
pub(super) fn header_components() -> Value {
    let header = |required: bool, description: &str, schema: Value| json!({ "description": description, "required": required, "schema": schema });
    json!({
        "RequestId": header(true, "Names the request in the log and in the audit trail.", json!({ "type": "string", "format": "uuid" })),
        "RetryAfter": header(true, "After how many seconds to try again (RFC 9110 section 10.2.3).", json!({ "type": "integer", "minimum": 1 })),
        "RateLimit": header(false, "What is left of the limit that was reached (draft-ietf-httpapi-ratelimit-headers).", json!({ "type": "string" })),
        "RateLimitPolicy": header(false, "The limit that was reached (draft-ietf-httpapi-ratelimit-headers).", json!({ "type": "string" })),
        "Challenge": header(false, "What is wrong with the access token (RFC 6750 section 3, RFC 9470); missing where it is not at fault.", json!({ "type": "string" })),
    })
}

/// A document of each code.
pub(super) fn example_components() -> Map<String, Value> {
    let document = |code: Code| {
        let mut problem = Problem::new(code);
        if code == Code::ValidationFailed {
            let mut fields = crate::http::Fields::empty();
            fields.refuse("email", crate::http::FieldFault::new("required", "Must be given."));
            problem = fields.complete(Some(())).err().unwrap_or(problem);
        }
        let text = problem.document("/api/v1/auth/login", "7b0e0c1e-2f43-4d8e-9a55-6f1f0f3f0a52");
        serde_json::from_slice::<Value>(&text).unwrap_or_default()
    };
    Code::ALL.into_iter().map(|code| (code.name().to_owned(), json!({ "value": document(code) }))).collect()
}

/// The problem document (RFC 9457).
pub(super) fn problem_schema() -> Value {
    let text = json!({ "type": "string" });
    json!({
        "type": "object",
        "description": "What went wrong (RFC 9457). Switch on `code`; the words are for people and may change.",
        "properties": {
            "type": { "type": "string", "pattern": "^/errors/[a-z_]+$", "description": "Relative to the host." },
            "title": text,
            "status": { "type": "integer", "minimum": 400, "maximum": 599 },
            "detail": { "type": "string", "description": "What was wrong and what to do." },
            "instance": { "type": "string", "description": "The path of the request; missing where the gateway answers." },
            "code": { "type": "string", "pattern": "^[a-z_]+$" },
            "request_id": { "type": "string", "format": "uuid" },
            "errors": { "type": "array", "minItems": 1, "description": "Every rule that the request breaks.", "items": {
                "type": "object",
                "properties": {
                    "pointer": { "type": "string", "format": "json-pointer", "description": "Which member or parameter (RFC 6901); empty for the whole." },
                    "code": { "type": "string", "pattern": "^[a-z_]+$" },
                    "detail": text,
                },
                "required": ["pointer", "code", "detail"],
                "additionalProperties": false,
            } },
        },
        "required": ["type", "title", "status", "detail", "code", "request_id"],
        "additionalProperties": false,
    })
}
