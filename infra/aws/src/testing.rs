//! What the tests share: a clock and a source of bytes that repeat themselves, a loopback server, and a real SDK client for it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_secretsmanager::config::{BehaviorVersion, Credentials, Region, SharedHttpClient};
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use jiff::Timestamp;
use serde_json::Value;
use tokio::net::TcpListener;
use tower::ServiceExt as _;

use crate::dynamodb::TableDefinition;
use crate::inputs::{Clock, Entropy, plus};

/// Where the tests' clocks start, in seconds since 1970.
const START: i64 = 1_700_000_000;

/// A clock that is moved by hand; all clones are one.
#[derive(Clone)]
pub(crate) struct MockClock(Arc<Mutex<Timestamp>>);

impl MockClock {
    /// Moves it.
    pub(crate) fn advance(&self, span: Duration) {
        let mut now = self.0.lock().unwrap();
        *now = plus(*now, span);
    }

    /// The clock as the servers take it.
    pub(crate) fn reader(&self) -> Clock {
        let now = Arc::clone(&self.0);
        Clock::new(move || *now.lock().unwrap())
    }
}

/// The time at which [`clock`] stands.
pub(crate) fn start() -> Timestamp {
    Timestamp::from_second(START).unwrap()
}

/// A clock that stands at [`start`].
pub(crate) fn clock() -> MockClock {
    MockClock(Arc::new(Mutex::new(start())))
}

/// Bytes that differ from call to call and not from run to run.
pub(crate) fn entropy() -> Entropy {
    let count = AtomicU64::new(0);
    Entropy::new(move |buffer| {
        for chunk in buffer.chunks_mut(32) {
            let count = count.fetch_add(1, Ordering::Relaxed);
            let digest =
                aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &count.to_be_bytes());
            let (from, _) = digest.as_ref().split_at(chunk.len());
            chunk.copy_from_slice(from);
        }
    })
}

/// Serves `router` for as long as the test's runtime lives, and gives its URL.
pub(crate) async fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async { axum::serve(listener, router).await });
    url
}

/// Made-up keys; nobody verifies them.
pub(crate) fn credentials() -> Credentials {
    Credentials::new("local", "local", None, None, "tests")
}

/// The region of all tests.
pub(crate) fn region() -> Region {
    Region::new("us-east-1")
}

/// Plain HTTP: loopback needs no TLS.
pub(crate) fn http_client() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new().build_http()
}

/// The newest behaviour of the SDK.
pub(crate) fn behavior() -> BehaviorVersion {
    BehaviorVersion::latest()
}

/// Sends a request made by hand to a server of AWS JSON and gives its status and body.
pub(crate) async fn send(router: Router, target: &str, body: &str) -> (u16, Value) {
    let request = Request::post("/")
        .header("host", "127.0.0.1:1")
        .header("authorization", "AWS4-HMAC-SHA256 x")
        .header("x-amz-target", target)
        .body(Body::from(body.to_owned()))
        .unwrap();
    let answer = router.oneshot(request).await.unwrap();
    let status = answer.status().as_u16();
    let body = axum::body::to_bytes(answer.into_body(), usize::MAX)
        .await
        .unwrap();
    (status, serde_json::from_slice(&body).unwrap())
}

/// A directory of one test's own, removed at its end.
pub(crate) struct TempDir(tempfile::TempDir);

impl TempDir {
    /// A new, empty directory.
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A path in the directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

/// Two tables: `outbox` with a stream, and `tokens` with a sort key and an attribute that holds the expiry.
pub(crate) fn tables() -> Vec<TableDefinition> {
    let key = |name: &str, kind: &str| (name.to_owned(), kind.to_owned());
    let table = |suffix: &str, stream: Option<&str>, ttl: Option<&str>| TableDefinition {
        suffix: suffix.to_owned(),
        key_schema: vec![key("pk", "HASH")],
        attribute_definitions: vec![key("pk", "S")],
        indexes: Vec::new(),
        stream: stream.map(str::to_owned),
        ttl_attribute: ttl.map(str::to_owned),
        is_deletion_protected: false,
        is_recoverable: false,
    };
    let mut tokens = table("tokens", None, Some("ttl"));
    tokens.key_schema.push(key("sk", "RANGE"));
    tokens.attribute_definitions.push(key("sk", "S"));
    vec![table("outbox", Some("NEW_IMAGE"), None), tokens]
}
