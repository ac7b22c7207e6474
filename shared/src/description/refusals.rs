//! What an endpoint may refuse with, as it follows from its route and its request, and how a refusal looks.

use std::collections::BTreeMap;

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::{Operation, naming};
use crate::domain::FieldCode;
use crate::http::problem::{Code, Problem};
use crate::routes::Access;

/// The codes that every endpoint may answer: some are the gateway's, for which the endpoint is not even asked, others say that
/// a body is refused, also where none is taken.
const ALWAYS: [Code; 8] = [
    Code::MalformedJson,
    Code::Forbidden,
    Code::PayloadTooLarge,
    Code::UnsupportedMediaType,
    Code::ValidationFailed,
    Code::RateLimited,
    Code::InternalError,
    Code::ServiceUnavailable,
];
const BEARER: [Code; 5] = [
    Code::MissingToken,
    Code::InvalidToken,
    Code::TokenExpired,
    Code::SessionRevoked,
    Code::TokenVersionTooOld,
];

/// The codes of an endpoint by status.
pub(super) fn codes(operation: &Operation) -> BTreeMap<StatusCode, Vec<Code>> {
    let by_access: &[Code] = match operation.route.access {
        Access::Public => &[],
        Access::Bearer => &BEARER,
        // An unknown token, or one whose session has ended, leaves nothing to do.
        Access::BearerOrToken => &[Code::MissingToken, Code::TokenExpired],
        Access::Admin => &[
            Code::MissingToken,
            Code::InvalidToken,
            Code::TokenExpired,
            Code::SessionRevoked,
            Code::TokenVersionTooOld,
            Code::ReauthenticationRequired,
        ],
    };
    let by_path = operation.path.is_some().then_some(Code::NotFound);
    let mut all: BTreeMap<_, Vec<Code>> = BTreeMap::new();
    for code in ALWAYS
        .into_iter()
        .chain(by_access.iter().copied())
        .chain(by_path)
        .chain(operation.refusals.iter().copied())
    {
        let codes = all.entry(code.status()).or_default();
        if !codes.contains(&code) {
            codes.push(code);
        }
    }
    all
}

/// The name of the response and of the schema that `codes` share: those of an access token count as one word.
pub(super) fn name(codes: &[Code]) -> String {
    let is_bearer = BEARER.iter().all(|code| codes.contains(code));
    let others = codes
        .iter()
        .filter(|code| !(is_bearer && BEARER.contains(code)));
    let words = is_bearer.then(|| "AccessToken".to_owned()).into_iter();
    let words: Vec<_> = words
        .chain(others.map(|code| naming::pascal(code.name())))
        .collect();
    format!("{}Problem", words.join("Or"))
}

/// The response for `codes`, which share a status.
pub(super) fn response(name: &str, status: StatusCode, codes: &[Code]) -> Value {
    let names = codes.iter().map(|code| code.name());
    let example = |name: &str| {
        (
            name.to_owned(),
            json!({ "$ref": format!("#/components/examples/{name}") }),
        )
    };
    let examples: Map<_, _> = names.map(example).collect();
    let titles: Vec<_> = codes.iter().map(|code| code.title()).collect();
    json!({
        "description": format!("{}.", titles.join(", or ")),
        "headers": headers(status, codes),
        "content": { "application/problem+json": { "schema": naming::reference(name), "examples": examples } },
    })
}

/// The schema of that response. It is whole in itself: generators drop one that is composed of a common part and a rest.
pub(super) fn schema(status: StatusCode, codes: &[Code]) -> Value {
    let names: Vec<_> = codes.iter().map(|code| code.name()).collect();
    let titles: Vec<_> = codes.iter().map(|code| code.title()).collect();
    let number = status.as_u16();
    problem(
        &format!("Problem document (RFC 9457): {}.", titles.join(", or ")),
        json!({ "description": format!("The HTTP status, {number}."), "examples": [number] }),
        json!({ "type": "string", "enum": names, "description": "Clients switch on it." }),
        codes.contains(&Code::ValidationFailed).then_some(true),
    )
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
        StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            add("Accept-Encoding", "AcceptEncoding");
        }
        StatusCode::UNAUTHORIZED if codes.contains(&Code::MissingToken) => {
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
        "RequestId": header(true, "Names the request in the log and in the audit log: a UUID, or an identifier of the gateway where the gateway answers by itself.", json!({ "type": "string" })),
        "RetryAfter": header(true, "After how many seconds to try again (RFC 9110 section 10.2.3).", json!({ "type": "integer", "format": "int32", "minimum": 1 })),
        "RateLimit": header(false, "What is left of the limit that was reached (draft-ietf-httpapi-ratelimit-headers).", json!({ "type": "string" })),
        "RateLimitPolicy": header(false, "The limit that was reached (draft-ietf-httpapi-ratelimit-headers).", json!({ "type": "string" })),
        "AcceptEncoding": header(false, "The content coding that a body may have (RFC 9110 section 12.5.3); missing where the gateway answers by itself.", json!({ "type": "string" })),
        "Challenge": header(false, "What is wrong with the access token (RFC 6750 section 3, RFC 9470); missing where it is not at fault. An Amazon API Gateway REST API renames the header to `x-amzn-remapped-www-authenticate`: rely on `code`.", json!({ "type": "string" })),
    })
}

