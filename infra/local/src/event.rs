//! A request as the event that a REST API hands to a function: payload version 1.0 of the proxy integration.
//!
//! The functions run behind this event locally exactly as they do deployed, so it has to be true in what they can
//! see: the address is the peer's and no header's, the query is decoded, header names that repeat keep all their
//! values in the multi-value map and the last one in the other, and the headers that a gateway consumes are gone.
//!
//! It is built as a value: there is no JSON between the gateway and the function.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{self, HeaderName};
use http::request::Parts;
use http::{HeaderMap, HeaderValue};
use lambda_http::aws_lambda_events::apigw::{
    ApiGatewayProxyRequest, ApiGatewayProxyRequestContext, ApiGatewayRequestIdentity,
};

use crate::resources::Found;

/// The stage's name in the event.
pub const STAGE: &str = "local";

/// What a gateway takes for itself: the connection's headers (RFC 9110 section 7.6.1) and the body's framing.
const CONSUMED: [HeaderName; 8] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::EXPECT,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// What the gateway knows of a request besides the request.
#[derive(Debug)]
pub struct Facts<'a> {
    /// The route.
    pub found: &'a Found<'a>,
    /// The other end of the connection.
    pub peer: SocketAddr,
    /// The gateway's identifier for the request.
    pub request_id: String,
    /// When it came, in milliseconds since 1970.
    pub epoch_millis: i64,
}

/// Builds the event. The head must have passed [`host_is_usable`].
#[must_use]
pub fn build(parts: &mut Parts, body: Vec<u8>, facts: &Facts<'_>) -> ApiGatewayProxyRequest {
    let mut headers = std::mem::take(&mut parts.headers);
    for name in &CONSUMED {
        headers.remove(name);
    }
    forwarded(&mut headers, facts.peer);
    let path = parts.uri.path();
    let mut event = ApiGatewayProxyRequest::default();
    if let Some(query) = parts.uri.query().filter(|query| !query.is_empty()) {
        let all: HashMap<String, Vec<String>> = query_parameters(query);
        let last: HashMap<String, String> = all
            .iter()
            .filter_map(|(name, values)| Some((name.clone(), values.last()?.clone())))
            .collect();
        event.query_string_parameters = last.into();
        event.multi_value_query_string_parameters = all.into();
    }
    event.request_context = context(parts, &headers, path, facts);
    event.resource = Some(facts.found.resource.path.to_string());
    event.path = Some(path.to_owned());
    event.http_method = parts.method.clone();
    event.path_parameters = facts
        .found
        .parameters
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    event.headers = last_values(&headers);
    event.multi_value_headers = headers;
    if !body.is_empty() {
        event.body = Some(String::from_utf8(body).unwrap_or_else(|error| {
            event.is_base64_encoded = true;
            STANDARD.encode(error.as_bytes())
        }));
    }
    event
}

fn context(
    parts: &Parts,
    headers: &HeaderMap,
    path: &str,
    facts: &Facts<'_>,
) -> ApiGatewayProxyRequestContext {
    let text = |name: HeaderName| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned)
    };
    let mut identity = ApiGatewayRequestIdentity::default();
    identity.source_ip = Some(facts.peer.ip().to_string());
    identity.user_agent = text(header::USER_AGENT);
    let mut context = ApiGatewayProxyRequestContext::default();
    context.account_id = Some("000000000000".to_owned());
    context.apiid = Some(STAGE.to_owned());
    context.stage = Some(STAGE.to_owned());
    context.domain_name = text(header::HOST);
    context.request_id = Some(facts.request_id.clone());
    context.request_time_epoch = facts.epoch_millis;
    context.protocol = Some("HTTP/1.1".to_owned());
    context.resource_path = Some(facts.found.resource.path.to_string());
    context.path = Some(format!("/{STAGE}{path}"));
    context.http_method = parts.method.clone();
    context.identity = identity;
    context
}

/// Decodes a query as a gateway does (`application/x-www-form-urlencoded`), so that the function never meets an
/// escape.
fn query_parameters(query: &str) -> HashMap<String, Vec<String>> {
    let mut all: HashMap<String, Vec<String>> = HashMap::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        all.entry(name.into_owned())
            .or_default()
            .push(value.into_owned());
    }
    all
}

