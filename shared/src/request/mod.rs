//! Who asks, from where, and under which identifiers: gathered once a request, passed to whatever records it.

pub mod gateway;
pub mod locator;

use std::net::{IpAddr, Ipv6Addr};

use http::{HeaderMap, Method};
use lambda_http::request::RequestContext;
use secrecy::ExposeSecret;
use uuid::Uuid;

use crate::config::TrustedEdge;
use crate::domain::{Place, Timestamp, UserAgent};
use crate::ground::digest;
use crate::ground::entropy::{self, Entropy};
use crate::routes::Route;
use crate::telemetry::{TraceContext, Work};

/// The header in which a trusted edge shows that the request came through it.
pub const EDGE_SECRET_HEADER: &str = "x-dashtam-edge-secret";

/// Work that no request asks for: a job on a schedule, a command of the operator.
#[derive(Debug)]
pub struct Task {
    /// The action in the audit trail.
    pub action: &'static str,
    /// What does it, in the place of the endpoint.
    pub name: &'static str,
}

/// What is known of a request besides its content.
#[derive(Debug, Clone)]
pub struct RequestMeta {
    /// Made here; a client's own value is never adopted.
    pub id: Uuid,
    /// The trace the request belongs to (W3C Trace Context section 3.2.2.3), 32 hex digits.
    pub trace_id: String,
    /// The HTTP method.
    pub method: Method,
    /// The path as sent, without the stage.
    pub path: String,
    /// The endpoint, if the request has one.
    pub route: Option<&'static Route>,
    /// The work, where it is no request.
    pub task: Option<&'static Task>,
    /// The client's address as the gateway or the trusted edge saw it.
    pub client: IpAddr,
    /// The `User-Agent`, bounded.
    pub user_agent: UserAgent,
    /// Where the client is, if the trusted edge said so.
    pub place: Option<Place>,
}

/// The request did not come through the edge that is trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the request did not come through the trusted edge")]
pub struct BypassedEdge;

impl RequestMeta {
    /// Reads what is known of a request that is answered as `work`.
    ///
    /// # Errors
    /// [`BypassedEdge`] if an edge is trusted and its secret is missing.
    pub fn read<B>(
        request: &http::Request<B>,
        edge: &TrustedEdge,
        work: &Work,
    ) -> Result<Self, BypassedEdge> {
        let headers = request.headers();
        let mut meta = Self {
            id: work.id(),
            trace_id: work.trace().trace_id(),
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            route: None,
            task: None,
            client: source_ip(request.extensions().get::<RequestContext>()),
            user_agent: UserAgent::bounded(text(headers, "user-agent").unwrap_or_default()),
            place: None,
        };
        if let TrustedEdge::CloudFront(secrets) = edge {
            let shown = headers
                .get(EDGE_SECRET_HEADER)
                .map_or(&b""[..], http::HeaderValue::as_bytes);
            if !secrets
                .iter()
                .any(|secret| digest::equal(secret.expose_secret().as_bytes(), shown))
            {
                return Err(BypassedEdge);
            }
            meta.client = viewer_address(headers).unwrap_or(meta.client);
            meta.place = Place::from_viewer_headers(headers);
        }
        Ok(meta)
    }

    /// Work that no request asks for, under the ids that its log lines carry.
    #[must_use]
    pub fn of_task(task: &'static Task, now: Timestamp, entropy: &dyn Entropy) -> Self {
        let (id, trace) = match Work::current() {
            Some(work) => (work.id(), *work.trace()),
            None => (
                entropy::uuid_v7(now, entropy),
                TraceContext::begin(entropy, false),
            ),
        };
        Self {
            id,
            trace_id: trace.trace_id(),
            // A method of its own (RFC 9110 section 9.1), which no request of an endpoint has.
            method: Method::from_bytes(b"TASK").unwrap_or_default(),
            path: String::new(),
            route: None,
            task: Some(task),
            client: IpAddr::V6(Ipv6Addr::UNSPECIFIED),
            user_agent: UserAgent::default(),
            place: None,
        }
    }

