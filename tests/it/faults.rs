//! The store throttled, failing, in conflict, or its answer lost: 503 with `Retry-After` or success, nothing half done.

use bundle_tests::{Answer, Fault, PASSWORD, TestApp};
use serde_json::{Value, json};

const NEW: &str = "Other-Horse-8-Battery";

/// Every operation with the calls it makes at most.
const OPERATIONS: [(&str, usize); 13] = [
    ("register", 3),
    ("verify", 3),
    ("resend", 4),
    ("login", 7),
    ("refresh", 2),
    ("late retry", 2),
    ("logout", 2),
    ("request", 4),
    ("reset", 3),
    ("me", 1),
    ("update", 4),
    ("change", 4),
    ("all", 4),
];

/// Prepares an operation and gives the request that does it.
async fn prepare(
    app: &TestApp,
    operation: &str,
) -> (&'static str, &'static str, Option<String>, Value) {
    let email = "a@example.com";
    let post = |path, body| ("POST", path, None, body);
    match operation {
        "register" => post(
            "/api/v1/auth/register",
            json!({ "email": email, "password": PASSWORD, "name": "A" }),
        ),
        "verify" => {
            app.registered(email).await;
            post(
                "/api/v1/auth/verify-email",
                json!({ "token": app.mailed(email, "dvt_").await }),
            )
        }
        "resend" => {
            app.registered(email).await;
            post(
                "/api/v1/auth/resend-verification",
                json!({ "email": email }),
            )
        }
        "login" => {
            app.verified(email).await;
            post(
                "/api/v1/auth/login",
                json!({ "email": email, "password": PASSWORD }),
            )
        }
        "request" => {
            app.verified(email).await;
            post(
                "/api/v1/auth/request-password-reset",
                json!({ "email": email }),
            )
        }
        "reset" => {
            app.verified(email).await;
            app.anonymous()
                .post(
                    "/api/v1/auth/request-password-reset",
                    &json!({ "email": email }),
                )
                .await
                .assert(202);
            post(
                "/api/v1/auth/reset-password",
                json!({ "token": app.mailed(email, "drs_").await, "new_password": NEW }),
            )
        }
        _ => {
            let ada = app.logged_in(email).await;
            let access = ada.access.clone();
            match operation {
                "refresh" => post(
                    "/api/v1/auth/refresh",
                    json!({ "refresh_token": ada.refresh }),
                ),
                "late retry" => {
                    let body = json!({ "refresh_token": ada.refresh, "retry_key": "Mz8xk2v_Qb-7Yt0LwR4s3A" });
                    ada.post("/api/v1/auth/refresh", &body).await.assert(200);
                    app.advance(60);
                    post("/api/v1/auth/refresh", body)
                }
                "logout" => ("POST", "/api/v1/auth/logout", access, json!({})),
                "me" => ("GET", "/api/v1/auth/me", access, Value::Null),
                "update" => (
                    "PATCH",
                    "/api/v1/auth/me",
                    access,
                    json!({ "email": "b@example.com", "current_password": PASSWORD }),
                ),
                "change" => (
                    "POST",
                    "/api/v1/auth/change-password",
                    access,
                    json!({ "current_password": PASSWORD, "new_password": NEW }),
                ),
                _ => ("DELETE", "/api/v1/auth/sessions/all", access, Value::Null),
            }
        }
    }
}

async fn send(
    app: &TestApp,
    (method, path, access, body): &(&'static str, &'static str, Option<String>, Value),
) -> Answer {
    let mut client = app.anonymous();
    client.access.clone_from(access);
    let body = (!body.is_null()).then_some(body);
    client
        .request(method.parse().expect("a method"), path, body)
        .await
}

