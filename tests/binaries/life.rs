//! How a process lives, and how it ends.

use std::os::unix::process::ExitStatusExt as _;

use bundle_tests::{PASSWORD, TestApp};
use dashtam_runtime::Answer;
use serde_json::{Value, json};

use crate::{invoke, respond, start};

/// SIGTERM.
const TERMINATED: i32 = 15;

/// A request as an HTTP API sends it.
fn event(method: &str, path: &str, token: Option<&str>, body: Option<&Value>) -> String {
    let authorization = token
        .map(|token| format!("Bearer {token}"))
        .unwrap_or_default();
    let event = json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "",
        "headers": { "authorization": authorization, "content-type": "application/json", "user-agent": "curl/8" },
        "requestContext": {
            "accountId": "123456789012", "apiId": "a", "domainName": "a.example.com", "domainPrefix": "a",
            "http": { "method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "203.0.113.7", "userAgent": "curl/8" },
            "requestId": "a", "routeKey": "$default", "stage": "$default", "time": "", "timeEpoch": 0,
        },
        "body": body.map(Value::to_string),
        "isBase64Encoded": false,
    });
    event.to_string()
}

fn me(token: &str) -> String {
    event("GET", "/api/v1/auth/me", Some(token), None)
}

/// A service that refuses nobody for coming often.
async fn unlimited() -> TestApp {
    TestApp::beside_processes(&[("RATE_LIMIT_SCALE", "1000")]).await
}

#[tokio::test]
async fn a_process_that_is_told_to_end_ends_at_once_and_has_nothing_to_complain_of() {
    let app = unlimited().await;
    let token = app
        .logged_in("a@example.com")
        .await
        .access
        .expect("a token");
    let mut process = start(&app, "auth-me").await;
    respond(&mut process, &me(&token)).await;
    let (status, output) = process.terminate().await.expect("an end");
    assert!(
        status.success() || status.signal() == Some(TERMINATED),
        "{status}"
    );
    assert!(
        !output.contains("\"ERROR\"") && !output.contains("panicked"),
        "{output}"
    );
}

#[tokio::test]
async fn an_event_that_is_none_is_an_error_and_the_next_one_is_answered() {
    let app = unlimited().await;
    let token = app
        .logged_in("a@example.com")
        .await
        .access
        .expect("a token");
    let mut process = start(&app, "auth-me").await;
    for malformed in [
        "",
        "null",
        "[]",
        "{\"Records\":[]}",
        "{\"version\":\"2.0\"",
        "\u{0}",
    ] {
        let answer = invoke(&mut process, malformed).await;
        assert!(
            matches!(answer, Answer::Error(_)),
            "{malformed}: {answer:?}"
        );
    }
    assert_eq!(respond(&mut process, &me(&token)).await["statusCode"], 200);
}

#[tokio::test]
async fn many_events_are_answered_by_one_process_on_one_connection_to_lambda() {
    let app = unlimited().await;
    let token = app
        .logged_in("a@example.com")
        .await
        .access
        .expect("a token");
    let mut process = start(&app, "auth-me").await;
    for _ in 0..50 {
        assert_eq!(respond(&mut process, &me(&token)).await["statusCode"], 200);
    }
    assert_eq!(process.connections(), 1);
}

#[tokio::test]
async fn memory_does_not_grow_with_the_events() {
    let app = unlimited().await;
    let token = app
        .logged_in("a@example.com")
        .await
        .access
        .expect("a token");
    let login = json!({ "email": "a@example.com", "password": PASSWORD });
    let login = event("POST", "/api/v1/auth/login", None, Some(&login));
    for (function, event, first, more) in [
        ("auth-me", me(&token), 100, 400),
        ("auth-login", login, 100, 100),
    ] {
        let mut process = start(&app, function).await;
        for _ in 0..first {
            assert_eq!(respond(&mut process, &event).await["statusCode"], 200);
        }
        let before = process.memory().expect("a number");
        for _ in 0..more {
            respond(&mut process, &event).await;
        }
        let grown = process.memory().expect("a number").saturating_sub(before);
        assert!(
            grown <= 512,
            "{function}: {grown} KiB more than {before} KiB after {more} more events"
        );
    }
}