/// A gateway adds the peer behind whatever the client claims, and says itself how the client came.
fn forwarded(headers: &mut HeaderMap, peer: SocketAddr) {
    let mut chain = String::new();
    for claimed in headers
        .get_all(&FORWARDED_FOR)
        .iter()
        .filter_map(|value| value.to_str().ok())
    {
        chain.push_str(claimed);
        chain.push_str(", ");
    }
    chain.push_str(&peer.ip().to_string());
    if let Ok(chain) = HeaderValue::try_from(chain) {
        headers.insert(FORWARDED_FOR, chain);
    }
    headers.insert(FORWARDED_PROTO, HeaderValue::from_static("http"));
}

fn last_values(headers: &HeaderMap) -> HeaderMap {
    let mut last = HeaderMap::with_capacity(headers.keys_len());
    for (name, value) in headers {
        last.insert(name.clone(), value.clone());
    }
    last
}

/// Whether a `Host` (RFC 9110 section 7.2) can stand in a URL. A gateway never sees another; the conversion of
/// an event into a request relies on it.
#[must_use]
pub fn host_is_usable(headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    let Some(host) = hosts.next() else {
        return true;
    };
    let Ok(host) = host.to_str() else {
        return false;
    };
    if hosts.next().is_some() {
        return false;
    }
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, Some(port)),
        _ => (host, None),
    };
    let numeric =
        |port: &str| port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok();
    port.is_none_or(numeric)
        && (name == "[::1]" || name.parse::<Ipv4Addr>().is_ok() || is_domain(name))
}

