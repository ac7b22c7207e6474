//! The session cap: the least recently active session makes room, and never the one just begun.

use bundle_tests::{Fault, PASSWORD, TestApp, text};
use serde_json::json;

const EMAIL: &str = "a@example.com";

#[tokio::test]
async fn a_session_in_daily_use_outlives_idle_ones() {
    let app = TestApp::with(&[("SESSION_CAP", "3")]).await;
    let mut phone = app.logged_in(EMAIL).await;
    let mut scripts = Vec::new();
    for _ in 0..3 {
        app.advance(86_400);
        phone.refresh().await;
        app.advance(60);
        scripts.push(app.anonymous().log_in(EMAIL, PASSWORD).await);
    }
    phone.me().await.assert(200);
    assert_eq!(phone.sessions().await.len(), 3);
    let refreshed = async |script: usize| {
        let token = scripts[script].refresh.clone().unwrap_or_default();
        scripts[script].try_refresh(&token).await.status.as_u16()
    };
    assert_eq!(
        [refreshed(0).await, refreshed(1).await, refreshed(2).await],
        [401, 200, 200]
    );
}

#[tokio::test]
async fn a_verified_password_counts_as_activity_under_the_cap() {
    let app = TestApp::with(&[("SESSION_CAP", "2")]).await;
    let first = app.logged_in(EMAIL).await;
    app.advance(60);
    let second = app.anonymous().log_in(EMAIL, PASSWORD).await;
    app.advance(60);
    first
        .post(
            "/api/v1/auth/reauthenticate",
            &json!({ "password": PASSWORD }),
        )
        .await
        .assert(200);
    app.advance(60);
    app.anonymous()
        .log_in(EMAIL, PASSWORD)
        .await
        .me()
        .await
        .assert(200);
    first.me().await.assert(200);
    second.me().await.assert_problem(401, "session_revoked");
}

#[tokio::test]
async fn a_session_that_is_ended_by_the_cap_is_recorded() {
    let app = TestApp::with(&[("SESSION_CAP", "1")]).await;
    let first = app.logged_in(EMAIL).await;
    let ended = first.session_id().await;
    app.advance(1);
    app.anonymous()
        .log_in(EMAIL, PASSWORD)
        .await
        .me()
        .await
        .assert(200);
    let mut records = app.db_scan("audit").await;
    records.retain(|record| text(record, "reason") == Some("session_cap"));
    assert_eq!(records.len(), 1);
    assert_eq!(text(&records[0], "session_id"), Some(ended.as_str()));
    assert_eq!(text(&records[0], "action"), Some("auth.login"));
}

#[tokio::test]
async fn of_sessions_of_one_moment_the_one_just_begun_stays() {
    let app = TestApp::with(&[("SESSION_CAP", "1")]).await;
    app.verified(EMAIL).await;
    for _ in 0..8 {
        let newest = app.anonymous().log_in(EMAIL, PASSWORD).await;
        newest.me().await.assert(200);
        assert_eq!(newest.sessions().await.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_was_used_since_it_was_chosen_stays() {
    let app = TestApp::with(&[("SESSION_CAP", "2")]).await;
    let mut phone = app.logged_in(EMAIL).await;
    app.advance(60);
    let tablet = app.anonymous().log_in(EMAIL, PASSWORD).await;
    app.advance(60);
    // The login begins its session in the first transaction and ends the phone's in the second.
    app.proxy
        .plan_after("TransactWriteItems", Fault::Held, 1, 1);
    let used = async {
        app.proxy.until_held().await;
        phone.refresh().await;
        app.proxy.release();
    };
    let login = app.anonymous();
    let (laptop, ()) = tokio::join!(login.log_in(EMAIL, PASSWORD), used);
    phone.me().await.assert(200);
    laptop.me().await.assert(200);
    tablet.me().await.assert_problem(401, "session_revoked");
}