    /// The client as a bucket knows it: IPv4 as it is, IPv6 by the /64 that one customer gets.
    #[must_use]
    pub fn client_key(&self) -> String {
        match self.client.to_canonical() {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => {
                let network = u128::from(address) & !u128::from(u64::MAX);
                format!("{}/64", Ipv6Addr::from(network))
            }
        }
    }

    /// The endpoint's path with its parameters in braces, so that no identifier or token is written down.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        let task = self.task.map(|task| task.name);
        task.or(self.route.map(|route| route.path))
            .unwrap_or("unmatched")
    }

    /// The action in the audit trail.
    #[must_use]
    pub fn action(&self) -> &'static str {
        let task = self.task.map(|task| task.action);
        task.or(self.route.and_then(|route| route.action))
            .unwrap_or("unmatched")
    }
}

/// The address that the gateway saw, in either payload version.
fn source_ip(context: Option<&RequestContext>) -> IpAddr {
    let text = match context {
        Some(RequestContext::ApiGatewayV1(context)) => context.identity.source_ip.as_deref(),
        Some(RequestContext::ApiGatewayV2(context)) => context.http.source_ip.as_deref(),
        _ => None,
    };
    let unknown = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
    text.and_then(|text| text.parse::<IpAddr>().ok())
        .unwrap_or(unknown)
        .to_canonical()
}

/// `CloudFront-Viewer-Address` is `address:port`; an IPv6 address stands there without brackets.
fn viewer_address(headers: &HeaderMap) -> Option<IpAddr> {
    let (address, _port) = text(headers, "cloudfront-viewer-address")?.rsplit_once(':')?;
    address
        .trim_matches(['[', ']'])
        .parse::<IpAddr>()
        .ok()
        .map(|address| address.to_canonical())
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::clock::SystemClock;
    use crate::ground::entropy::SeededEntropy;
    use crate::telemetry::Telemetry;

    fn meta(headers: &[(&str, &str)], edge: &TrustedEdge) -> Result<RequestMeta, BypassedEdge> {
        let mut request = http::Request::builder().uri("/x");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(()).expect("valid");
        let telemetry =
            Telemetry::new(Arc::new(SystemClock), Arc::new(SeededEntropy::new(1)), None);
        RequestMeta::read(&request, edge, &telemetry.request(request.headers()))
    }

    #[test]
    fn an_ipv6_client_is_its_network_and_a_mapped_address_is_ipv4() {
        let key = |address: &str| {
            let mut meta = meta(&[], &TrustedEdge::None).expect("no edge");
            meta.client = address.parse().expect("an address");
            meta.client_key()
        };
        assert_eq!(key("2001:db8::1"), key("2001:db8::ffff:1"));
        assert_ne!(key("2001:db8::1"), key("2001:db8:0:1::1"));
        assert_eq!(key("::ffff:192.0.2.1"), "192.0.2.1");
    }

    #[test]
    fn a_trusted_edge_must_show_its_secret() {
        let edge = TrustedEdge::CloudFront(vec!["0123456789abcdef0123456789abcdef".into()]);
        assert_eq!(meta(&[], &edge).err(), Some(BypassedEdge));
        let headers = [
            (EDGE_SECRET_HEADER, "0123456789abcdef0123456789abcdef"),
            ("cloudfront-viewer-address", "2001:db8::7:443"),
        ];
        let meta = meta(&headers, &edge).expect("shown");
        assert_eq!(
            meta.client,
            "2001:db8::7".parse::<IpAddr>().expect("an address")
        );
    }

    #[test]
    fn forwarding_headers_change_nothing() {
        let headers = [
            ("x-forwarded-for", "192.0.2.9"),
            ("forwarded", "for=192.0.2.9"),
            ("cloudfront-viewer-address", "192.0.2.9:1"),
        ];
        let meta = meta(&headers, &TrustedEdge::None).expect("no edge");
        assert_eq!(meta.client, IpAddr::V6(Ipv6Addr::UNSPECIFIED));
    }
}
