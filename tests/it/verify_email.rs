//! POST /auth/verify-email and /auth/resend-verification.

use bundle_tests::{PASSWORD, TestApp};
use serde_json::json;

const VERIFY: &str = "/api/v1/auth/verify-email";
const RESEND: &str = "/api/v1/auth/resend-verification";

#[tokio::test]
async fn a_token_proves_its_address_once() {
    let app = TestApp::start().await;
    app.registered("a@example.com").await;
    let token = json!({ "token": app.mailed("a@example.com", "dvt_").await });
    app.anonymous().post(VERIFY, &token).await.assert(200);
    app.anonymous()
        .post(VERIFY, &token)
        .await
        .assert_problem(400, "invalid_or_expired_token");
    app.anonymous()
        .try_log_in("a@example.com", PASSWORD)
        .await
        .assert(200);
}

#[tokio::test]
async fn a_token_expires_to_the_second_while_its_item_is_still_there() {
    // EM-09
    for (age, status) in [(86_399, 200), (86_400, 400)] {
        let app = TestApp::start().await;
        app.registered("a@example.com").await;
        let token = json!({ "token": app.mailed("a@example.com", "dvt_").await });
        app.advance(age);
        app.anonymous().post(VERIFY, &token).await.assert(status);
    }
}

#[tokio::test]
async fn the_life_of_a_token_begins_with_the_sending_of_its_mail() {
    let app = TestApp::start().await;
    app.registered("a@example.com").await;
    app.advance(80_000);
    let token = json!({ "token": app.mailed("a@example.com", "dvt_").await });
    app.advance(80_000);
    app.anonymous().post(VERIFY, &token).await.assert(200);
}

#[tokio::test]
async fn a_newer_mail_kills_the_older_token() {
    let app = TestApp::start().await;
    app.registered("a@example.com").await;
    let older = app.mailed("a@example.com", "dvt_").await;
    app.advance(1);
    app.anonymous()
        .post(RESEND, &json!({ "email": "A@EXAMPLE.com" }))
        .await
        .assert(202);
    let newer = app.mailed("a@example.com", "dvt_").await;
    assert_ne!(older, newer);
    app.anonymous()
        .post(VERIFY, &json!({ "token": older }))
        .await
        .assert_problem(400, "invalid_or_expired_token");
    app.anonymous()
        .post(VERIFY, &json!({ "token": newer }))
        .await
        .assert(200);
}

#[tokio::test]
async fn asking_again_tells_nothing_about_accounts() {
    let app = TestApp::start().await;
    app.registered("unproved@example.com").await;
    app.verified("proved@example.com").await;
    app.drain().await;
    let before = app.aws.mailbox.messages(None).len();
    app.advance(1);
    let mut answers = Vec::new();
    for email in [
        "unproved@example.com",
        "proved@example.com",
        "nobody@example.com",
    ] {
        app.proxy.take_calls();
        let answer = app
            .anonymous()
            .post(RESEND, &json!({ "email": email }))
            .await;
        answers.push((answer.status, answer.body, app.proxy.take_calls()));
    }
    assert!(
        answers.windows(2).all(|pair| pair[0] == pair[1]),
        "{answers:?}"
    );
    app.drain().await;
    assert_eq!(app.aws.mailbox.messages(None).len(), before + 1);
}

#[tokio::test]
async fn a_reset_token_proves_no_address_and_nonsense_neither() {
    // EM-05, RT-18
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    app.anonymous()
        .post(
            "/api/v1/auth/request-password-reset",
            &json!({ "email": "a@example.com" }),
        )
        .await
        .assert(202);
    let reset = app.mailed("a@example.com", "drs_").await;
    let renamed = reset.replace("drs_", "dvt_");
    for token in [
        reset.as_str(),
        &renamed,
        "",
        "dvt_",
        "x",
        ada.access.as_deref().unwrap_or_default(),
        ada.refresh.as_deref().unwrap_or_default(),
    ] {
        let answer = app
            .anonymous()
            .post(VERIFY, &json!({ "token": token }))
            .await;
        assert!(
            matches!(answer.status.as_u16(), 400 | 422),
            "{token}: {}",
            answer.text()
        );
    }
}

