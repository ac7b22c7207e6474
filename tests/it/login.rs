//! POST /auth/login.

use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bundle_tests::{PASSWORD, TestApp, text};
use futures::future::join_all;
use serde_json::{Value, json};

const WRONG: &str = "Wrong-Horse-7-Battery";

#[tokio::test]
async fn a_login_gives_tokens_and_the_account() {
    let app = TestApp::start().await;
    app.verified("ada@example.com").await;
    let answer = app
        .anonymous()
        .try_log_in("ADA@Example.COM", PASSWORD)
        .await;
    answer.assert(200);
    let body = answer.json();
    assert_eq!(
        (body["token_type"].as_str(), body["expires_in"].as_i64()),
        (Some("bearer"), Some(1_800))
    );
    let user = body["user"].as_object().expect("a user");
    let mut members: Vec<_> = user.keys().map(String::as_str).collect();
    members.sort_unstable();
    assert_eq!(
        members,
        [
            "created_at",
            "email",
            "email_verified",
            "id",
            "is_active",
            "last_login_at",
            "name",
            "pending_email",
            "role"
        ]
    );
    assert_eq!(body["user"]["last_login_at"], "2027-01-15T08:00:00.000Z");
}

#[tokio::test]
async fn the_access_token_says_what_the_contract_promises_and_no_more() {
    // JW-17, JW-22
    let app = TestApp::start().await;
    let ada = app.logged_in("ada@example.com").await;
    let token = ada.access.clone().expect("a token");
    let part = |n: usize| -> Value {
        let part = token.split('.').nth(n).expect("three parts");
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64url")).expect("JSON")
    };
    assert_eq!(
        (part(0)["typ"].as_str(), part(0)["alg"].as_str()),
        (Some("at+jwt"), Some("ES256"))
    );
    let claims = part(1);
    let mut names: Vec<_> = claims
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "acr",
            "amr",
            "aud",
            "auth_time",
            "client_id",
            "exp",
            "global_ver",
            "iat",
            "iss",
            "jti",
            "nbf",
            "role",
            "sid",
            "sub",
            "user_ver"
        ]
    );
    assert_eq!(claims["sid"], ada.session_id().await);
}

#[tokio::test]
async fn an_access_token_never_outlives_its_session() {
    let app = TestApp::with(&[("SESSION_TTL_SECONDS", "600")]).await;
    app.verified("a@example.com").await;
    assert_eq!(
        app.anonymous()
            .try_log_in("a@example.com", PASSWORD)
            .await
            .json()["expires_in"],
        600
    );
}

#[tokio::test]
async fn wrong_unknown_unverified_and_disabled_are_one_answer() {
    // EN-01
    let app = TestApp::start().await;
    app.verified("known@example.com").await;
    app.verified("disabled@example.com").await;
    app.registered("unverified@example.com").await;
    set_status(&app, "disabled@example.com", "disabled").await;
    let mut answers = Vec::new();
    for email in [
        "known@example.com",
        "nobody@example.com",
        "unverified@example.com",
        "disabled@example.com",
    ] {
        app.proxy.take_calls();
        let answer = app.anonymous().try_log_in(email, WRONG).await;
        answer.assert_problem(401, "invalid_credentials");
        let mut body = answer.json();
        body["request_id"] = Value::Null;
        let mut headers: Vec<_> = answer.headers.keys().map(ToString::to_string).collect();
        headers.sort();
        let mut calls = app.proxy.take_calls();
        calls.sort();
        answers.push((body, headers, calls));
    }
    assert!(
        answers.windows(2).all(|pair| pair[0] == pair[1]),
        "{answers:#?}"
    );
}

#[tokio::test]
async fn what_stands_in_the_way_is_told_after_the_right_password_only() {
    let app = TestApp::start().await;
    app.registered("unverified@example.com").await;
    app.verified("disabled@example.com").await;
    set_status(&app, "disabled@example.com", "disabled").await;
    app.anonymous()
        .try_log_in("unverified@example.com", PASSWORD)
        .await
        .assert_problem(403, "email_not_verified");
    app.anonymous()
        .try_log_in("disabled@example.com", PASSWORD)
        .await
        .assert_problem(403, "account_disabled");
}

#[tokio::test]
async fn ten_failures_lock_for_exactly_an_hour_known_or_not() {
    // LG-01, EN-06
    let app = TestApp::with(&[("RATE_LIMIT_SCALE", "100")]).await;
    app.verified("known@example.com").await;
    for email in ["known@example.com", "nobody@example.com"] {
        for _ in 0..10 {
            app.anonymous()
                .try_log_in(email, WRONG)
                .await
                .assert_problem(401, "invalid_credentials");
        }
        app.advance(3);
        let answer = app.anonymous().try_log_in(email, PASSWORD).await;
        answer.assert_problem(423, "account_locked");
        assert_eq!(answer.header("retry-after"), Some("3597"));
        app.advance(3_596);
        app.anonymous()
            .try_log_in(email, PASSWORD)
            .await
            .assert(423);
        app.advance(1);
        let after = app.anonymous().try_log_in(email, PASSWORD).await;
        after.assert(if email.starts_with("known") { 200 } else { 401 });
    }
}

