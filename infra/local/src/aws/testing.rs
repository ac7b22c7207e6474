//! What the tests of both services share: a loopback server and a real SDK client for it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::{env, fs, process};

use aws_sdk_secretsmanager::config::{BehaviorVersion, Credentials, Region, SharedHttpClient};
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use serde_json::Value;
use shared::clock::MockClock;
use shared::domain::Timestamp;
use tokio::net::TcpListener;
use tower::ServiceExt as _;

/// Where the tests' clocks start.
pub(super) const START: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// A clock that stands at [`START`].
pub(crate) fn clock() -> Arc<MockClock> {
    Arc::new(MockClock::at(START))
}

/// Serves `router` for as long as the test's runtime lives, and gives its URL.
pub(super) async fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async { axum::serve(listener, router).await });
    url
}

/// Made-up keys; nobody verifies them.
pub(super) fn credentials() -> Credentials {
    Credentials::new("local", "local", None, None, "tests")
}

/// The region of all tests.
pub(super) fn region() -> Region {
    Region::new("us-east-1")
}

/// Plain HTTP: loopback needs no TLS.
pub(super) fn http_client() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new().build_http()
}

/// The behaviour that the workspace's clients have.
pub(super) fn behavior() -> BehaviorVersion {
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
pub(crate) struct TempDir(PathBuf);

impl TempDir {
    /// A new, empty directory.
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = env::temp_dir().join(format!("dashtam-local-{}-{number}", process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// A path in the directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
