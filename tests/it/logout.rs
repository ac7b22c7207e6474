//! POST /auth/logout.

use axum::body::Body;
use bundle_tests::{PASSWORD, TestApp};
use http::Method;
use serde_json::json;

const PATH: &str = "/api/v1/auth/logout";

#[tokio::test]
async fn a_refresh_token_ends_its_session_and_again_is_fine() {
    // RT-13
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    let body = json!({ "refresh_token": ada.refresh });
    app.anonymous().post(PATH, &body).await.assert(200);
    ada.me().await.assert_problem(401, "session_revoked");
    app.anonymous().post(PATH, &body).await.assert(200);
    assert_eq!(
        app.db_audit()
            .await
            .iter()
            .filter(|line| line.starts_with("auth.logout"))
            .count(),
        1
    );
}

#[tokio::test]
async fn an_access_token_ends_its_session_with_or_without_a_body() {
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    ada.raw(Method::POST, PATH, None, Body::empty())
        .await
        .assert(200);
    ada.me().await.assert_problem(401, "session_revoked");
    ada.post(PATH, &json!({})).await.assert(200);
}

#[tokio::test]
async fn a_spent_token_of_the_session_ends_it_too() {
    let app = TestApp::start().await;
    let mut ada = app.logged_in("a@example.com").await;
    let spent = ada.refresh.clone();
    ada.refresh().await;
    app.anonymous()
        .post(PATH, &json!({ "refresh_token": spent }))
        .await
        .assert(200);
    ada.me().await.assert(401);
}

#[tokio::test]
async fn unknown_and_mistyped_tokens_are_fine_and_end_nothing() {
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    for token in ["dtr_x", "", "nonsense"] {
        app.anonymous()
            .post(PATH, &json!({ "refresh_token": token }))
            .await
            .assert(200);
    }
    ada.me().await.assert(200);
}

#[tokio::test]
async fn beside_an_access_token_somebody_elses_refresh_token_is_left_alone() {
    // RT-14
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    let eve = app.logged_in("e@example.com").await;
    eve.post(PATH, &json!({ "refresh_token": ada.refresh }))
        .await
        .assert(200);
    ada.me().await.assert(200);
    eve.me().await.assert(401);
}

#[tokio::test]
async fn an_unknown_access_token_is_fine_and_ends_nothing() {
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    let access = ada.access.clone().unwrap_or_default();
    let forged = access
        .rsplit_once('.')
        .map(|(signed, _)| format!("{signed}.AAAA"));
    for token in ["x.y.z", "x", &forged.unwrap_or_default()] {
        app.anonymous()
            .bearer(token)
            .post(PATH, &json!({}))
            .await
            .assert(200);
    }
    ada.me().await.assert(200);
}

#[tokio::test]
async fn without_any_token_or_with_an_expired_one_alone_it_is_refused() {
    let app = TestApp::start().await;
    app.anonymous()
        .post(PATH, &json!({}))
        .await
        .assert_problem(401, "missing_token");
    let ada = app.logged_in("a@example.com").await;
    app.advance(1_800);
    ada.post(PATH, &json!({}))
        .await
        .assert_problem(401, "token_expired");
    ada.post(PATH, &json!({ "refresh_token": ada.refresh }))
        .await
        .assert(200);
    app.anonymous()
        .log_in("a@example.com", PASSWORD)
        .await
        .me()
        .await
        .assert(200);
}
