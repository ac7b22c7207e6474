//! POST /auth/change-password.

use aws_sdk_dynamodb::types::AttributeValue;
use bundle_tests::{Actor, PASSWORD, TestApp, text};
use http::Method;
use serde_json::json;

const PATH: &str = "/api/v1/auth/change-password";
const NEW: &str = "Other-Horse-8-Battery";

async fn change(actor: &Actor<'_>, current: &str, new: &str) -> bundle_tests::Answer {
    actor
        .post(
            PATH,
            &json!({ "current_password": current, "new_password": new }),
        )
        .await
}

#[tokio::test]
async fn the_caller_goes_on_in_fresh_tokens_and_every_other_session_ends() {
    // PW-15
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    let phone = app.anonymous().log_in("a@example.com", PASSWORD).await;
    let answer = change(&ada, PASSWORD, NEW).await;
    answer.assert(200);
    let body = answer.json();
    let session = ada
        .clone()
        .bearer(body["access_token"].as_str().expect("a token"));
    session.me().await.assert(200);
    assert_eq!(session.sessions().await.len(), 1);
    ada.me().await.assert_problem(401, "token_version_too_old");
    phone
        .me()
        .await
        .assert_problem(401, "token_version_too_old");
    phone
        .try_refresh(phone.refresh.as_deref().unwrap_or_default())
        .await
        .assert(401);
    ada.try_refresh(ada.refresh.as_deref().unwrap_or_default())
        .await
        .assert(401);
    session
        .try_refresh(body["refresh_token"].as_str().expect("a token"))
        .await
        .assert(200);
    app.anonymous()
        .try_log_in("a@example.com", NEW)
        .await
        .assert(200);
    assert_eq!(
        app.subjects("a@example.com")
            .await
            .first()
            .map(String::as_str),
        Some("Your password was changed")
    );
}

#[tokio::test]
async fn the_new_password_must_differ_and_follow_the_rules() {
    // PW-16
    let app = TestApp::start().await;
    let ada = app.logged_in("lovelace@example.com").await;
    assert_eq!(
        change(&ada, PASSWORD, PASSWORD).await.rules(),
        ["/new_password same_as_current"]
    );
    assert_eq!(
        change(&ada, PASSWORD, "Lovelace1!Aa").await.rules(),
        ["/new_password contains_context"]
    );
    ada.me().await.assert(200);
}

#[tokio::test]
async fn a_wrong_current_password_changes_nothing_and_counts_towards_the_lock() {
    let app = TestApp::with(&[("LOCKOUT_THRESHOLD", "2")]).await;
    let ada = app.logged_in("a@example.com").await;
    for _ in 0..2 {
        change(&ada, "Wrong-Horse-7-Battery", NEW)
            .await
            .assert_problem(401, "invalid_credentials");
    }
    app.advance(3);
    change(&ada, PASSWORD, NEW)
        .await
        .assert_problem(423, "account_locked");
    ada.me().await.assert(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_changes_at_once_one_wins_and_the_other_is_refused() {
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    let (one, two) = tokio::join!(
        change(&ada, PASSWORD, "First-Horse-8-Battery"),
        change(&ada, PASSWORD, "Second-Horse-8-Battery")
    );
    let mut statuses = [one.status.as_u16(), two.status.as_u16()];
    statuses.sort_unstable();
    assert!(
        statuses[0] == 200 && [401, 409].contains(&statuses[1]),
        "{statuses:?}"
    );
}

#[tokio::test]
async fn each_new_hash_is_stored_with_its_scheme() {
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    let scheme =
        async || text(&app.db_user("a@example.com").await, "password_scheme").map(str::to_owned);
    assert_eq!(scheme().await.as_deref(), Some("argon2id m=64,t=1,p=1"));
    let user = app.db_user("a@example.com").await;
    app.db_set(
        "users",
        &user,
        "password_scheme",
        AttributeValue::S("bcrypt cost=12".to_owned()),
    )
    .await;
    change(&ada, PASSWORD, NEW).await.assert(200);
    assert_eq!(scheme().await.as_deref(), Some("argon2id m=64,t=1,p=1"));
    let costlier = app.router_with(&[("DASHTAM_ARGON2_ITERATIONS", "2")]).await;
    let credentials = json!({ "email": "a@example.com", "password": NEW });
    let login = app
        .anonymous()
        .request_to(
            costlier,
            Method::POST,
            "/api/v1/auth/login",
            Some(&credentials),
        )
        .await;
    login.assert(200);
    assert_eq!(scheme().await.as_deref(), Some("argon2id m=64,t=2,p=1"));
}
