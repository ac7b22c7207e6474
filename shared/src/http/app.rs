//! The only composition: endpoints under the layers that every answer passes through.
//!
//! A Lambda function passes its one endpoint, the local run and the tests pass all of them; nothing else differs. The
//! wrapper gathers the request's [`RequestMeta`], bounds its time, catches panics, writes problem documents, and puts
//! on the headers that the contract promises on every answer.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, HttpBody as _};
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};

use super::cors::Cors;
use super::endpoint::Endpoint;
use super::problem::{Code, Problem};
use crate::config::NetworkConfig;
use crate::ground::error_chain;
use crate::request::RequestMeta;
use crate::routes;
use crate::telemetry::{self, End, Telemetry, Work};

/// The longest that a request may take: below the function's timeout, which is below the gateway's.
pub const DEADLINE: Duration = Duration::from_secs(12);

/// The function that answers where no endpoint does.
const UNMATCHED: &str = "service-fallback";

/// The headers of every answer. A page brings a policy of its own.
const HEADERS: [(HeaderName, HeaderValue); 5] = [
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    ),
    (
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    ),
    (
        header::STRICT_TRANSPORT_SECURITY,
        HeaderValue::from_static("max-age=63072000; includeSubDomains"),
    ),
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
    ),
];

/// What the wrapper needs.
#[derive(Clone)]
pub struct App {
    /// Whose word counts on the client's address, and which origins may read.
    pub network: Arc<NetworkConfig>,
    /// Tells what is done.
    pub telemetry: Telemetry,
}

/// The service made of `endpoints`.
pub fn app(endpoints: Vec<Endpoint>, app: App) -> Router {
    endpoints
        .into_iter()
        .fold(Router::new(), |router, endpoint| {
            router.merge(endpoint.router)
        })
        .method_not_allowed_fallback(unmatched)
        .fallback(unmatched)
        .layer(from_fn_with_state(
            (Arc::new(Cors::new(&app.network)), app),
            wrap,
        ))
}

/// A path or method without an endpoint: 404, 405 with `Allow`, or the answer to OPTIONS.
async fn unmatched(request: Request) -> Response {
    let allowed = routes::allowed_methods(request.uri().path());
    let names: Vec<&str> = allowed.iter().map(Method::as_str).collect();
    let Ok(allow) = HeaderValue::from_str(&format!("{}, OPTIONS", names.join(", "))) else {
        return Problem::new(Code::NotFound).into_response();
    };
    if allowed.is_empty() {
        Problem::new(Code::NotFound).into_response()
    } else if request.method() == Method::OPTIONS {
        (StatusCode::NO_CONTENT, [(header::ALLOW, allow)]).into_response()
    } else {
        Problem::new(Code::MethodNotAllowed)
            .header(header::ALLOW, allow)
            .into_response()
    }
}

async fn wrap(
    State((cors, app)): State<(Arc<Cors>, App)>,
    request: Request,
    next: Next,
) -> Response {
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let asked = request.headers().clone();
    let work = app.telemetry.request(&asked);
    let request_id = work.id().to_string();
    let response = Arc::clone(&work)
        .run(answer(&app, &work, request, next))
        .await;
    let mut response = write_problem(response, &path, &request_id);
    cors.apply(&asked, method == Method::OPTIONS, response.headers_mut());
    if method == Method::HEAD {
        leave_body_away(&mut response);
    }
    put_headers(response.headers_mut(), &request_id);
    response
}

/// The endpoint's answer, logged and measured.
async fn answer(app: &App, work: &Work, mut request: Request, next: Next) -> Response {
    let mut meta = match RequestMeta::read(&request, &app.network.trusted_edge, work) {
        Ok(meta) => meta,
        Err(bypassed) => {
            tracing::warn!(reason = %bypassed, "request refused");
            let problem = Problem::new(Code::Forbidden).caused_by(bypassed);
            let end = End {
                function: UNMATCHED,
                status: Some(403),
                code: Some(problem.code.name()),
                ..End::default()
            };
            work.end(end);
            return problem.into_response();
        }
    };
    meta.route = route_of(&request);
    if meta.method == Method::HEAD {
        // The endpoint answers as to GET; what it would have sent is measured and left away by the wrapper.
        *request.method_mut() = Method::GET;
    }
    let meta = Arc::new(meta);
    request.extensions_mut().insert(Arc::clone(&meta));
    let response = run(request, next).await;
    log(&meta, &response);
    let problem = response.extensions().get::<Problem>();
    let cause = problem.and_then(|problem| problem.cause.as_deref());
    work.end(End {
        function: meta.route.map_or(UNMATCHED, |route| route.function),
        status: Some(response.status().as_u16()),
        code: problem.map(|problem| problem.code.name()),
        request: Some(telemetry::Request {
            method: &meta.method,
            path: meta.route.map(|route| route.path),
        }),
        failed: false,
        error: cause
            .filter(|_| response.status().is_server_error())
            .map(|cause| cause as &(dyn std::error::Error + 'static)),
    });
    response
}

fn route_of(request: &Request) -> Option<&'static routes::Route> {
    let matched = request.extensions().get::<MatchedPath>()?.as_str();
    routes::ALL
        .into_iter()
        .find(|route| route.path == matched && route.answers(request.method()))
}

/// Runs the endpoint within its deadline; a panic becomes a 500 and the next request finds everything in order.
async fn run(request: Request, next: Next) -> Response {
    let answer = AssertUnwindSafe(next.run(request)).catch_unwind();
    match tokio::time::timeout(DEADLINE, answer).await {
        Ok(Ok(response)) => response,
        // The panic hook has logged where.
        Ok(Err(_panic)) => Problem::new(Code::InternalError).into_response(),
        Err(elapsed) => Problem::unavailable(elapsed).into_response(),
    }
}

fn write_problem(mut response: Response, path: &str, request_id: &str) -> Response {
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        *response.body_mut() = Body::from(problem.document(path, request_id));
        let kind = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response.headers_mut().remove(header::CONTENT_LENGTH);
    }
    response
}

/// HEAD is GET without its body (RFC 9110 section 9.3.2): the length stays.
fn leave_body_away(response: &mut Response) {
    if let Some(length) = response.body().size_hint().exact() {
        response
            .headers_mut()
            .insert(header::CONTENT_LENGTH, length.into());
    }
    *response.body_mut() = Body::empty();
}

fn put_headers(headers: &mut HeaderMap, request_id: &str) {
    for (name, value) in HEADERS {
        headers.entry(name).or_insert(value);
    }
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert("x-request-id", id);
    }
}

/// One line a request; never a body, a token or a query. Its ids stand on every line.
fn log(meta: &RequestMeta, response: &Response) {
    let status = response.status().as_u16();
    let problem = response.extensions().get::<Problem>();
    let code = problem.map_or("", |problem| problem.code.name());
    let endpoint = meta.endpoint();
    if let Some(cause) = problem
        .and_then(|problem| problem.cause.as_deref())
        .filter(|_| status >= 500)
    {
        let chain = error_chain(cause);
        tracing::error!(method = %meta.method, endpoint, status, code, error = chain, "request failed");
    } else {
        tracing::info!(method = %meta.method, endpoint, status, code, "request");
    }
}
