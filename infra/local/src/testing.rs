//! What the tests share.

use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use dynoxide::Database;
use local_aws::dynamodb::{database, tables};
use serde_json::{Value, json};
use shared::clock::MockClock;
use shared::domain::Timestamp;
use shared::ground::entropy::SeededEntropy;
use tower::ServiceExt as _;

use crate::aws_side;
use crate::template::sample::sample;

/// Where the tests' clocks start.
const START: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// A clock that is moved by hand, and the same one as the AWS side takes it.
pub(crate) fn clock() -> (Arc<MockClock>, local_aws::Clock) {
    let clock = Arc::new(MockClock::at(START));
    (clock.clone(), aws_side::clock(clock))
}

/// Bytes that differ from call to call and not from run to run.
pub(crate) fn entropy() -> local_aws::Entropy {
    aws_side::entropy(Arc::new(SeededEntropy::new(7)))
}

/// The outbox of the small template.
pub(crate) const OUTBOX: &str = "dashtam-local-outbox";

/// A database with the tables of the small template.
pub(crate) fn outbox() -> Database {
    let database = database::open(None).unwrap();
    tables::create_missing_tables(&database, "dashtam-local-", &sample().tables).unwrap();
    database
}

/// Puts an item into the outbox.
pub(crate) fn put(database: &Database, item: &Value) {
    database
        .put_item(serde_json::from_value(json!({ "TableName": OUTBOX, "Item": item })).unwrap())
        .unwrap();
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
