//! What a request may cost: calls to the store on the normal path, held to the numbers in `docs/tables.md`.

use bundle_tests::{PASSWORD, TestApp};
use serde_json::json;

const NEW: &str = "Other-Horse-8-Battery";

#[track_caller]
fn hold(app: &TestApp, what: &str, budget: usize) {
    let calls = app.proxy.take_calls();
    assert!(calls.len() <= budget, "{what}: {calls:?}");
}

#[tokio::test]
async fn accounts_stay_within_their_budgets() {
    let app = TestApp::start().await;
    let client = app.anonymous();
    let credentials = json!({ "email": "a@example.com", "password": PASSWORD, "name": "A" });
    client
        .post("/api/v1/auth/register", &credentials)
        .await
        .assert(201);
    hold(&app, "register", 3);
    client
        .post("/api/v1/auth/register", &credentials)
        .await
        .assert(201);
    // The bucket is in use: the process knows where it was.
    hold(&app, "register again", 3);
    let token = app.mailed("a@example.com", "dvt_").await;
    app.proxy.take_calls();
    app.anonymous()
        .post("/api/v1/auth/verify-email", &json!({ "token": token }))
        .await
        .assert(200);
    hold(&app, "verify-email", 3);
    for (path, email) in [
        ("resend-verification", "b@example.com"),
        ("request-password-reset", "a@example.com"),
    ] {
        app.anonymous()
            .post(&format!("/api/v1/auth/{path}"), &json!({ "email": email }))
            .await
            .assert(202);
        hold(&app, path, 4);
    }
    let token = app.mailed("a@example.com", "drs_").await;
    app.proxy.take_calls();
    app.anonymous()
        .post(
            "/api/v1/auth/reset-password",
            &json!({ "token": token, "new_password": NEW }),
        )
        .await
        .assert(200);
    hold(&app, "reset-password", 3);
}

#[tokio::test]
async fn a_wrong_guess_about_a_bucket_costs_a_call_and_admits_all_the_same() {
    let app = TestApp::start().await;
    let ada = json!({ "email": "a@example.com", "password": PASSWORD, "name": "A" });
    let client = app.anonymous();
    client.post("/api/v1/auth/register", &ada).await.assert(201);
    // It was cleaned up, as the process that moved it last cannot know.
    app.db_remove("limits", "LIMIT#register#").await;
    app.proxy.take_calls();
    client.post("/api/v1/auth/register", &ada).await.assert(201);
    hold(&app, "register after a wrong guess", 4);
}

#[tokio::test]
async fn sessions_stay_within_their_budgets() {
    let app = TestApp::start().await;
    app.verified("a@example.com").await;
    app.drain().await;
    app.proxy.take_calls();
    app.anonymous()
        .try_log_in("a@example.com", "Wrong-Horse-7-Battery")
        .await
        .assert(401);
    hold(&app, "login refused", 5);
    let mut ada = app.anonymous().log_in("a@example.com", PASSWORD).await;
    hold(&app, "login", 7);
    ada.me().await.assert(200);
    hold(&app, "me", 1);
    ada.sessions().await;
    hold(&app, "sessions", 3);
    let spent = ada.refresh.clone().unwrap_or_default();
    ada.refresh().await;
    hold(&app, "refresh", 2);
    ada.try_refresh(&spent).await.assert(200);
    hold(&app, "refresh, a retry", 2);
    let change = json!({ "current_password": PASSWORD, "new_password": NEW });
    let answer = ada.post("/api/v1/auth/change-password", &change).await;
    hold(&app, "change-password", 4);
    let ada = ada.bearer(answer.json()["access_token"].as_str().unwrap_or_default());
    // A bucket that is in use costs one call more; by then each is idle again.
    app.advance(60);
    app.proxy.take_calls();
    ada.get("/api/v1/auth/activity").await.assert(200);
    hold(&app, "activity", 5);
    app.advance(60);
    ada.get("/api/v1/auth/me/export").await.assert(200);
    hold(&app, "export", 7);
    app.advance(60);
    ada.delete("/api/v1/auth/sessions/others").await.assert(200);
    hold(&app, "revoke others", 4);
    app.advance(60);
    ada.delete("/api/v1/auth/sessions/all").await.assert(200);
    hold(&app, "revoke all", 4);
    app.advance(60);
    let ada = app.anonymous().log_in("a@example.com", NEW).await;
    let id = ada.session_id().await;
    app.advance(60);
    app.proxy.take_calls();
    ada.delete(&format!("/api/v1/auth/sessions/{id}"))
        .await
        .assert(200);
    hold(&app, "revoke one", 3);
}

#[tokio::test]
async fn logouts_stay_within_their_budgets() {
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    let phone = app.anonymous().log_in("a@example.com", PASSWORD).await;
    app.proxy.take_calls();
    app.anonymous()
        .post(
            "/api/v1/auth/logout",
            &json!({ "refresh_token": ada.refresh }),
        )
        .await
        .assert(200);
    hold(&app, "logout by token", 1);
    phone
        .post("/api/v1/auth/logout", &json!({}))
        .await
        .assert(200);
    hold(&app, "logout by bearer", 2);
    app.anonymous()
        .post(
            "/api/v1/auth/logout",
            &json!({ "refresh_token": ada.refresh }),
        )
        .await
        .assert(200);
    hold(&app, "logout that ends nothing", 2);
}

