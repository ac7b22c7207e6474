//! The Runtime API of one process: what it is asked goes through a channel to whoever holds the process.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt as _;
use http::StatusCode;
use shared::clock::{Clock as _, SystemClock};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

/// What Lambda takes as an answer, and a little for its envelope.
const LONGEST: usize = 7 * 1024 * 1024;
/// What a function may take for an event, in milliseconds.
const TIME: i64 = 30_000;

/// What a process says.
#[derive(Debug)]
pub enum Word {
    /// It asks for an event, and waits for it.
    Next(oneshot::Sender<Event>, Instant),
    /// It has answered the event of that id.
    Response(String, Bytes, Instant),
    /// It could not answer the event of that id.
    Error(String, Bytes, Instant),
    /// It does not start.
    InitError(Bytes),
}

/// An event on its way.
#[derive(Debug)]
pub struct Event {
    /// The id of the request.
    pub id: String,
    /// The payload.
    pub payload: Bytes,
}

/// A running Runtime API. It ends with this value.
pub struct Api {
    /// Where it listens.
    pub address: SocketAddr,
    /// What the process says.
    pub words: mpsc::UnboundedReceiver<Word>,
    connections: Arc<AtomicUsize>,
    server: JoinHandle<()>,
}

impl Api {
    /// Listens on a port of its own.
    pub async fn start(function: &str) -> std::io::Result<Self> {
        let (sender, words) = mpsc::unbounded_channel();
        let connections = Arc::new(AtomicUsize::new(0));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let (address, counted) = (listener.local_addr()?, Arc::clone(&connections));
        let listener = listener.tap_io(move |stream| {
            counted.fetch_add(1, Ordering::Relaxed);
            // An answer that waits for an acknowledgement would be measured as the function's time.
            let _only_slower = stream.set_nodelay(true);
        });
        let arn = format!("arn:aws:lambda:us-east-1:123456789012:function:{function}");
        let router = router(Desk {
            words: sender,
            arn: arn.into(),
        });
        let server = tokio::spawn(async move {
            let _ends_with_its_task = axum::serve(listener, router).await;
        });
        Ok(Self {
            address,
            words,
            connections,
            server,
        })
    }

    /// How many connections the process has opened.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        self.server.abort();
    }
}

#[derive(Clone)]
struct Desk {
    words: mpsc::UnboundedSender<Word>,
    arn: Arc<str>,
}

fn router(desk: Desk) -> Router {
    Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route(
            "/2018-06-01/runtime/invocation/{id}/response",
            post(response),
        )
        .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
        .route("/2018-06-01/runtime/init/error", post(init_error))
        .layer(DefaultBodyLimit::max(LONGEST))
        .with_state(desk)
}

async fn next(State(desk): State<Desk>) -> Response {
    let (sender, event) = oneshot::channel();
    let asked = desk.words.send(Word::Next(sender, Instant::now()));
    let (Ok(()), Ok(event)) = (asked, event.await) else {
        // Nobody holds the process any more.
        return StatusCode::GONE.into_response();
    };
    let deadline = SystemClock.now().as_millis().saturating_add(TIME);
    let answer = http::Response::builder()
        .header("content-type", "application/json")
        .header("lambda-runtime-aws-request-id", event.id)
        .header("lambda-runtime-deadline-ms", deadline)
        .header("lambda-runtime-invoked-function-arn", &*desk.arn)
        .header(
            "lambda-runtime-trace-id",
            "Root=1-6920f0a1-0123456789abcdef01234567;Parent=0123456789abcdef;Sampled=0",
        )
        .body(Body::from(event.payload));
    answer.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

async fn response(State(desk): State<Desk>, Path(id): Path<String>, body: Bytes) -> StatusCode {
    desk.take(Word::Response(id, body, Instant::now()))
}

async fn error(State(desk): State<Desk>, Path(id): Path<String>, body: Bytes) -> StatusCode {
    desk.take(Word::Error(id, body, Instant::now()))
}

async fn init_error(State(desk): State<Desk>, body: Bytes) -> StatusCode {
    desk.take(Word::InitError(body))
}

impl Desk {
    fn take(&self, word: Word) -> StatusCode {
        if self.words.send(word).is_ok() {
            StatusCode::ACCEPTED
        } else {
            StatusCode::GONE
        }
    }
}