/// What must hold whatever happened.
async fn assert_whole(app: &TestApp, context: &str) {
    let users = app.db_items("users", "USER#").await.len();
    let emails = app.db_items("users", "EMAIL#").await.len();
    assert_eq!(users, emails, "{context}: one address an account");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whichever_call_fails_the_answer_is_503_and_the_retry_succeeds() {
    // FT-04, RV-13
    for fault in [Fault::Throttled, Fault::InternalError] {
        for (operation, calls) in OPERATIONS {
            for skip in 0..calls {
                let app = TestApp::start().await;
                let request = prepare(&app, operation).await;
                app.drain().await;
                app.proxy.plan_after("", fault, skip, 1_000);
                let broken = send(&app, &request).await;
                app.proxy.heal();
                let context = format!("{operation}, call {skip}, {fault:?}: {}", broken.text());
                assert_whole(&app, &context).await;
                if broken.status.is_success() {
                    continue; // What is left after the commit may fail.
                }
                assert_eq!(broken.code(), "service_unavailable", "{context}");
                assert!(broken.header("retry-after").is_some(), "{context}");
                let retried = send(&app, &request).await;
                assert!(
                    retried.status.is_success(),
                    "{context}, then {}",
                    retried.text()
                );
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conflicts_are_retried_and_never_shown_as_faults_of_ours() {
    // FT-03
    for (operation, _) in OPERATIONS
        .iter()
        .filter(|(operation, _)| *operation != "me")
    {
        let app = TestApp::start().await;
        let request = prepare(&app, operation).await;
        app.proxy.plan("TransactWriteItems", Fault::Conflict, 3);
        let answer = send(&app, &request).await;
        assert!(answer.status.is_success(), "{operation}: {}", answer.text());
    }
    let app = TestApp::start().await;
    let request = prepare(&app, "register").await;
    app.proxy.plan("TransactWriteItems", Fault::Conflict, 1_000);
    send(&app, &request)
        .await
        .assert_problem(503, "service_unavailable");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_lost_after_the_commit_is_a_success_and_done_once() {
    for (operation, _) in OPERATIONS
        .iter()
        .filter(|(operation, _)| *operation != "me")
    {
        let app = TestApp::start().await;
        let request = prepare(&app, operation).await;
        let before = app.db_audit().await.len();
        app.proxy.plan("TransactWriteItems", Fault::LostAnswer, 1);
        let answer = send(&app, &request).await;
        assert!(answer.status.is_success(), "{operation}: {}", answer.text());
        assert_eq!(app.db_audit().await.len(), before + 1, "{operation}");
    }
}

#[tokio::test]
async fn a_lost_charge_counts_once() {
    let app = TestApp::with(&[("RATE_LIMIT_LOGIN", "2/0"), ("LOCKOUT_THRESHOLD", "2")]).await;
    app.verified("a@example.com").await;
    let client = app.anonymous();
    app.proxy.plan("UpdateItem", Fault::LostAnswer, 1);
    client
        .try_log_in("a@example.com", "Wrong-Horse-7-Battery")
        .await
        .assert(401);
    client
        .try_log_in("a@example.com", "Wrong-Horse-7-Battery")
        .await
        .assert(401);
    client
        .try_log_in("a@example.com", "Wrong-Horse-7-Battery")
        .await
        .assert(429);
}

#[tokio::test]
async fn unprocessed_keys_are_asked_for_again_and_never_taken_as_absent() {
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    app.proxy.plan("BatchGetItem", Fault::Unprocessed, 2);
    ada.me().await.assert(200);
    app.proxy.plan("BatchGetItem", Fault::Unprocessed, 1_000);
    ada.me().await.assert_problem(503, "service_unavailable");
    let token = ada.refresh.clone().unwrap_or_default();
    ada.try_refresh(&token)
        .await
        .assert_problem(503, "service_unavailable");
    app.proxy.heal();
    ada.try_refresh(&token).await.assert(200);
}

#[tokio::test]
async fn a_refusal_that_cannot_be_recorded_is_not_answered_as_one() {
    let app = TestApp::start().await;
    app.verified("a@example.com").await;
    app.proxy.plan("PutItem", Fault::InternalError, 1_000);
    app.anonymous()
        .try_log_in("a@example.com", "Wrong-Horse-7-Battery")
        .await
        .assert_problem(503, "service_unavailable");
}