#[tokio::test]
async fn the_table_holds_no_usable_token() {
    // EM-05
    let app = TestApp::start().await;
    app.registered("a@example.com").await;
    let token = app.mailed("a@example.com", "dvt_").await;
    assert!(
        !app.db_everything()
            .await
            .contains(token.trim_start_matches("dvt_"))
    );
}

#[tokio::test]
async fn an_address_change_is_confirmed_and_ends_every_session() {
    // EM-17
    let app = TestApp::start().await;
    let ada = app.logged_in("old@example.com").await;
    let change = json!({ "email": "New@example.com", "current_password": PASSWORD });
    let answer = ada.patch("/api/v1/auth/me", &change).await;
    answer.assert(200);
    assert_eq!(
        (
            answer.json()["email"].as_str(),
            answer.json()["pending_email"].as_str()
        ),
        (Some("old@example.com"), Some("new@example.com"))
    );
    assert_eq!(
        app.subjects("old@example.com")
            .await
            .first()
            .map(String::as_str),
        Some("Your email address is about to change")
    );
    ada.me().await.assert(200);
    let token = app.mailed("new@example.com", "dvt_").await;
    app.anonymous()
        .post(VERIFY, &json!({ "token": token }))
        .await
        .assert(200);
    ada.me().await.assert_problem(401, "token_version_too_old");
    app.anonymous()
        .try_log_in("old@example.com", PASSWORD)
        .await
        .assert_problem(401, "invalid_credentials");
    let ada = app.anonymous().log_in("new@example.com", PASSWORD).await;
    assert_eq!(
        ada.me().await.json()["pending_email"],
        serde_json::Value::Null
    );
    // The address is kept for its owner for as long as the account can be taken back to it.
    app.registered("old@example.com").await;
    assert_eq!(app.db_items("users", "USER#").await.len(), 1);
    app.advance(604_800);
    app.registered("old@example.com").await;
    assert_eq!(app.db_items("users", "USER#").await.len(), 2);
}

#[tokio::test]
async fn a_change_to_a_taken_address_is_answered_alike_and_only_its_owner_learns_of_it() {
    let app = TestApp::start().await;
    app.verified("taken@example.com").await;
    let ada = app.logged_in("a@example.com").await;
    for email in ["taken@example.com", "free@example.com"] {
        ada.patch(
            "/api/v1/auth/me",
            &json!({ "email": email, "current_password": PASSWORD }),
        )
        .await
        .assert(200);
        app.advance(1);
        app.drain().await;
    }
    assert_eq!(
        app.subjects("taken@example.com")
            .await
            .first()
            .map(String::as_str),
        Some("You already have an account")
    );
    assert_eq!(
        app.mailed_tokens("taken@example.com", "dvt_").await.len(),
        1,
        "its own, from registration"
    );
}

#[tokio::test]
async fn an_unproved_claim_does_not_keep_the_owner_of_an_address_out() {
    let app = TestApp::start().await;
    app.registered("mine@example.com").await;
    let squatter = app.mailed("mine@example.com", "dvt_").await;
    let ada = app.logged_in("a@example.com").await;
    ada.patch(
        "/api/v1/auth/me",
        &json!({ "email": "mine@example.com", "current_password": PASSWORD }),
    )
    .await
    .assert(200);
    let own = app.mailed("mine@example.com", "dvt_").await;
    app.anonymous()
        .post(VERIFY, &json!({ "token": own }))
        .await
        .assert(200);
    app.anonymous()
        .post(VERIFY, &json!({ "token": squatter }))
        .await
        .assert_problem(400, "invalid_or_expired_token");
    let user = app
        .anonymous()
        .log_in("mine@example.com", PASSWORD)
        .await
        .me()
        .await
        .json();
    assert_eq!(user["email"], "mine@example.com");
}
