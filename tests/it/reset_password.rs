//! POST /auth/request-password-reset and /auth/reset-password.

use bundle_tests::{PASSWORD, TestApp};
use futures::future::join_all;
use serde_json::json;

const REQUEST: &str = "/api/v1/auth/request-password-reset";
const RESET: &str = "/api/v1/auth/reset-password";
const NEW: &str = "Other-Horse-8-Battery";

async fn request(app: &TestApp, email: &str) -> String {
    app.anonymous()
        .post(REQUEST, &json!({ "email": email }))
        .await
        .assert(202);
    app.mailed(email, "drs_").await
}

#[tokio::test]
async fn a_reset_changes_the_password_ends_every_session_and_tells_the_owner() {
    // PW-15, EM-11, EM-22
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    let token = request(&app, "a@example.com").await;
    let answer = app
        .anonymous()
        .post(RESET, &json!({ "token": token, "new_password": NEW }))
        .await;
    answer.assert(200);
    assert_eq!(
        answer.json().as_object().map(serde_json::Map::len),
        Some(1),
        "it does not sign in"
    );
    ada.me().await.assert_problem(401, "token_version_too_old");
    ada.try_refresh(ada.refresh.as_deref().unwrap_or_default())
        .await
        .assert(401);
    app.anonymous()
        .try_log_in("a@example.com", PASSWORD)
        .await
        .assert(401);
    app.anonymous()
        .try_log_in("a@example.com", NEW)
        .await
        .assert(200);
    let subjects = app.subjects("a@example.com").await;
    assert_eq!(
        subjects
            .iter()
            .filter(|subject| *subject == "A password was set for your account")
            .count(),
        1
    );
    assert!(
        app.db_items("tokens", "USER#").await.len() <= 1,
        "dead sessions are swept"
    );
}

#[tokio::test]
async fn a_refused_password_does_not_use_the_token_up() {
    let app = TestApp::start().await;
    app.verified("lovelace@example.com").await;
    let token = request(&app, "lovelace@example.com").await;
    for bad in ["short", "Lovelace1!Aa"] {
        app.anonymous()
            .post(RESET, &json!({ "token": token, "new_password": bad }))
            .await
            .assert(422);
    }
    app.anonymous()
        .post(RESET, &json!({ "token": token, "new_password": NEW }))
        .await
        .assert(200);
    app.anonymous()
        .post(RESET, &json!({ "token": token, "new_password": NEW }))
        .await
        .assert_problem(400, "invalid_or_expired_token");
}

#[tokio::test]
async fn a_token_lives_a_quarter_of_an_hour_to_the_second() {
    // EM-09
    for (age, status) in [(899, 200), (900, 400)] {
        let app = TestApp::start().await;
        app.verified("a@example.com").await;
        let token = request(&app, "a@example.com").await;
        app.advance(age);
        app.anonymous()
            .post(RESET, &json!({ "token": token, "new_password": NEW }))
            .await
            .assert(status);
    }
}

#[tokio::test]
async fn a_password_change_kills_pending_and_queued_tokens() {
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    let pending = request(&app, "a@example.com").await;
    app.advance(1);
    app.anonymous()
        .post(REQUEST, &json!({ "email": "a@example.com" }))
        .await
        .assert(202);
    app.advance(1);
    ada.post(
        "/api/v1/auth/change-password",
        &json!({ "current_password": PASSWORD, "new_password": NEW }),
    )
    .await
    .assert(200);
    let tokens = app.mailed_tokens("a@example.com", "drs_").await;
    assert_eq!(tokens.len(), 1, "the queued row sends nothing");
    app.anonymous()
        .post(RESET, &json!({ "token": pending, "new_password": NEW }))
        .await
        .assert(400);
}

#[tokio::test]
async fn nobody_learns_who_has_an_account() {
    let app = TestApp::start().await;
    app.verified("known@example.com").await;
    let mut answers = Vec::new();
    for email in ["known@example.com", "nobody@example.com"] {
        app.proxy.take_calls();
        let answer = app
            .anonymous()
            .post(REQUEST, &json!({ "email": email }))
            .await;
        answers.push((answer.status, answer.body, app.proxy.take_calls()));
    }
    assert_eq!(answers[0], answers[1]);
    assert!(app.subjects("nobody@example.com").await.is_empty());
}

#[tokio::test]
async fn a_reset_proves_the_address() {
    // EM-14
    let app = TestApp::start().await;
    app.registered("a@example.com").await;
    let token = request(&app, "a@example.com").await;
    app.anonymous()
        .post(RESET, &json!({ "token": token, "new_password": NEW }))
        .await
        .assert(200);
    app.anonymous()
        .try_log_in("a@example.com", NEW)
        .await
        .assert(200);
}

#[tokio::test]
async fn a_verification_token_resets_nothing() {
    // EM-05
    let app = TestApp::start().await;
    app.registered("a@example.com").await;
    let token = app.mailed("a@example.com", "dvt_").await;
    for token in [token.clone(), token.replace("dvt_", "drs_")] {
        app.anonymous()
            .post(RESET, &json!({ "token": token, "new_password": NEW }))
            .await
            .assert_problem(400, "invalid_or_expired_token");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_fifty_parallel_resets_with_one_token_exactly_one_succeeds() {
    let app = TestApp::with(&[("RATE_LIMIT_SCALE", "100")]).await;
    app.verified("a@example.com").await;
    let token = request(&app, "a@example.com").await;
    let resets = (0..50).map(|n| {
        let body = json!({ "token": token, "new_password": format!("Parallel-Horse-{n}-Battery") });
        let client = app.anonymous();
        async move { client.post(RESET, &body).await.status.as_u16() }
    });
    let answers = join_all(resets).await;
    assert_eq!(
        answers.iter().filter(|status| **status == 200).count(),
        1,
        "{answers:?}"
    );
    assert_eq!(
        answers.iter().filter(|status| **status == 400).count(),
        49,
        "{answers:?}"
    );
}

#[tokio::test]
async fn the_same_request_three_times_leaves_one_link_that_works() {
    // HT-17
    let app = TestApp::start().await;
    app.verified("a@example.com").await;
    for _ in 0..3 {
        let body = json!({ "email": "a@example.com" });
        app.anonymous().post(REQUEST, &body).await.assert(202);
        app.advance(1);
    }
    let links = app.mailed_tokens("a@example.com", "drs_").await;
    let [link] = links.as_slice() else {
        panic!("the same link is sent again or not at all: {links:?}")
    };
    let body = json!({ "token": link, "new_password": "Brave-Otter-9-Lantern" });
    app.anonymous().post(RESET, &body).await.assert(200);
    app.anonymous()
        .post(RESET, &body)
        .await
        .assert_problem(400, "invalid_or_expired_token");
}