#[tokio::test]
async fn the_lock_leaves_sessions_alone_and_a_reset_lifts_it() {
    // LG-06, EM-12
    let app = TestApp::with(&[("RATE_LIMIT_SCALE", "100")]).await;
    let ada = app.logged_in("a@example.com").await;
    for _ in 0..10 {
        app.anonymous()
            .try_log_in("a@example.com", WRONG)
            .await
            .assert(401);
    }
    app.advance(3);
    ada.me().await.assert(200);
    app.anonymous()
        .try_log_in("a@example.com", PASSWORD)
        .await
        .assert_problem(423, "account_locked");
    app.anonymous()
        .post(
            "/api/v1/auth/request-password-reset",
            &json!({ "email": "a@example.com" }),
        )
        .await
        .assert(202);
    let token = app.mailed("a@example.com", "drs_").await;
    let reset = json!({ "token": token, "new_password": "Other-Horse-8-Battery" });
    app.anonymous()
        .post("/api/v1/auth/reset-password", &reset)
        .await
        .assert(200);
    app.anonymous()
        .try_log_in("a@example.com", "Other-Horse-8-Battery")
        .await
        .assert(200);
}

#[tokio::test]
async fn a_success_forgets_the_failures_before_it() {
    // LG-08
    let app = TestApp::with(&[("RATE_LIMIT_SCALE", "100")]).await;
    app.verified("a@example.com").await;
    for _ in 0..3 {
        for _ in 0..9 {
            app.anonymous()
                .try_log_in("a@example.com", WRONG)
                .await
                .assert(401);
        }
        app.anonymous()
            .try_log_in("a@example.com", PASSWORD)
            .await
            .assert(200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_parallel_right_logins_all_succeed() {
    // LG-10
    let app = TestApp::with(&[("RATE_LIMIT_SCALE", "100")]).await;
    app.verified("a@example.com").await;
    let logins = (0..20).map(|_| async {
        app.anonymous()
            .try_log_in("a@example.com", PASSWORD)
            .await
            .status
            .as_u16()
    });
    assert_eq!(join_all(logins).await, vec![200; 20]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_guesses_get_no_more_tries_than_guesses_in_turn() {
    let app = TestApp::with(&[("RATE_LIMIT_SCALE", "100")]).await;
    app.verified("a@example.com").await;
    let guesses = (0..50).map(|_| async {
        app.anonymous()
            .try_log_in("a@example.com", WRONG)
            .await
            .status
            .as_u16()
    });
    let answers = join_all(guesses).await;
    assert_eq!(
        answers.iter().filter(|status| **status == 401).count(),
        10,
        "{answers:?}"
    );
    assert_eq!(
        answers.iter().filter(|status| **status == 423).count(),
        40,
        "{answers:?}"
    );
}

#[tokio::test]
async fn an_outdated_hash_is_replaced_and_the_password_still_works() {
    let app = TestApp::start().await;
    app.verified("a@example.com").await;
    let hash = bcrypt::hash(PASSWORD, 4).expect("a hash");
    set_hash(&app, &hash).await;
    app.anonymous()
        .try_log_in("a@example.com", PASSWORD)
        .await
        .assert(200);
    assert!(stored_hash(&app).await.starts_with("$argon2id$"));
    app.anonymous()
        .try_log_in("a@example.com", PASSWORD)
        .await
        .assert(200);
}

#[tokio::test]
async fn a_failing_hash_upgrade_never_fails_the_login() {
    // PW-13: the write after bucket and lock is the upgrade.
    let app = TestApp::start().await;
    app.verified("a@example.com").await;
    let hash = bcrypt::hash(PASSWORD, 4).expect("a hash");
    set_hash(&app, &hash).await;
    app.proxy
        .plan_after("UpdateItem", bundle_tests::Fault::Throttled, 2, 100);
    app.anonymous()
        .try_log_in("a@example.com", PASSWORD)
        .await
        .assert(200);
    assert_eq!(stored_hash(&app).await, hash);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_session_cap_holds_under_parallel_logins_and_ends_the_oldest() {
    // RT-16, LG-11
    let app = TestApp::with(&[("SESSION_CAP", "5"), ("RATE_LIMIT_SCALE", "100")]).await;
    let oldest = app.logged_in("a@example.com").await;
    app.advance(1);
    let logins = (0..30).map(|_| async {
        app.anonymous()
            .try_log_in("a@example.com", PASSWORD)
            .await
            .status
            .as_u16()
    });
    assert_eq!(join_all(logins).await, vec![200; 30]);
    oldest.me().await.assert_problem(401, "session_revoked");
    app.advance(1);
    let newest = app.anonymous().log_in("a@example.com", PASSWORD).await;
    assert_eq!(newest.sessions().await.len(), 5);
}

#[tokio::test]
async fn sessions_that_ended_make_room_under_the_cap() {
    let app = TestApp::with(&[("SESSION_CAP", "2"), ("RATE_LIMIT_SCALE", "100")]).await;
    let first = app.logged_in("a@example.com").await;
    for _ in 0..5 {
        app.advance(1);
        let other = app.anonymous().log_in("a@example.com", PASSWORD).await;
        other
            .post("/api/v1/auth/logout", &json!({}))
            .await
            .assert(200);
    }
    first.me().await.assert(200);
}

#[tokio::test]
async fn every_login_is_a_session_of_its_own() {
    // RT-21
    let app = TestApp::start().await;
    let first = app.logged_in("a@example.com").await;
    let second = app.anonymous().log_in("a@example.com", PASSWORD).await;
    assert_ne!(first.session_id().await, second.session_id().await);
    let body = json!({ "email": "a@example.com", "password": PASSWORD, "session_id": first.session_id().await });
    app.anonymous()
        .post("/api/v1/auth/login", &body)
        .await
        .assert(422);
}

#[tokio::test]
async fn old_passwords_do_not_expire() {
    // PW-10
    let app = TestApp::start().await;
    app.verified("a@example.com").await;
    app.advance(2 * 365 * 86_400);
    app.anonymous()
        .try_log_in("a@example.com", PASSWORD)
        .await
        .assert(200);
}

#[tokio::test]
async fn passwords_are_compared_after_nfc_and_nothing_is_trimmed() {
    // PW-05
    let app = TestApp::with(&[("RATE_LIMIT_SCALE", "100")]).await;
    let body =
        json!({ "email": "a@example.com", "password": " Cafe\u{301}-Horse-7 ", "name": "A" });
    app.anonymous()
        .post("/api/v1/auth/register", &body)
        .await
        .assert(201);
    let token = app.mailed("a@example.com", "dvt_").await;
    app.anonymous()
        .post("/api/v1/auth/verify-email", &json!({ "token": token }))
        .await
        .assert(200);
    app.anonymous()
        .try_log_in("a@example.com", " Caf\u{e9}-Horse-7 ")
        .await
        .assert(200);
    app.anonymous()
        .try_log_in("a@example.com", "Caf\u{e9}-Horse-7")
        .await
        .assert(401);
}

#[tokio::test]
async fn configured_admins_are_admins_once_their_address_is_proved() {
    let app = TestApp::with(&[("ADMIN_EMAILS", "Boss@example.com")]).await;
    let boss = app.logged_in("boss@example.com").await;
    assert_eq!(boss.me().await.json()["role"], "admin");
    let ada = app.logged_in("ada@example.com").await;
    assert_eq!(ada.me().await.json()["role"], "user");
}

#[tokio::test]
async fn refusals_are_recorded_with_their_reason() {
    let app = TestApp::start().await;
    app.registered("a@example.com").await;
    for (email, password) in [
        ("a@example.com", WRONG),
        ("nobody@example.com", WRONG),
        ("a@example.com", PASSWORD),
    ] {
        app.advance(1);
        app.anonymous().try_log_in(email, password).await;
    }
    let audit = app.db_audit().await;
    assert_eq!(
        audit[1..],
        [
            "auth.login refused wrong_password",
            "auth.login refused unknown_address",
            "auth.login refused email_not_verified"
        ]
    );
}

async fn only_user(app: &TestApp) -> bundle_tests::Item {
    app.db_items("users", "USER#").await.remove(0)
}

async fn set_hash(app: &TestApp, hash: &str) {
    let mut user = only_user(app).await;
    user.insert(
        "password_hash".to_owned(),
        AttributeValue::S(hash.to_owned()),
    );
    app.db_put("users", user).await;
}

async fn stored_hash(app: &TestApp) -> String {
    text(&only_user(app).await, "password_hash")
        .expect("a hash")
        .to_owned()
}

async fn set_status(app: &TestApp, email: &str, status: &str) {
    for mut user in app.db_items("users", "USER#").await {
        if text(&user, "email") == Some(email) {
            user.insert("status".to_owned(), AttributeValue::S(status.to_owned()));
            app.db_put("users", user).await;
        }
    }
}
