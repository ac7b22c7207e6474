//! Cross-origin reads: an exact allow-list, nothing reflected, no credentials (tokens travel in headers and bodies).

use axum::response::Response;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue};

/// Marks `response` as readable by the request's origin if that is listed.
pub(super) fn apply(origins: &[HeaderValue], request: &HeaderMap, is_preflight: bool, response: &mut Response) {
    if origins.is_empty() {
        return;
    }
    let headers = response.headers_mut();
    // Also where the origin is not listed: a cache must not hand one origin's answer to another.
    headers.append(VARY, HeaderValue::from_static("Origin"));
    let mut given = request.get_all(ORIGIN).iter();
    let (Some(origin), None) = (given.next(), given.next()) else {
        return;
    };
    if !origins.contains(origin) {
        return;
    }
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    if is_preflight {
        let methods = headers.get(http::header::ALLOW).cloned();
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods.unwrap_or(HeaderValue::from_static("")));
        headers
            .insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("authorization, content-type, traceparent"));
        headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    } else {
        let exposed = "x-request-id, retry-after, ratelimit, ratelimit-policy, www-authenticate";
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(exposed));
    }
}