/// A document of each code that an operation may answer. The path is left out: the documents serve many operations.
pub(super) fn example_components(operations: &[Operation]) -> Map<String, Value> {
    let document = |code: Code| {
        let mut problem = Problem::new(code);
        if code == Code::ValidationFailed {
            let mut fields = crate::http::Fields::empty();
            fields.refuse(
                "email",
                crate::http::FieldFault::new(FieldCode::Required, "Must be given."),
            );
            problem = fields.complete(Some(())).err().unwrap_or(problem);
        }
        let text = problem.document("", "7b0e0c1e-2f43-4d8e-9a55-6f1f0f3f0a52");
        let mut document = serde_json::from_slice::<Map<_, _>>(&text).unwrap_or_default();
        document.remove("instance");
        document
    };
    let answered: Vec<_> = operations
        .iter()
        .flat_map(|operation| codes(operation).into_values().flatten())
        .collect();
    let answered = Code::ALL.into_iter().filter(|code| answered.contains(code));
    answered
        .map(|code| (code.name().to_owned(), json!({ "value": document(code) })))
        .collect()
}

/// Any problem document (RFC 9457).
pub(super) fn problem_schema() -> Value {
    problem(
        "What went wrong (RFC 9457). Switch on `code`; the words are for people and may change.",
        json!({ "description": "The HTTP status." }),
        json!({ "type": "string", "pattern": "^[a-z_]+$", "description": "Clients switch on it." }),
        Some(false),
    )
}

/// A problem document with this `code`. `errors` says whether there may be, and must be, a list of broken rules.
fn problem(description: &str, mut status: Value, code: Value, errors: Option<bool>) -> Value {
    let text = |description: &str| json!({ "type": "string", "description": description });
    if let Some(status) = status.as_object_mut() {
        status.extend([
            ("type".to_owned(), json!("integer")),
            ("format".to_owned(), json!("int32")),
        ]);
    }
    let mut properties = Map::from_iter([
        (
            "type".to_owned(),
            text("Leads to an explanation; relative to the host."),
        ),
        ("title".to_owned(), text("The kind of problem, for people.")),
        ("status".to_owned(), status),
        (
            "detail".to_owned(),
            text("What was wrong and what to do, for people."),
        ),
        (
            "instance".to_owned(),
            text("The path of the request; missing where the gateway answers by itself."),
        ),
        ("code".to_owned(), code),
        (
            "request_id".to_owned(),
            text("The same as the header `X-Request-Id`."),
        ),
    ]);
    let mut required = vec!["type", "title", "status", "detail", "code", "request_id"];
    if let Some(must_be_there) = errors {
        let items = naming::reference(FIELD_PROBLEM);
        let list = json!({ "type": "array", "minItems": 1, "description": "Every rule that the request breaks.", "items": items });
        properties.insert("errors".to_owned(), list);
        required.extend(must_be_there.then_some("errors"));
    }
    json!({ "type": "object", "description": description, "properties": properties, "required": required })
}

/// The name of the schema of one broken rule.
pub(super) const FIELD_PROBLEM: &str = "FieldProblem";

/// One rule that a request breaks.
pub(super) fn field_schema() -> Value {
    json!({
        "type": "object",
        "description": "A rule that a member or parameter of the request breaks.",
        "properties": {
            "pointer": { "type": "string", "description": "Which member or parameter, as a JSON pointer (RFC 6901); empty for the whole." },
            "code": { "type": "string", "pattern": "^[a-z_]+$", "description": "The rule; clients switch on it." },
            "detail": { "type": "string", "description": "The rule in plain words." },
        },
        "required": ["pointer", "code", "detail"],
    })
}
