//! Mailed links while the clock runs: what a change asks for is mailed, and what was asked for before it is revoked, although
//! the change reads the clock more than once.

use bundle_tests::{Actor, PASSWORD, TestApp, fresh_address};
use serde_json::{Value, json};

const OWNER: &str = "owner@example.com";
const CHOSEN: &str = "Brave-Otter-9-Lantern";

async fn post(app: &TestApp, path: &str, body: Value) -> u16 {
    let answer = app
        .anonymous()
        .at(&fresh_address())
        .post(&format!("/api/v1/auth/{path}"), &body)
        .await;
    answer.status.as_u16()
}

async fn register(app: &TestApp, email: &str, password: &str) {
    let body = json!({ "email": email, "password": password, "name": "Ada" });
    assert_eq!(post(app, "register", body).await, 201);
}

async fn request_reset(app: &TestApp, email: &str) {
    let body = json!({ "email": email });
    assert_eq!(post(app, "request-password-reset", body).await, 202);
}

async fn reset(app: &TestApp, token: &str) -> u16 {
    let body = json!({ "token": token, "new_password": CHOSEN });
    post(app, "reset-password", body).await
}

/// Moves the account of `actor` to `to` and signs in again.
async fn moved<'a>(app: &'a TestApp, actor: &Actor<'a>, to: &str) -> Actor<'a> {
    let change = json!({ "email": to, "current_password": PASSWORD });
    actor.patch("/api/v1/auth/me", &change).await.assert(200);
    let proof = json!({ "token": app.mailed(to, "dvt_").await });
    assert_eq!(post(app, "verify-email", proof).await, 200);
    app.anonymous().log_in(to, PASSWORD).await
}

#[tokio::test]
async fn a_take_back_after_two_moves_mails_its_reset() {
    let app = TestApp::ticking(&[]).await;
    let owner = app.logged_in(OWNER).await;
    let second = moved(&app, &owner, "second@example.com").await;
    moved(&app, &second, "third@example.com").await;
    let links = app.mailed_tokens(OWNER, "dsa_").await;
    let link = json!({ "token": links.first().expect("a notice") });
    assert_eq!(post(&app, "secure-account", link).await, 200);
    assert_eq!(reset(&app, &app.mailed(OWNER, "drs_").await).await, 200);
    drop(app.anonymous().log_in(OWNER, CHOSEN).await);
}

#[tokio::test]
async fn a_contested_registration_mails_its_link() {
    let app = TestApp::ticking(&[]).await;
    register(&app, OWNER, PASSWORD).await;
    register(&app, OWNER, "Other-Horse-8-Battery").await;
    assert_eq!(reset(&app, &app.mailed(OWNER, "drs_").await).await, 200);
}

#[tokio::test]
async fn a_change_of_address_mails_its_link_and_a_newer_one_revokes_it() {
    let app = TestApp::ticking(&[]).await;
    let owner = app.logged_in(OWNER).await;
    for to in ["second@example.com", "third@example.com"] {
        let change = json!({ "email": to, "current_password": PASSWORD });
        owner.patch("/api/v1/auth/me", &change).await.assert(200);
        app.drain().await;
    }
    let first = json!({ "token": app.mailed("second@example.com", "dvt_").await });
    assert_eq!(post(&app, "verify-email", first).await, 400);
    let second = json!({ "token": app.mailed("third@example.com", "dvt_").await });
    assert_eq!(post(&app, "verify-email", second).await, 200);
}

#[tokio::test]
async fn a_reset_revokes_the_link_that_was_asked_for_before() {
    let app = TestApp::ticking(&[]).await;
    app.verified(OWNER).await;
    request_reset(&app, OWNER).await;
    let used = app.mailed(OWNER, "drs_").await;
    app.advance(700);
    request_reset(&app, OWNER).await;
    let newer = app.mailed(OWNER, "drs_").await;
    request_reset(&app, OWNER).await;
    assert_eq!(reset(&app, &used).await, 200);
    assert_eq!(reset(&app, &newer).await, 400);
    assert_eq!(reset(&app, &app.mailed(OWNER, "drs_").await).await, 400);
    request_reset(&app, OWNER).await;
    assert_eq!(reset(&app, &app.mailed(OWNER, "drs_").await).await, 200);
}

#[tokio::test]
async fn disabling_revokes_a_queued_reset_and_enabling_allows_another() {
    let app = TestApp::ticking(&[]).await;
    let admin = app.admin("admin@example.com").await;
    let owner = app.logged_in(OWNER).await;
    let id = owner.me().await.member("id").expect("an id");
    request_reset(&app, OWNER).await;
    for act in ["disable", "enable"] {
        let reason = json!({ "reason": "reported as taken over" });
        let path = format!("/api/v1/admin/users/{id}/{act}");
        admin.post(&path, &reason).await.assert(200);
    }
    assert!(app.mailed_tokens(OWNER, "drs_").await.is_empty());
    request_reset(&app, OWNER).await;
    assert_eq!(reset(&app, &app.mailed(OWNER, "drs_").await).await, 200);
}

#[tokio::test]
async fn an_invitation_mails_its_link_and_ends_the_registration() {
    let app = TestApp::ticking(&[]).await;
    let admin = app.admin("admin@example.com").await;
    register(&app, OWNER, PASSWORD).await;
    let body = json!({ "email": OWNER, "reason": "joins the support team" });
    let invited = admin.post("/api/v1/admin/invitations", &body).await;
    invited.assert(202);
    let registered = json!({ "token": app.mailed(OWNER, "dvt_").await });
    let token = app.mailed(OWNER, "div_").await;
    let choice = json!({ "token": token, "name": "Ada", "password": CHOSEN });
    assert_eq!(post(&app, "accept-invitation", choice).await, 200);
    assert_eq!(post(&app, "verify-email", registered).await, 400);
    drop(app.anonymous().log_in(OWNER, CHOSEN).await);
}
