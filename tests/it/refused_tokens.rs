//! Refresh tokens that are refused: who pays for them, and in whose activity they are recorded.
#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use bundle_tests::{Actor, TestApp, text};
use serde_json::json;
use shared::domain::{SessionId, UserId};
use shared::ground::entropy::OsEntropy;
use shared::tokens::{Family, RefreshToken};

/// A token of the right form that names the owner's account and session.
async fn made_up(owner: &Actor<'_>) -> String {
    let user: UserId = owner.me().await.json()["id"]
        .as_str()
        .expect("an id")
        .parse()
        .expect("a UUID");
    let session: SessionId = owner.session_id().await.parse().expect("a UUID");
    RefreshToken::random(user, session, Family::random(&OsEntropy), &OsEntropy).expose()
}

/// A token of the right form that names an account and a session that there are not.
fn of_nobody(n: u128) -> String {
    let (user, session) = (
        UserId::new(uuid::Uuid::from_u128(n)),
        SessionId::new(uuid::Uuid::from_u128(n + 1)),
    );
    RefreshToken::random(user, session, Family::random(&OsEntropy), &OsEntropy).expose()
}

/// The records that name an account or a session, by their reason.
async fn reasons_that_name_somebody(app: &TestApp) -> Vec<String> {
    let mut records = app.db_scan("audit").await;
    records.retain(|record| text(record, "outcome") == Some("refused"));
    records.retain(|record| record.contains_key("user_id") || record.contains_key("session_id"));
    records
        .iter()
        .filter_map(|record| text(record, "reason"))
        .map(str::to_owned)
        .collect()
}

#[tokio::test]
async fn a_made_up_token_is_not_recorded_as_the_activity_of_whom_it_names() {
    let app = TestApp::start().await;
    let owner = app.logged_in("a@example.com").await;
    let forged = made_up(&owner).await;
    let attacker = app.anonymous();
    attacker
        .try_refresh(&forged)
        .await
        .assert_problem(401, "invalid_refresh_token");
    attacker
        .post("/api/v1/auth/logout", &json!({ "refresh_token": forged }))
        .await
        .assert(200);
    assert_eq!(reasons_that_name_somebody(&app).await, Vec::<String>::new());
    let activity = owner.get("/api/v1/auth/activity").await.json();
    let events = activity["events"].as_array().expect("events");
    assert!(
        events.iter().all(|event| event["outcome"] == "success"),
        "{events:?}"
    );
}

#[tokio::test]
async fn a_token_of_an_ended_session_names_nobody_and_one_of_an_expired_session_its_owner() {
    let app = TestApp::start().await;
    let ended = app.logged_in("a@example.com").await;
    let expired = app.logged_in("b@example.com").await;
    ended
        .post("/api/v1/auth/logout", &json!({}))
        .await
        .assert(200);
    app.anonymous()
        .try_refresh(ended.refresh.as_deref().unwrap_or_default())
        .await
        .assert(401);
    assert_eq!(reasons_that_name_somebody(&app).await, Vec::<String>::new());
    app.advance(30 * 86_400);
    app.anonymous()
        .try_refresh(expired.refresh.as_deref().unwrap_or_default())
        .await
        .assert(401);
    assert_eq!(reasons_that_name_somebody(&app).await, ["expired"]);
}

#[tokio::test]
async fn a_client_pays_for_its_refused_tokens_before_anything_is_recorded() {
    let app = TestApp::with(&[("RATE_LIMIT_REFUSED_TOKENS", "3/0.01")]).await;
    let owner = app.logged_in("a@example.com").await;
    let attacker = app.anonymous();
    for n in 0..3 {
        attacker
            .try_refresh(&of_nobody(n))
            .await
            .assert_problem(401, "invalid_refresh_token");
    }
    let before = app.db_scan("audit").await.len();
    for n in 3..20 {
        attacker
            .try_refresh(&of_nobody(n))
            .await
            .assert_problem(429, "rate_limited");
    }
    assert_eq!(
        app.db_scan("audit").await.len(),
        before + 1,
        "one record says that the bucket is empty"
    );
    // It is the bucket of that client and of refused tokens alone.
    app.anonymous()
        .try_refresh(&of_nobody(99))
        .await
        .assert_problem(401, "invalid_refresh_token");
    attacker
        .try_refresh(owner.refresh.as_deref().unwrap_or_default())
        .await
        .assert(200);
}

#[tokio::test]
async fn a_stolen_token_ends_its_session_whatever_the_bucket_of_its_client_holds() {
    let app = TestApp::with(&[("RATE_LIMIT_REFUSED_TOKENS", "0/0")]).await;
    let mut owner = app.logged_in("a@example.com").await;
    let stolen = owner.refresh.clone().expect("a token");
    owner.refresh().await;
    app.advance(60);
    app.anonymous()
        .try_refresh(&stolen)
        .await
        .assert_problem(401, "invalid_refresh_token");
    owner.me().await.assert_problem(401, "session_revoked");
}

#[tokio::test]
async fn a_client_pays_for_logouts_that_end_nothing() {
    let app = TestApp::with(&[("RATE_LIMIT_LOGOUT", "2/0.01")]).await;
    let owner = app.logged_in("a@example.com").await;
    let attacker = app.anonymous();
    let logout = async |token: &str| {
        attacker
            .post("/api/v1/auth/logout", &json!({ "refresh_token": token }))
            .await
    };
    for n in 0..2 {
        logout(&of_nobody(n)).await.assert(200);
    }
    logout(&of_nobody(9))
        .await
        .assert_problem(429, "rate_limited");
    logout(owner.refresh.as_deref().unwrap_or_default())
        .await
        .assert(200);
    owner.me().await.assert_problem(401, "session_revoked");
}
