//! Cross-origin reads: an exact allow-list, nothing reflected, no credentials (tokens travel in headers and bodies).

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ALLOW, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::config::NetworkConfig;

/// What a script may send: what the endpoints read, and the W3C headers that tracing libraries add to each request (Trace
/// Context, Baggage). A browser refuses the whole request for one header that is missing here.
const ALLOWED: [&str; 5] = [
    "authorization",
    "content-type",
    "traceparent",
    "tracestate",
    "baggage",
];

/// What a script may read besides the headers that it always may. `Date` tells how wrong the device's clock is. A REST API
/// renames the challenge.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "date, x-request-id, retry-after, ratelimit, ratelimit-policy, www-authenticate, x-amzn-remapped-www-authenticate",
);

/// How long a browser may keep the answer to a preflight, in seconds.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");

/// Which origins may read answers, and what their scripts may send.
#[derive(Debug, Clone)]
pub struct Cors {
    origins: Vec<HeaderValue>,
    allowed_headers: HeaderValue,
}

impl Cors {
    /// What the settings allow.
    #[must_use]
    pub fn new(network: &NetworkConfig) -> Self {
        let names = ALLOWED
            .into_iter()
            .chain(network.cors_headers.iter().map(HeaderName::as_str));
        let names = names.collect::<Vec<_>>().join(", ");
        let allowed_headers =
            HeaderValue::from_str(&names).unwrap_or(HeaderValue::from_static(ALLOWED[0]));
        Self {
            origins: network.cors_origins.clone(),
            allowed_headers,
        }
    }

    /// Marks an answer as readable by the request's origin if that is listed. `answer` is the answer's headers.
    pub fn apply(&self, request: &HeaderMap, is_preflight: bool, answer: &mut HeaderMap) {
        if self.origins.is_empty() {
            return;
        }
        // Also where the origin is not listed: a cache must not serve one origin's answer to another.
        answer.append(VARY, HeaderValue::from_static("Origin"));
        let mut given = request.get_all(ORIGIN).iter();
        let (Some(origin), None) = (given.next(), given.next()) else {
            return;
        };
        if !self.origins.contains(origin) {
            return;
        }
        answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        if is_preflight {
            let methods = answer.get(ALLOW).cloned();
            answer.insert(
                ACCESS_CONTROL_ALLOW_METHODS,
                methods.unwrap_or(HeaderValue::from_static("")),
            );
            answer.insert(ACCESS_CONTROL_ALLOW_HEADERS, self.allowed_headers.clone());
            answer.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
        } else {
            answer.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        }
    }
}
