//! Two at once, and what a rotation overtakes.

use aws_sdk_dynamodb::types::AttributeValue;
use bundle_tests::{Fault, PASSWORD, TestApp};
use futures::future::join_all;
use http::Method;
use serde_json::json;

const NEW: &str = "Other-Horse-8-Battery";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_parallel_registrations_of_one_address_are_one_account_with_one_live_link() {
    // FT-01
    let app = TestApp::start().await;
    let forms = [
        "ada@b\u{fc}cher.example",
        "ADA@BU\u{308}CHER.example",
        "Ada@b\u{fc}cher.EXAMPLE.",
        "ada@xn--bcher-kva.example",
        "ADA@B\u{dc}CHER.Example",
    ];
    let registrations = (0..50).map(|n| {
        let body = json!({ "email": forms[n % forms.len()], "password": PASSWORD, "name": "A" });
        let client = app.anonymous();
        async move { client.post("/api/v1/auth/register", &body).await }
    });
    let answers = join_all(registrations).await;
    assert!(
        answers
            .iter()
            .all(|answer| answer.status == 201 && answer.body == answers[0].body)
    );
    assert_eq!(app.db_items("users", "USER#").await.len(), 1);
    app.drain().await;
    let texts: Vec<_> = app
        .aws
        .mailbox
        .messages(None)
        .into_iter()
        .map(|message| message.text)
        .collect();
    let mut live = 0;
    for text in texts {
        let token: String = text[text.find("dvt_").expect("a token")..]
            .chars()
            .take_while(|c| !c.is_whitespace())
            .collect();
        let answer = app
            .anonymous()
            .post("/api/v1/auth/verify-email", &json!({ "token": token }))
            .await;
        live += usize::from(answer.status == 200);
    }
    assert_eq!(live, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_that_a_reset_overtakes_is_dead_at_birth() {
    let app = TestApp::start().await;
    app.verified("a@example.com").await;
    app.anonymous()
        .post(
            "/api/v1/auth/request-password-reset",
            &json!({ "email": "a@example.com" }),
        )
        .await
        .assert(202);
    let token = app.mailed("a@example.com", "drs_").await;
    app.proxy.plan("TransactWriteItems", Fault::Held, 1);
    let login = app.anonymous();
    let held = login.log_in("a@example.com", PASSWORD);
    let reset = async {
        app.proxy.until_held().await;
        app.anonymous()
            .post(
                "/api/v1/auth/reset-password",
                &json!({ "token": token, "new_password": NEW }),
            )
            .await
            .assert(200);
        app.proxy.release();
    };
    let (thief, ()) = tokio::join!(held, reset);
    thief
        .me()
        .await
        .assert_problem(401, "token_version_too_old");
    thief
        .try_refresh(thief.refresh.as_deref().unwrap_or_default())
        .await
        .assert(401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refresh_that_a_password_change_overtakes_gives_nothing_that_lives() {
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    let phone = app.anonymous().log_in("a@example.com", PASSWORD).await;
    app.proxy.plan("TransactWriteItems", Fault::Held, 1);
    let token = phone.refresh.clone().unwrap_or_default();
    let held = phone.try_refresh(&token);
    let change = async {
        app.proxy.until_held().await;
        let body = json!({ "current_password": PASSWORD, "new_password": NEW });
        ada.post("/api/v1/auth/change-password", &body)
            .await
            .assert(200);
        app.proxy.release();
    };
    let (refreshed, ()) = tokio::join!(held, change);
    if refreshed.status == 200 {
        let access = refreshed.json()["access_token"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        phone
            .clone()
            .bearer(&access)
            .me()
            .await
            .assert_problem(401, "token_version_too_old");
        let next = refreshed.json()["refresh_token"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        phone.try_refresh(&next).await.assert(401);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refresh_that_a_logout_overtakes_is_refused() {
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    let token = ada.refresh.clone().unwrap_or_default();
    app.proxy.plan("TransactWriteItems", Fault::Held, 1);
    let logout = async {
        app.proxy.until_held().await;
        app.anonymous()
            .post("/api/v1/auth/logout", &json!({ "refresh_token": token }))
            .await
            .assert(200);
        app.proxy.release();
    };
    let (refreshed, ()) = tokio::join!(ada.try_refresh(&token), logout);
    refreshed.assert_problem(401, "invalid_refresh_token");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_twenty_parallel_ends_of_one_session_exactly_one_counts() {
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    let phone = app.anonymous().log_in("a@example.com", PASSWORD).await;
    let path = format!("/api/v1/auth/sessions/{}", phone.session_id().await);
    let ends = join_all((0..20).map(|_| ada.delete(&path))).await;
    assert_eq!(ends.iter().filter(|answer| answer.status == 200).count(), 1);
    assert_eq!(
        ends.iter().filter(|answer| answer.status == 404).count(),
        19
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_acknowledged_rotation_counts() {
    // RV-03
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    let mut others = Vec::new();
    for _ in 0..10 {
        others.push(app.anonymous().log_in("a@example.com", PASSWORD).await);
    }
    let answers = join_all(
        others
            .iter()
            .map(|other| other.delete("/api/v1/auth/sessions/all")),
    )
    .await;
    let acknowledged = answers.iter().filter(|answer| answer.status == 200).count();
    let user = app.db_items("users", "USER#").await.remove(0);
    let version: usize = user["ver_current"]
        .as_n()
        .expect("a number")
        .parse()
        .expect("a number");
    assert_eq!(version, 1 + acknowledged);
    ada.me().await.assert(401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_fifty_parallel_verifications_exactly_one_succeeds() {
    let app = TestApp::with(&[("RATE_LIMIT_SCALE", "100")]).await;
    app.registered("a@example.com").await;
    let body = json!({ "token": app.mailed("a@example.com", "dvt_").await });
    let answers = join_all((0..50).map(|_| async {
        app.anonymous()
            .post("/api/v1/auth/verify-email", &body)
            .await
    }))
    .await;
    assert_eq!(
        answers.iter().filter(|answer| answer.status == 200).count(),
        1
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_accounts_that_want_one_address_do_not_both_get_it() {
    let app = TestApp::start().await;
    let mut tokens = Vec::new();
    for email in ["a@example.com", "b@example.com"] {
        let user = app.logged_in(email).await;
        user.patch(
            "/api/v1/auth/me",
            &json!({ "email": "wanted@example.com", "current_password": PASSWORD }),
        )
        .await
        .assert(200);
        tokens.push(app.mailed("wanted@example.com", "dvt_").await);
        app.advance(1);
    }
    let bodies: Vec<_> = tokens
        .iter()
        .map(|token| json!({ "token": token }))
        .collect();
    let client = app.anonymous();
    let answers = join_all(
        bodies
            .iter()
            .map(|body| client.post("/api/v1/auth/verify-email", body)),
    )
    .await;
    assert_eq!(
        answers.iter().filter(|answer| answer.status == 200).count(),
        1
    );
}

#[tokio::test]
async fn a_right_password_costs_no_try_where_what_it_is_for_is_overtaken() {
    let change = json!({ "current_password": PASSWORD, "new_password": NEW });
    let proof = json!({ "password": PASSWORD });
    for (method, path, body) in [
        (Method::POST, "/api/v1/auth/change-password", change),
        (Method::POST, "/api/v1/auth/reauthenticate", proof.clone()),
        (Method::DELETE, "/api/v1/auth/me", proof),
    ] {
        let app = TestApp::start().await;
        let ada = app.logged_in("a@example.com").await;
        app.proxy.plan("TransactWriteItems", Fault::Held, 1);
        let overtaken = async {
            app.proxy.until_held().await;
            let (user, session) = (
                app.db_user("a@example.com").await,
                app.db_items("tokens", "USER#").await,
            );
            app.db_set(
                "users",
                &user,
                "ver_current",
                AttributeValue::N("7".to_owned()),
            )
            .await;
            app.db_set(
                "tokens",
                &session[0],
                "user_ver",
                AttributeValue::N("7".to_owned()),
            )
            .await;
            app.proxy.release();
        };
        let (answer, ()) = tokio::join!(ada.request(method, path, Some(&body)), overtaken);
        answer.assert_problem(409, "conflict");
        assert!(app.db_items("limits", "LOCK#").await.is_empty(), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_to_an_account_that_is_erased_at_the_same_time_is_refused() {
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    app.proxy.plan("TransactWriteItems", Fault::Held, 1);
    let erased = async {
        app.proxy.until_held().await;
        let proof = json!({ "password": PASSWORD });
        ada.request(Method::DELETE, "/api/v1/auth/me", Some(&proof))
            .await
            .assert(200);
        app.proxy.release();
    };
    let login = app.anonymous();
    let (answer, ()) = tokio::join!(login.try_log_in("a@example.com", PASSWORD), erased);
    answer.assert_problem(401, "invalid_credentials");
    assert!(app.db_items("users", "USER#").await.is_empty());
}
