//! The edge in front of the functions: what API Gateway is to the deployed service.
//!
//! A request is throttled, turned into the event of its route, handed to the application, and answered. The
//! application runs as a task of its own: like a function it finishes what it began when the client has gone, and
//! a panic in it is one 503 and no more. `/_local` and `/docs` are served beside all this and never pass through it.
//!
//! Invariants: the client's address is the peer's; nothing a client sends stops the process or is answered by a
//! panic; at most [`BODY_LIMIT`] bytes of a body are read.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, State};
use axum::serve::ListenerExt as _;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, LOCATION, ORIGIN};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use lambda_http::request::LambdaRequest;
use shared::http::Cors;
use tokio::net::TcpListener;
use tower::ServiceExt as _;
use uuid::Uuid;

use crate::event::{self, Facts};
use crate::resources::Resources;
use crate::template::{GatewayResponse, GatewayResponses, Template};

/// The largest body a REST API takes, in bytes (its payload quota).
pub const BODY_LIMIT: usize = 10_000_000;
/// The largest request line and headers together, in bytes (a REST API's quota).
pub const HEAD_LIMIT: usize = 10_240;
/// How long a REST API waits for a function.
pub const INTEGRATION_TIMEOUT: Duration = Duration::from_secs(29);

/// Where the captured mail is served.
const LOCAL: &str = "/_local";
/// What only the local run has, and what is below it.
const BESIDE: [&str; 2] = [LOCAL, "/docs"];

/// Turns an event into a request for the application's router, as a function by itself does.
pub type ToApp = fn(LambdaRequest) -> Request<Body>;

/// Time and randomness.
#[derive(Debug, Clone, Copy)]
pub struct Sources {
    /// Milliseconds since 1970.
    pub epoch_millis: fn() -> i64,
    /// A fresh identifier for a request.
    pub request_id: fn() -> Uuid,
}

/// What a gateway stands in front of.
#[derive(Debug)]
pub struct Behind {
    /// The functions, all in one router.
    pub app: Router,
    /// How the application takes an event.
    pub to_app: ToApp,
    /// Serves `/_local`, `/docs` and what is below them.
    pub local: Router,
}

/// The local gateway.
#[derive(Debug)]
pub struct Gateway {
    resources: Resources,
    responses: GatewayResponses,
    behind: Behind,
    cors: Cors,
    sources: Sources,
}

impl Gateway {
    /// A gateway for the template's routes. `throttle_scale` multiplies its throttling; origins of `cors` may read also what it
    /// answers by itself.
    #[must_use]
    pub fn new(
        template: &Template,
        throttle_scale: f64,
        behind: Behind,
        cors: Cors,
        sources: Sources,
    ) -> Self {
        Self {
            resources: Resources::new(template, throttle_scale),
            responses: template.responses.clone(),
            behind,
            cors,
            sources,
        }
    }

