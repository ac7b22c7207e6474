//! A proxy before the AWS side, which changes what the doctor sees.

use std::net::Ipv4Addr;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::{Json, Router};
use serde_json::{Value, json};
use shared::clock::{Clock as _, SystemClock};

use crate::local::Local;

/// What stands before the database.
#[derive(Clone)]
struct Before {
    target: String,
    /// The seconds that answers are ahead.
    ahead: Option<u64>,
    /// The table that can be restored; the local database knows nothing of that.
    recoverable: Option<&'static str>,
}

/// A database whose answers bear a date so many seconds ahead, or that says of a table that it can be restored; where it
/// listens.
pub async fn proxy(local: &Local, ahead: Option<u64>, recoverable: Option<&'static str>) -> String {
    let target = local
        .settings()
        .get("AWS_ENDPOINT_URL_DYNAMODB")
        .expect("an endpoint")
        .to_owned();
    let router = Router::new().fallback(pass).with_state(Before {
        target,
        ahead,
        recoverable,
    });
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

async fn pass(State(before): State<Before>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.expect("a body");
    let mut headers = parts.headers;
    headers.remove("host");
    let operation = headers
        .get("x-amz-target")
        .and_then(|target| target.to_str().ok())
        .unwrap_or_default();
    if let Some(table) = before
        .recoverable
        .filter(|_| operation.ends_with(".DescribeContinuousBackups"))
    {
        return recovery(&body, table);
    }
    let sent = reqwest::Client::new()
        .post(before.target)
        .headers(headers)
        .body(body)
        .send()
        .await
        .expect("an answer");
    let mut answer = Response::builder().status(sent.status());
    for name in ["content-type", "x-amz-crc32"] {
        answer = sent
            .headers()
            .get(name)
            .into_iter()
            .fold(answer, |answer, value| answer.header(name, value));
    }
    let ahead = i64::try_from(before.ahead.unwrap_or_default()).expect("small");
    let date =
        aws_sdk_dynamodb::primitives::DateTime::from_secs(SystemClock.now().as_secs() + ahead);
    let date = date
        .fmt(aws_sdk_dynamodb::primitives::DateTimeFormat::HttpDate)
        .expect("a date");
    answer
        .header("date", date)
        .body(Body::from(sent.bytes().await.expect("a body")))
        .expect("an answer")
}

/// What AWS says of a table's backups.
fn recovery(body: &[u8], recoverable: &str) -> Response {
    let asked: Value = serde_json::from_slice(body).expect("JSON");
    let status = if asked
        .get("TableName")
        .is_some_and(|name| name == recoverable)
    {
        "ENABLED"
    } else {
        "DISABLED"
    };
    let recovery = json!({ "PointInTimeRecoveryStatus": status });
    let backups =
        json!({ "ContinuousBackupsStatus": "ENABLED", "PointInTimeRecoveryDescription": recovery });
    Json(json!({ "ContinuousBackupsDescription": backups })).into_response()
}
