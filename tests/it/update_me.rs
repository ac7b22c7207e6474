//! GET and PATCH /auth/me.

use bundle_tests::{PASSWORD, TestApp};
use serde_json::json;

const ME: &str = "/api/v1/auth/me";

#[tokio::test]
async fn a_name_is_changed() {
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    let answer = ada.patch(ME, &json!({ "name": "Augusta Ada King" })).await;
    answer.assert(200);
    assert_eq!(answer.json(), ada.me().await.json());
    assert_eq!(answer.json()["name"], "Augusta Ada King");
}

#[tokio::test]
async fn a_new_address_wants_the_password() {
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    let without = ada.patch(ME, &json!({ "email": "b@example.com" })).await;
    assert_eq!(without.rules(), ["/current_password required"]);
    let wrong = ada
        .patch(
            ME,
            &json!({ "email": "b@example.com", "current_password": "Wrong-Horse-7" }),
        )
        .await;
    wrong.assert_problem(401, "invalid_credentials");
    assert_eq!(
        ada.me().await.json()["pending_email"],
        serde_json::Value::Null
    );
    ada.me().await.assert(200);
}

#[tokio::test]
async fn a_newer_pending_address_kills_the_link_of_the_one_before() {
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    ada.patch(
        ME,
        &json!({ "email": "b@example.com", "current_password": PASSWORD }),
    )
    .await
    .assert(200);
    let older = app.mailed("b@example.com", "dvt_").await;
    app.advance(1);
    ada.patch(
        ME,
        &json!({ "email": "c@example.com", "current_password": PASSWORD }),
    )
    .await
    .assert(200);
    app.anonymous()
        .post("/api/v1/auth/verify-email", &json!({ "token": older }))
        .await
        .assert(400);
    let newer = app.mailed("c@example.com", "dvt_").await;
    app.anonymous()
        .post("/api/v1/auth/verify-email", &json!({ "token": newer }))
        .await
        .assert(200);
}

#[tokio::test]
async fn server_owned_and_missing_members_are_refused() {
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    let answer = ada
        .patch(
            ME,
            &json!({ "name": "A", "role": "admin", "email_verified": true }),
        )
        .await;
    let mut rules = answer.rules();
    rules.sort();
    assert_eq!(
        rules,
        ["/email_verified unknown_member", "/role unknown_member"]
    );
    ada.patch(ME, &json!({})).await.assert(422);
    ada.patch(ME, &json!({ "name": null })).await.assert(422);
    assert_eq!(ada.me().await.json()["role"], "user");
}
