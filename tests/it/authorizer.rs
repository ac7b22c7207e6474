//! The authorizer: three kinds of gateway ask, and get the answer that they act on.

use bundle_tests::{Fault, Log, TestApp};
use serde_json::{Value, json};
use shared::sign_in::authorizer::AuthorizerError;
use shared::telemetry::LogFormat;

use crate::verifying::{access, parts, signed, stranger};

const METHOD: &str = "arn:aws:execute-api:eu-central-1:123456789012:abcdef1234/prod/GET/orders/1";

/// The three events, with `token` in the place where each has it.
fn events(token: &str) -> [(&'static str, Value); 3] {
    let bearer = format!("Bearer {token}");
    [
        (
            "TOKEN",
            json!({ "type": "TOKEN", "methodArn": METHOD, "authorizationToken": bearer }),
        ),
        (
            "REQUEST",
            json!({
                "type": "REQUEST",
                "methodArn": METHOD,
                "resource": "/orders/{id}",
                "path": "/orders/1",
                "httpMethod": "GET",
                "headers": { "Authorization": bearer, "Host": "api.example.com" },
                "multiValueHeaders": { "Authorization": [bearer], "Host": ["api.example.com"] },
                "queryStringParameters": null,
                "pathParameters": { "id": "1" },
                "requestContext": { "apiId": "abcdef1234", "stage": "prod" },
            }),
        ),
        (
            "2.0",
            json!({
                "version": "2.0",
                "type": "REQUEST",
                "routeArn": METHOD,
                "identitySource": [bearer],
                "routeKey": "GET /orders/{id}",
                "rawPath": "/orders/1",
                "headers": { "authorization": bearer, "host": "api.example.com" },
                "requestContext": { "apiId": "abcdef1234", "stage": "prod" },
            }),
        ),
    ]
}

/// What the function answers: a document, or the text of an error.
async fn ask(app: &TestApp, event: Value) -> Result<Value, String> {
    let authorizer = access_authorizer::authorizer(&app.function("access-authorizer"))
        .await
        .expect("valid settings");
    let answer = authorizer.answer(event).await;
    answer
        .map(|answer| serde_json::to_value(answer).expect("JSON"))
        .map_err(|error| error.to_string())
}

#[test]
fn a_refused_token_is_no_error_in_the_log_and_its_line_names_the_request() {
    let log = Log::default();
    log.capture_as(LogFormat::Json, async {
        let app = TestApp::start().await;
        log.clear();
        for (kind, event) in events("nonsense") {
            assert_refused(kind, "nonsense", &ask(&app, event).await);
        }
    });
    let lines = log.objects();
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(
        lines
            .iter()
            .all(|line| line["level"] == "INFO" && line["request_id"].is_string()),
        "{lines:?}"
    );
}

#[track_caller]
fn assert_refused(kind: &str, what: &str, answer: &Result<Value, String>) {
    let refused = match kind {
        "2.0" => Ok(json!({ "isAuthorized": false })),
        _ => Err("Unauthorized".to_owned()),
    };
    assert_eq!(*answer, refused, "{kind}, {what}");
}

async fn assert_all_refused(app: &TestApp, token: &str, what: &str) {
    for (kind, event) in events(token) {
        assert_refused(kind, what, &ask(app, event).await);
    }
}

#[tokio::test]
async fn a_good_token_may_call_the_stage_and_the_integration_learns_whose_it_is() {
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    let (_, claims) = parts(&access(&ada));
    let context = json!({
        "user_id": claims.sub,
        "session_id": claims.sid,
        "role": "user",
        "auth_time": claims.auth_time,
    });
    let policy = json!({
        "principalId": claims.sub,
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [{
                "Action": "execute-api:Invoke",
                "Effect": "Allow",
                "Resource": "arn:aws:execute-api:eu-central-1:123456789012:abcdef1234/prod/*",
            }],
        },
        "context": context,
    });
    let verdict = json!({ "isAuthorized": true, "context": context });
    app.proxy.take_calls();
    for (kind, event) in events(&access(&ada)) {
        let expected = if kind == "2.0" { &verdict } else { &policy };
        assert_eq!(ask(&app, event).await.as_ref(), Ok(expected), "{kind}");
        assert_eq!(app.proxy.take_calls(), ["BatchGetItem"], "{kind}");
    }
}

