//! The password proof of the last quarter of an hour, and its renewal.

use bundle_tests::{PASSWORD, TestApp};
use serde_json::json;

const WRONG: &str = "Wrong-Horse-7-Battery";
const NEW: &str = "Other-Horse-8-Battery";

#[tokio::test]
async fn a_proof_is_recent_for_fifteen_minutes_to_the_second() {
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    let change = json!({ "email": "b@example.com", "current_password": PASSWORD });
    app.advance(899);
    ada.patch("/api/v1/auth/me", &change).await.assert(200);
    app.advance(1);
    let refused = ada.patch("/api/v1/auth/me", &change).await;
    refused.assert_problem(401, "reauthentication_required");
    let challenge = refused.header("www-authenticate").expect("a challenge");
    assert!(
        challenge.contains("error=\"insufficient_user_authentication\"")
            && challenge.contains("max_age")
    );
}

#[tokio::test]
async fn an_old_proof_stops_what_a_stolen_token_must_not_do_and_nothing_else() {
    // RV-11
    let app = TestApp::start().await;
    let mut ada = app.admin("a@example.com").await;
    app.db_age_proofs(900).await;
    let change = json!({ "current_password": PASSWORD, "new_password": NEW });
    let required = "reauthentication_required";
    ada.post("/api/v1/auth/change-password", &change)
        .await
        .assert_problem(401, required);
    ada.get("/api/v1/admin/security-config")
        .await
        .assert_problem(401, required);
    ada.get("/api/v1/auth/me/export")
        .await
        .assert_problem(401, required);
    ada.patch("/api/v1/auth/me", &json!({ "name": "Ada King" }))
        .await
        .assert(200);
    ada.me().await.assert(200);
    assert_eq!(ada.sessions().await.len(), 1);
    ada.refresh().await;
    ada.get("/api/v1/admin/security-config")
        .await
        .assert_problem(401, required);
}

#[tokio::test]
async fn a_verified_password_counts_for_the_token_that_it_gave_and_for_no_other() {
    let app = TestApp::start().await;
    let ada = app.admin("a@example.com").await;
    app.advance(1_000);
    let required = "reauthentication_required";
    ada.get("/api/v1/admin/security-config")
        .await
        .assert_problem(401, required);
    let renewed = ada
        .post(
            "/api/v1/auth/reauthenticate",
            &json!({ "password": PASSWORD }),
        )
        .await;
    renewed.assert(200);
    // The holder of the old access token has not shown the password.
    ada.get("/api/v1/admin/security-config")
        .await
        .assert_problem(401, required);
    let change = json!({ "current_password": PASSWORD, "new_password": NEW });
    ada.post("/api/v1/auth/change-password", &change)
        .await
        .assert_problem(401, required);
    let token = renewed.json()["access_token"]
        .as_str()
        .expect("a token")
        .to_owned();
    assert_eq!(renewed.json()["expires_in"], 1_800);
    ada.clone()
        .bearer(&token)
        .get("/api/v1/admin/security-config")
        .await
        .assert(200);
    assert!(renewed.json().get("refresh_token").is_none());
    ada.try_refresh(ada.refresh.as_deref().unwrap_or_default())
        .await
        .assert(200);
}

#[tokio::test]
async fn a_renewal_is_a_password_proof_and_so_brings_the_present_versions() {
    let app = TestApp::start().await;
    let ada = app.admin("a@example.com").await;
    let rotation =
        json!({ "scope": "global", "reason": "a table was copied", "grace_period_seconds": 60 });
    ada.post("/api/v1/admin/token-rotations", &rotation)
        .await
        .assert(200);
    let renewed = ada
        .post(
            "/api/v1/auth/reauthenticate",
            &json!({ "password": PASSWORD }),
        )
        .await;
    renewed.assert(200);
    app.advance(60);
    ada.me().await.assert_problem(401, "token_version_too_old");
    let token = renewed.json()["access_token"]
        .as_str()
        .expect("a token")
        .to_owned();
    ada.clone().bearer(&token).me().await.assert(200);
    ada.try_refresh(ada.refresh.as_deref().unwrap_or_default())
        .await
        .assert(200);
}

#[tokio::test]
async fn wrong_passwords_are_refused_locked_and_limited_as_at_login() {
    let app = TestApp::with(&[
        ("LOCKOUT_THRESHOLD", "3"),
        ("RATE_LIMIT_REAUTHENTICATE", "4/1"),
    ])
    .await;
    let ada = app.logged_in("a@example.com").await;
    let wrong = json!({ "password": WRONG });
    for _ in 0..3 {
        ada.post("/api/v1/auth/reauthenticate", &wrong)
            .await
            .assert_problem(401, "invalid_credentials");
    }
    app.advance(4);
    let right = json!({ "password": PASSWORD });
    ada.post("/api/v1/auth/reauthenticate", &right)
        .await
        .assert_problem(423, "account_locked");
    ada.post("/api/v1/auth/reauthenticate", &right)
        .await
        .assert_problem(429, "rate_limited");
    ada.me().await.assert(200);
}