/// A plain domain name: letters, digits and hyphens, not to be mistaken for a number or for Punycode.
fn is_domain(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or_default();
    name.len() <= 253
        && last
            .bytes()
            .next()
            .is_some_and(|byte| byte.is_ascii_alphabetic())
        && name.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
                && !label
                    .get(..4)
                    .is_some_and(|start| start.eq_ignore_ascii_case("xn--"))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::Resources;
    use crate::template::sample::sample;
    use http::Request;
    use lambda_http::RequestExt as _;
    use lambda_http::request::LambdaRequest;

    fn event(request: http::request::Builder, body: &[u8]) -> ApiGatewayProxyRequest {
        let resources = Resources::new(&sample(), 1.0);
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        let path = parts.uri.path().to_owned();
        let found = resources.find(&parts.method, &path).unwrap();
        let facts = Facts {
            found: &found,
            peer: ([192, 0, 2, 1], 40_000).into(),
            request_id: "id-1".into(),
            epoch_millis: 1_000,
        };
        build(&mut parts, body.to_vec(), &facts)
    }

    /// What the function sees, through the same conversion as in Lambda.
    fn request(event: ApiGatewayProxyRequest) -> lambda_http::Request {
        Request::from(LambdaRequest::ApiGatewayV1(event))
    }

    #[test]
    fn the_facts_of_the_request_are_in_the_event() {
        let event = event(
            Request::delete("/auth/sessions/abc?x=1")
                .header("host", "localhost:9000")
                .header("user-agent", "curl/8"),
            b"",
        );
        assert_eq!(event.resource.as_deref(), Some("/auth/sessions/{id}"));
        assert_eq!(event.path.as_deref(), Some("/auth/sessions/abc"));
        assert_eq!(
            event.path_parameters,
            HashMap::from([("id".to_owned(), "abc".to_owned())])
        );
        assert_eq!((event.body, event.is_base64_encoded), (None, false));
        let context = event.request_context;
        assert_eq!(context.identity.source_ip.as_deref(), Some("192.0.2.1"));
        assert_eq!(context.identity.user_agent.as_deref(), Some("curl/8"));
        assert_eq!(
            (context.stage.as_deref(), context.path.as_deref()),
            (Some("local"), Some("/local/auth/sessions/abc"))
        );
        assert_eq!(
            (context.request_id.as_deref(), context.request_time_epoch),
            (Some("id-1"), 1_000)
        );
    }

    #[test]
    fn repeated_headers_keep_every_value_in_one_map_and_the_last_in_the_other() {
        let event = event(
            Request::get("/")
                .header("accept", "a")
                .header("accept", "b"),
            b"",
        );
        assert_eq!(
            event
                .multi_value_headers
                .get_all("accept")
                .iter()
                .collect::<Vec<_>>(),
            ["a", "b"]
        );
        assert_eq!(
            event.headers.get_all("accept").iter().collect::<Vec<_>>(),
            ["b"]
        );
    }

    #[test]
    fn a_query_is_decoded_once() {
        let event = event(Request::get("/?q=a%20b&q=c+d&z=%2520&flag&bad=%zz%F"), b"");
        let all = &event.multi_value_query_string_parameters;
        assert_eq!(all.all("q"), Some(vec!["a b", "c d"]));
        assert_eq!(
            (all.first("z"), all.first("flag"), all.first("bad")),
            (Some("%20"), Some(""), Some("%zz%F"))
        );
        assert_eq!(event.query_string_parameters.all("q"), Some(vec!["c d"]));
        assert_eq!(
            request(event).query_string_parameters().first("q"),
            Some("a b")
        );
    }

    #[test]
    fn a_query_that_is_not_utf8_is_no_panic() {
        let event = event(Request::get("/?q=%ff%fe"), b"");
        assert_eq!(
            event.multi_value_query_string_parameters.first("q"),
            Some("\u{fffd}\u{fffd}")
        );
        let _ = request(event);
    }

    #[test]
    fn a_body_that_is_not_utf8_travels_as_base64() {
        let bytes = [0xff, 0x00, 0xc3];
        let event = event(Request::post("/auth/login"), &bytes);
        assert_eq!(
            (event.body.as_deref(), event.is_base64_encoded),
            (Some("/wDD"), true)
        );
        assert_eq!(request(event).body().as_ref(), bytes);
    }

    #[test]
    fn a_text_body_travels_as_it_is() {
        let event = event(
            Request::post("/auth/login"),
            "{\"name\":\"Zoë\"}".as_bytes(),
        );
        assert_eq!(
            (event.body.as_deref(), event.is_base64_encoded),
            (Some("{\"name\":\"Zoë\"}"), false)
        );
    }

    #[test]
    fn the_address_is_the_peers_whatever_a_header_claims() {
        let event = event(
            Request::get("/")
                .header("x-forwarded-for", "203.0.113.9")
                .header("x-forwarded-proto", "gopher://"),
            b"",
        );
        assert_eq!(event.headers["x-forwarded-for"], "203.0.113.9, 192.0.2.1");
        assert_eq!(event.headers["x-forwarded-proto"], "http");
        assert_eq!(
            event.request_context.identity.source_ip.as_deref(),
            Some("192.0.2.1")
        );
    }

    #[test]
    fn headers_of_the_connection_stay_at_the_gateway() {
        let event = event(
            Request::post("/auth/login")
                .header("connection", "close")
                .header("content-length", "2")
                .header("te", "gzip"),
            b"{}",
        );
        assert!(
            ["connection", "content-length", "te"]
                .iter()
                .all(|name| !event.multi_value_headers.contains_key(*name))
        );
    }

    #[test]
    fn every_usable_host_and_odd_path_becomes_a_request() {
        for host in [
            "localhost",
            "localhost:9000",
            "127.0.0.1:1",
            "[::1]:65535",
            "auth.example.com",
            "a_b",
        ] {
            for path in [
                "/",
                "//evil.example/",
                "/a/../b",
                "/%2e%2e/x",
                "/%00",
                "/a%zz",
                "/|^[]",
                "/\\x",
                "/é",
            ] {
                let builder = Request::get(path).header("host", host);
                assert!(host_is_usable(builder.headers_ref().unwrap()), "{host}");
                let _ = request(event(builder, b""));
            }
        }
    }

    #[test]
    fn a_host_that_fits_no_url_is_not_usable() {
        for host in [
            "",
            "a b",
            "a/b",
            "user@host",
            "1.2.3.999",
            "999",
            "host:99999",
            "host:",
            "xn--a",
            "a..b",
            "[::1",
            "h%41",
            "a.0x1",
        ] {
            assert!(
                !host_is_usable(
                    Request::get("/")
                        .header("host", host)
                        .headers_ref()
                        .unwrap()
                ),
                "{host}"
            );
        }
        let twice = Request::get("/").header("host", "a").header("host", "b");
        assert!(!host_is_usable(twice.headers_ref().unwrap()));
    }
}