#[tokio::test]
async fn a_revocation_is_seen_at_the_next_request() {
    // RV-05
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    let bob = app.logged_in("b@example.com").await;
    ada.post("/api/v1/auth/logout", &json!({}))
        .await
        .assert(200);
    bob.delete("/api/v1/auth/sessions/all").await.assert(200);
    assert_all_refused(&app, &access(&ada), "after a logout").await;
    assert_all_refused(&app, &access(&bob), "after the end of all sessions").await;
}

#[tokio::test]
async fn an_expired_token_is_refused() {
    // RV-17, JW-12
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    app.advance(1_800);
    assert_all_refused(&app, &access(&ada), "expired").await;
}

#[tokio::test]
async fn forged_tokens_are_refused() {
    // JW-01, JW-03, JW-11
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    let (header, claims) = parts(&access(&ada));
    let none = json!({ "typ": "at+jwt", "alg": "none", "kid": header["kid"] });
    for (what, token) in [
        ("no token", String::new()),
        ("a word", "x".to_owned()),
        ("a long token", "A".repeat(9_000)),
        ("algorithm none", signed(&stranger(), &none, &claims)),
        (
            "a stranger's key under our name",
            signed(&stranger(), &header, &claims),
        ),
    ] {
        assert_all_refused(&app, &token, what).await;
    }
}

#[tokio::test]
async fn state_that_cannot_be_read_is_no_answer_and_not_the_end_of_a_session() {
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    for fault in [Fault::Throttled, Fault::Unprocessed] {
        app.proxy.plan("BatchGetItem", fault, 1_000);
        for (kind, event) in events(&access(&ada)) {
            assert_eq!(
                ask(&app, event).await,
                Err(AuthorizerError::Unavailable.to_string()),
                "{kind}, {fault:?}"
            );
        }
        app.proxy.heal();
    }
}

#[tokio::test]
async fn a_malformed_event_is_refused_without_a_read() {
    let app = TestApp::start().await;
    let token = access(&app.logged_in("a@example.com").await);
    app.proxy.take_calls();
    for event in [
        json!(null),
        json!([1, 2]),
        json!("TOKEN"),
        json!({}),
        json!({ "type": "TOKEN", "authorizationToken": format!("Bearer {token}") }),
        json!({ "type": "TOKEN", "methodArn": "arn:aws:execute-api:r:1:*/*/*", "authorizationToken": format!("Bearer {token}") }),
        json!({ "type": "REQUEST", "methodArn": METHOD, "headers": { "Authorization": 7 } }),
        json!({ "type": "REQUEST", "methodArn": METHOD, "queryStringParameters": { "access_token": token } }),
    ] {
        assert_refused("REST", &event.to_string(), &ask(&app, event.clone()).await);
    }
    for event in [
        json!({ "version": "2.0" }),
        json!({ "version": "2.0", "type": "REQUEST", "headers": [token] }),
    ] {
        assert_refused("2.0", &event.to_string(), &ask(&app, event.clone()).await);
    }
    assert_eq!(app.proxy.take_calls(), Vec::<String>::new());
}

#[tokio::test]
async fn the_authorizer_keeps_state_only_where_it_is_set() {
    // RV-05
    let app = TestApp::with(&[("AUTHORIZER_STALENESS_SECONDS", "30")]).await;
    let ada = app.logged_in("a@example.com").await;
    let authorizer = access_authorizer::authorizer(&app.function("access-authorizer"))
        .await
        .expect("valid settings");
    let [_, (_, event), _] = events(&access(&ada));
    app.proxy.take_calls();
    for _ in 0..3 {
        assert!(authorizer.answer(event.clone()).await.is_ok());
    }
    assert_eq!(app.proxy.take_calls(), ["BatchGetItem"]);
    ada.post("/api/v1/auth/logout", &json!({}))
        .await
        .assert(200);
    app.advance(30);
    assert_eq!(
        authorizer.answer(event).await,
        Err(AuthorizerError::Unauthorized)
    );
}

#[test]
fn the_documented_authorizers_keep_no_results() {
    // RV-18
    let page = crate::guard_project::read("docs/verifying-tokens.md");
    let kept: Vec<_> = page
        .lines()
        .map(str::trim)
        .filter(|line| line.starts_with("Identity:"))
        .collect();
    assert_eq!(kept.len(), page.matches("FunctionArn:").count(), "{kept:?}");
    assert!(
        kept.len() == 2
            && kept
                .iter()
                .all(|line| line.contains("ReauthorizeEvery: 0 }")),
        "{kept:?}"
    );
}