#[tokio::test]
async fn breach_response_stays_within_its_budgets() {
    let app = TestApp::start().await;
    let root = app.admin("root@example.com").await;
    let ada = app.logged_in("a@example.com").await;
    let id = ada.me().await.json()["id"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let reason = "a copy of the table was found";
    app.drain().await;
    app.proxy.take_calls();
    ada.post(
        "/api/v1/auth/reauthenticate",
        &json!({ "password": PASSWORD }),
    )
    .await
    .assert(200);
    hold(&app, "reauthenticate", 4);
    let user = json!({ "scope": "user", "user_id": id, "reason": reason });
    root.post("/api/v1/admin/token-rotations", &user)
        .await
        .assert(200);
    hold(&app, "rotate a user", 6);
    for verb in ["disable", "enable"] {
        root.post(
            &format!("/api/v1/admin/users/{id}/{verb}"),
            &json!({ "reason": reason }),
        )
        .await
        .assert(200);
        hold(&app, verb, 4);
    }
    root.post(
        &format!("/api/v1/admin/users/{id}/unlock"),
        &json!({ "reason": reason }),
    )
    .await
    .assert(200);
    hold(&app, "unlock", 5);
    root.get("/api/v1/admin/users?email=a@example.com")
        .await
        .assert(200);
    hold(&app, "find users", 5);
    root.get("/api/v1/admin/security-config").await.assert(200);
    hold(&app, "security configuration", 4);
    root.get(&format!("/api/v1/admin/audit-events?user_id={id}"))
        .await
        .assert(200);
    hold(&app, "audit events of a user", 6);
    root.get(&format!("/api/v1/admin/audit-events?request_id={id}"))
        .await
        .assert(200);
    hold(&app, "audit events of a request", 5);
    app.proxy.take_calls();
    app.advance(61);
    root.post(
        "/api/v1/admin/token-rotations",
        &json!({ "scope": "global", "reason": reason }),
    )
    .await
    .assert(200);
    hold(&app, "rotate everybody", 4);
    let root = app.anonymous().log_in("root@example.com", PASSWORD).await;
    app.advance(61);
    app.proxy.take_calls();
    let keys = json!({ "mode": "compromised", "reason": reason });
    root.post("/api/v1/admin/signing-keys/rotations", &keys)
        .await
        .assert(202);
    hold(&app, "signing keys, compromised", 4);
}

#[tokio::test]
async fn securing_an_account_stays_within_its_budget() {
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    ada.delete("/api/v1/auth/sessions/all").await.assert(200);
    let token = app.mailed("a@example.com", "dsa_").await;
    app.proxy.take_calls();
    app.anonymous()
        .post("/api/v1/auth/secure-account", &json!({ "token": token }))
        .await
        .assert(200);
    hold(&app, "secure-account", 4);
}

#[tokio::test]
async fn erasing_an_account_stays_within_its_budget() {
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    app.proxy.take_calls();
    let proof = json!({ "password": PASSWORD });
    ada.request(http::Method::DELETE, "/api/v1/auth/me", Some(&proof))
        .await
        .assert(200);
    hold(&app, "delete-me", 4);
}

#[tokio::test]
async fn theft_stays_within_its_budget() {
    let app = TestApp::start().await;
    let mut ada = app.logged_in("a@example.com").await;
    let spent = ada.refresh.clone().unwrap_or_default();
    ada.refresh().await;
    app.advance(60);
    app.proxy.take_calls();
    ada.try_refresh(&spent).await.assert(401);
    hold(&app, "theft", 2);
    app.anonymous().try_refresh(&spent).await.assert(401);
    hold(&app, "refresh, refused", 3);
}

#[tokio::test]
async fn a_late_retry_stays_within_its_budget() {
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    let body = json!({ "refresh_token": ada.refresh, "retry_key": "Mz8xk2v_Qb-7Yt0LwR4s3A" });
    ada.post("/api/v1/auth/refresh", &body).await.assert(200);
    app.advance(60);
    app.proxy.take_calls();
    for what in ["late retry, recorded", "late retry, recorded before"] {
        ada.post("/api/v1/auth/refresh", &body).await.assert(200);
        hold(&app, what, 2);
    }
}

#[tokio::test]
async fn me_and_refresh_cost_the_same_however_many_sessions_there_are() {
    let app = TestApp::with(&[("RATE_LIMIT_SCALE", "100")]).await;
    let mut ada = app.logged_in("a@example.com").await;
    for _ in 0..30 {
        app.anonymous()
            .try_log_in("a@example.com", PASSWORD)
            .await
            .assert(200);
    }
    app.proxy.take_calls();
    ada.me().await.assert(200);
    hold(&app, "me", 1);
    ada.refresh().await;
    hold(&app, "refresh", 2);
}