    /// Serves connections until `shutdown` resolves; then no new ones, and those in flight are finished.
    ///
    /// # Errors
    /// None today; the type is the server's.
    pub async fn serve(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> std::io::Result<()> {
        // Answers are small; waiting to fill a segment would add the peer's delayed acknowledgement to each.
        let listener = listener.tap_io(|connection| drop(connection.set_nodelay(true)));
        let router = Router::new().fallback(accept).with_state(Arc::new(self));
        axum::serve(
            listener,
            router.into_make_service_with_connect_info::<SocketAddr>(),
        )
        .with_graceful_shutdown(shutdown)
        .await
    }

    /// Answers one request of the client at `peer`.
    pub async fn handle(&self, request: Request<Body>, peer: SocketAddr) -> Response<Body> {
        let path = request.uri().path();
        let below = |prefix| {
            path.strip_prefix(prefix)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if BESIDE.into_iter().any(below) {
            return self.serve_local(request).await;
        }
        if path == "/" && request.method() == Method::GET {
            return see_local();
        }
        let request_id = (self.sources.request_id)().to_string();
        let (parts, body) = request.into_parts();
        let (origin, is_preflight) = (origin_of(&parts), parts.method == Method::OPTIONS);
        match self.invoke(parts, body, peer, &request_id).await {
            Ok(response) => response,
            Err(response) => {
                // Without this a script sees a network error, and neither the status nor how long to wait.
                let mut response = response.render(&request_id);
                self.cors
                    .apply(&origin, is_preflight, response.headers_mut());
                response
            }
        }
    }

    async fn invoke(
        &self,
        mut parts: Parts,
        body: Body,
        peer: SocketAddr,
        request_id: &str,
    ) -> Result<Response<Body>, &GatewayResponse> {
        if head_size(&parts) > HEAD_LIMIT {
            return Err(&self.responses.too_large);
        }
        if !parts.uri.path().starts_with('/') || !event::host_is_usable(&parts.headers) {
            return Err(&self.responses.refused);
        }
        let uri = parts.uri.clone();
        let found = self
            .resources
            .find(&parts.method, uri.path())
            .ok_or(&self.responses.no_route)?;
        if !found.method.bucket.take(Instant::now()) {
            return Err(&self.responses.throttled);
        }
        let body = self.read(&parts, body).await?;
        let facts = Facts {
            found: &found,
            peer,
            request_id: request_id.to_owned(),
            epoch_millis: (self.sources.epoch_millis)(),
        };
        let event = event::build(&mut parts, body, &facts);
        let request = (self.behind.to_app)(LambdaRequest::ApiGatewayV1(event));
        let function = tokio::spawn(self.behind.app.clone().oneshot(request));
        match tokio::time::timeout(INTEGRATION_TIMEOUT, function).await {
            Ok(Ok(Ok(response))) => Ok(response),
            Ok(Err(_)) => Err(&self.responses.failed),
            Err(_) => Err(&self.responses.timed_out),
        }
    }

    /// The whole body, or the answer to one that is too large (told before it is read where its length is
    /// declared) or that ends early.
    async fn read(&self, parts: &Parts, body: Body) -> Result<Vec<u8>, &GatewayResponse> {
        let declared = parts
            .headers
            .get(CONTENT_LENGTH)
            .and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
        if declared.is_some_and(|length| length > BODY_LIMIT) {
            return Err(&self.responses.too_large);
        }
        match Limited::new(body, BODY_LIMIT).collect().await {
            Ok(body) => Ok(body.to_bytes().into()),
            Err(error) if error.is::<LengthLimitError>() => Err(&self.responses.too_large),
            Err(_) => Err(&self.responses.unreadable_body),
        }
    }

    /// The captured mail holds links that open accounts, and the viewer may hold an access token. A page of another site
    /// that points its own name at this machine would be let in by the browser, so only the machine's own names are
    /// answered.
    async fn serve_local(&self, request: Request<Body>) -> Response<Body> {
        if !names_this_machine(&request) {
            let mut response = Response::new(Body::from("This is served under localhost only.\n"));
            *response.status_mut() = StatusCode::MISDIRECTED_REQUEST;
            return response;
        }
        match self.behind.local.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }
}

async fn accept(
    State(gateway): State<Arc<Gateway>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request<Body>,
) -> Response<Body> {
    gateway.handle(request, peer).await
}

/// The `Origin` headers alone; the others may be large.
fn origin_of(parts: &Parts) -> HeaderMap {
    parts
        .headers
        .get_all(ORIGIN)
        .iter()
        .map(|origin| (ORIGIN, origin.clone()))
        .collect()
}

/// The size of the request line and the headers as they were sent, to within the spaces.
fn head_size(parts: &Parts) -> usize {
    let uri = parts.uri.path().len() + parts.uri.query().map_or(0, |query| query.len() + 1);
    let headers = parts
        .headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + 4);
    parts.method.as_str().len() + uri + 12 + headers.sum::<usize>()
}

fn names_this_machine(request: &Request<Body>) -> bool {
    let host = request
        .headers()
        .get(http::header::HOST)
        .and_then(|value| value.to_str().ok());
    let Some(host) = host.or_else(|| request.uri().host()) else {
        return false;
    };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => name,
        _ => host,
    };
    name.eq_ignore_ascii_case("localhost")
        || name == "[::1]"
        || name
            .parse::<Ipv4Addr>()
            .is_ok_and(|address| address.is_loopback())
}

/// Who opens the printed address in a browser wants to see something.
fn see_local() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
    response
        .headers_mut()
        .insert(LOCATION, HeaderValue::from_static(LOCAL));
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests;
