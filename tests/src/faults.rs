//! A proxy in front of `DynamoDB`, or of SES: passes calls on, writes them down, and breaks the ones it is told to break. The engine
//! itself shows no conflicts, no throttling and no lost answers.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use local_aws::LocalAws;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tower::ServiceExt as _;

/// What happens to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Refused as throttled; nothing is done.
    Throttled,
    /// Refused with an internal error; nothing is done.
    InternalError,
    /// Refused because of another transaction; nothing is done.
    Conflict,
    /// Done, but the answer is lost.
    LostAnswer,
    /// Answered with nothing and every key unprocessed.
    Unprocessed,
    /// Held back until [`Proxy::release`], then done.
    Held,
}

/// A fault that waits for its call.
#[derive(Debug, Clone)]
struct Planned {
    operation: &'static str,
    fault: Fault,
    skip: usize,
    left: usize,
}

/// An operation and what it asked for.
type Call = (String, Value);

/// The proxy's memory.
#[derive(Clone)]
pub struct Proxy {
    calls: Arc<Mutex<Vec<String>>>,
    traces: Arc<Mutex<Vec<Vec<String>>>>,
    watched: Arc<Mutex<Option<Vec<Call>>>>,
    planned: Arc<Mutex<Vec<Planned>>>,
    held: Arc<Semaphore>,
    released: Arc<Semaphore>,
    server: Router,
}

impl Proxy {
    /// Starts a proxy before the server at `target`; where it listens, and where it is called from this process.
    pub async fn start(aws: &LocalAws, target: SocketAddr) -> (Self, SocketAddr) {
        let server = aws.in_process.at(target).expect("a server");
        let (held, released) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let (calls, traces, watched, planned) = (
            Arc::default(),
            Arc::default(),
            Arc::default(),
            Arc::default(),
        );
        let proxy = Self {
            calls,
            traces,
            watched,
            planned,
            held,
            released,
            server,
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a port");
        let address = listener.local_addr().expect("an address");
        let router = Router::new().fallback(pass).with_state(proxy.clone());
        aws.in_process.serve(address, router.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (proxy, address)
    }

    /// The next `times` calls of `operation` (or of any, for `""`) break.
    pub fn plan(&self, operation: &'static str, fault: Fault, times: usize) {
        self.plan_after(operation, fault, 0, times);
    }

    /// The same, after `skip` calls of the operation have passed.
    pub fn plan_after(&self, operation: &'static str, fault: Fault, skip: usize, times: usize) {
        self.planned.lock().expect("no panic").push(Planned {
            operation,
            fault,
            skip,
            left: times,
        });
    }

    /// Waits until a call is held back.
    pub async fn until_held(&self) {
        self.held.acquire().await.expect("open").forget();
    }

    /// Lets a call go that is held back.
    pub fn release(&self) {
        self.released.add_permits(1);
    }

    /// Forgets all faults that have not come.
    pub fn heal(&self) {
        self.planned.lock().expect("no panic").clear();
    }

    /// The calls since the last time, by operation.
    pub fn take_calls(&self) -> Vec<String> {
        std::mem::take(&mut self.calls.lock().expect("no panic"))
    }

    /// The values of `traceparent` that each call since the last time had.
    pub fn take_traces(&self) -> Vec<Vec<String>> {
        std::mem::take(&mut self.traces.lock().expect("no panic"))
    }

    /// From now on the calls are kept whole.
    pub fn watch(&self) {
        *self.watched.lock().expect("no panic") = Some(Vec::new());
    }

    /// The calls since [`Self::watch`] or the last time, each with what it asked for.
    #[must_use]
    pub fn take_watched(&self) -> Vec<(String, Value)> {
        self.watched
            .lock()
            .expect("no panic")
            .as_mut()
            .map(std::mem::take)
            .unwrap_or_default()
    }

    fn note(&self, operation: &str) -> Option<Fault> {
        self.calls
            .lock()
            .expect("no panic")
            .push(operation.to_owned());
        let mut planned = self.planned.lock().expect("no panic");
        let mut due = planned.iter_mut().filter(|plan| {
            plan.left > 0 && (plan.operation.is_empty() || plan.operation == operation)
        });
        let plan = due.next()?;
        if plan.skip > 0 {
            plan.skip -= 1;
            return None;
        }
        plan.left -= 1;
        Some(plan.fault)
    }
}

async fn pass(State(proxy): State<Proxy>, request: Request) -> Response {
    let target = request
        .headers()
        .get("x-amz-target")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
    let fault = proxy.note(&operation);
    let traces = request.headers().get_all("traceparent").iter();
    let traces = traces
        .map(|value| value.to_str().expect("text").to_owned())
        .collect();
    proxy.traces.lock().expect("no panic").push(traces);
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.expect("a body");
    if let Some(watched) = proxy.watched.lock().expect("no panic").as_mut() {
        watched.push((
            operation.clone(),
            serde_json::from_slice(&body).expect("JSON"),
        ));
    }
    match fault {
        Some(Fault::Throttled) => {
            return refusal(StatusCode::BAD_REQUEST, "ThrottlingException", "");
        }
        Some(Fault::InternalError) => {
            return refusal(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError", "");
        }
        Some(Fault::Conflict) => return conflict(&operation, &body),
        Some(Fault::Unprocessed) => return unprocessed(&body),
        Some(Fault::Held) => {
            proxy.held.add_permits(1);
            proxy.released.acquire().await.expect("open").forget();
        }
        Some(Fault::LostAnswer) | None => {}
    }
    let Ok(answer) = proxy
        .server
        .oneshot(Request::from_parts(parts, Body::from(body)))
        .await;
    if fault == Some(Fault::LostAnswer) {
        return refusal(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError", "");
    }
    answer
}

fn refusal(status: StatusCode, code: &str, more: &str) -> Response {
    let body = format!(
        r#"{{"__type":"com.amazonaws.dynamodb.v20120810#{code}","message":"injected"{more}}}"#
    );
    (
        status,
        [("content-type", "application/x-amz-json-1.0")],
        body,
    )
        .into_response()
}

fn conflict(operation: &str, body: &[u8]) -> Response {
    if operation != "TransactWriteItems" {
        return refusal(StatusCode::BAD_REQUEST, "TransactionConflictException", "");
    }
    let request: Value = serde_json::from_slice(body).expect("JSON");
    let count = request["TransactItems"].as_array().map_or(0, Vec::len);
    let reasons = vec![r#"{"Code":"TransactionConflict","Message":"injected"}"#; count].join(",");
    refusal(
        StatusCode::BAD_REQUEST,
        "TransactionCanceledException",
        &format!(r#","CancellationReasons":[{reasons}]"#),
    )
}

fn unprocessed(body: &[u8]) -> Response {
    let request: Value = serde_json::from_slice(body).expect("JSON");
    let body = serde_json::json!({ "Responses": {}, "UnprocessedKeys": request["RequestItems"] });
    (
        [("content-type", "application/x-amz-json-1.0")],
        body.to_string(),
    )
        .into_response()
}
