//! Times that a clock has written that was ahead: nothing lasts longer than it can, however far ahead that clock was.

use bundle_tests::{PASSWORD, TestApp};
use serde_json::json;

const EMAIL: &str = "a@example.com";
const AHEAD: u64 = 7_200;

#[tokio::test]
async fn a_grace_that_a_clock_ahead_has_begun_is_no_longer() {
    let app = TestApp::start().await;
    app.advance(AHEAD);
    let ada = app.logged_in(EMAIL).await;
    let spent = ada.refresh.clone().expect("a token");
    ada.try_refresh(&spent).await.assert(200);
    app.set_back(AHEAD);
    ada.try_refresh(&spent).await.assert(200);
    app.advance(30);
    ada.try_refresh(&spent)
        .await
        .assert_problem(401, "invalid_refresh_token");
}

#[tokio::test]
async fn the_grace_of_a_rotation_by_a_clock_ahead_shelters_nothing() {
    for scope in ["user", "global"] {
        let app = TestApp::start().await;
        let root = app.admin("root@example.com").await;
        let ada = app.logged_in(EMAIL).await;
        let user = ada.me().await.json()["id"].clone();
        app.advance(AHEAD);
        let admin = app.anonymous().log_in("root@example.com", PASSWORD).await;
        let id = if scope == "user" {
            user
        } else {
            serde_json::Value::Null
        };
        let mut body =
            json!({ "scope": scope, "reason": "a laptop was stolen", "grace_period_seconds": 60 });
        if !id.is_null() {
            body["user_id"] = id;
        }
        admin
            .post("/api/v1/admin/token-rotations", &body)
            .await
            .assert(200);
        app.set_back(AHEAD);
        app.advance(60);
        ada.me().await.assert_problem(401, "token_version_too_old");
        drop(root);
    }
}

#[tokio::test]
async fn a_password_that_was_verified_in_the_future_is_verified_again() {
    let app = TestApp::start().await;
    app.verified(EMAIL).await;
    let ada = app.anonymous().log_in(EMAIL, PASSWORD).await;
    let session = app.db_items("tokens", "USER#").await.remove(0);
    let ahead = app
        .environment
        .store()
        .now()
        .plus(std::time::Duration::from_secs(AHEAD));
    let ahead = aws_sdk_dynamodb::types::AttributeValue::N(ahead.as_millis().to_string());
    app.db_set("tokens", &session, "auth_time", ahead).await;
    let erasure = json!({ "password": PASSWORD });
    let refused = ada
        .request(http::Method::DELETE, "/api/v1/auth/me", Some(&erasure))
        .await;
    refused.assert_problem(401, "reauthentication_required");
    ada.post(
        "/api/v1/auth/reauthenticate",
        &json!({ "password": PASSWORD }),
    )
    .await
    .assert(200);
}

#[tokio::test]
async fn a_digest_that_a_clock_ahead_has_opened_is_released_now() {
    let app = TestApp::with(&[("RATE_LIMIT_MAIL_NOTICE", "0/0")]).await;
    app.logged_in(EMAIL).await;
    app.advance(AHEAD);
    drop(
        app.anonymous()
            .header("user-agent", "curl/8")
            .log_in(EMAIL, PASSWORD)
            .await,
    );
    app.drain().await;
    app.set_back(AHEAD);
    let before = app.subjects(EMAIL).await.len();
    app.release_digests().await;
    assert_eq!(app.subjects(EMAIL).await.len(), before + 1);
}

#[tokio::test]
async fn a_link_lives_although_a_rotation_is_timed_in_the_future() {
    let app = TestApp::start().await;
    app.advance(AHEAD);
    let root = app.admin("root@example.com").await;
    let body = json!({ "scope": "global", "reason": "a copy of the table was found" });
    root.post("/api/v1/admin/token-rotations", &body)
        .await
        .assert(200);
    app.set_back(AHEAD);
    app.verified(EMAIL).await;
}
