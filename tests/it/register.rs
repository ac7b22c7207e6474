//! POST /auth/register.

use bundle_tests::{PASSWORD, TestApp, text};
use serde_json::json;

const PATH: &str = "/api/v1/auth/register";

#[tokio::test]
async fn a_new_address_gets_an_account_and_a_verification_mail() {
    let app = TestApp::start().await;
    let answer = app
        .anonymous()
        .post(
            PATH,
            &json!({ "email": "Ada@Example.com", "password": PASSWORD, "name": "Ada" }),
        )
        .await;
    answer.assert(201);
    assert!(answer.json()["message"].is_string());
    assert_eq!(
        app.subjects("ada@example.com").await,
        ["Confirm your email address"]
    );
    assert_eq!(app.db_audit().await, ["auth.register success -"]);
}

#[tokio::test]
async fn a_taken_address_is_answered_alike_and_its_owner_is_told() {
    let app = TestApp::start().await;
    app.verified("ada@example.com").await;
    let free = app
        .anonymous()
        .post(
            PATH,
            &json!({ "email": "new@example.com", "password": PASSWORD, "name": "Ada" }),
        )
        .await;
    let taken = app
        .anonymous()
        .post(
            PATH,
            &json!({ "email": "ADA@example.com.", "password": PASSWORD, "name": "Eve" }),
        )
        .await;
    assert_eq!((free.status, free.body), (taken.status, taken.body));
    assert_eq!(
        app.subjects("ada@example.com")
            .await
            .first()
            .map(String::as_str),
        Some("You already have an account")
    );
    assert_eq!(app.db_items("users", "USER#").await.len(), 2);
}

#[tokio::test]
async fn a_taken_account_keeps_its_name_and_password() {
    let app = TestApp::start().await;
    let ada = app.logged_in("ada@example.com").await;
    let eve =
        json!({ "email": "ada@example.com", "password": "Other-Horse-8-Battery", "name": "Eve" });
    app.anonymous().post(PATH, &eve).await.assert(201);
    assert_eq!(ada.me().await.json()["name"], "Ada Lovelace");
    app.anonymous()
        .try_log_in("ada@example.com", PASSWORD)
        .await
        .assert(200);
    app.anonymous()
        .try_log_in("ada@example.com", "Other-Horse-8-Battery")
        .await
        .assert_problem(401, "invalid_credentials");
}

#[tokio::test]
async fn every_unmet_rule_is_reported_at_once() {
    let app = TestApp::start().await;
    let answer = app
        .anonymous()
        .post(
            PATH,
            &json!({ "email": "nobody", "password": "short", "name": "  ", "role": "admin" }),
        )
        .await;
    answer.assert_problem(422, "validation_failed");
    let rules = answer.rules();
    for rule in [
        "/email invalid_format",
        "/password too_short",
        "/password no_upper_case",
        "/password no_digit",
        "/password no_special",
        "/name blank",
        "/role unknown_member",
    ] {
        assert!(
            rules.iter().any(|found| found == rule),
            "{rule} in {rules:?}"
        );
    }
}

#[tokio::test]
async fn a_refused_request_reaches_no_table() {
    // EN-11
    let app = TestApp::start().await;
    app.anonymous()
        .post(PATH, &json!({ "email": "x", "password": "x", "name": "x" }))
        .await
        .assert(422);
    assert_eq!(app.proxy.take_calls(), Vec::<String>::new());
}

#[tokio::test]
async fn passwords_are_counted_in_code_points_and_bounded_in_bytes() {
    // PW-01
    let app = TestApp::start().await;
    let try_password = |password: String| {
        let app = &app;
        async move {
            app.anonymous()
                .post(
                    PATH,
                    &json!({ "email": "pw@example.com", "password": password, "name": "P" }),
                )
                .await
        }
    };
    try_password("Aa1!éééé".to_owned()).await.assert(201);
    try_password("Aa1!ééé".to_owned()).await.assert(422);
    try_password("Aa1!😀😀😀".to_owned()).await.assert(422);
    let long = format!("Aa1!{}", "x".repeat(1_021));
    assert_eq!(try_password(long).await.rules(), ["/password too_long"]);
}

#[tokio::test]
async fn common_passwords_and_those_built_on_the_address_or_the_product_are_refused() {
    // PW-09
    let app = TestApp::start().await;
    for (password, rule) in [
        ("Password1!", "/password too_common"),
        ("P@ssw0rd123", "/password too_common"),
        ("Dashtam2026!", "/password contains_context"),
        ("Lovelace1!Aa", "/password contains_context"),
    ] {
        let answer = app
            .anonymous()
            .post(
                PATH,
                &json!({ "email": "lovelace@example.com", "password": password, "name": "A" }),
            )
            .await;
        assert!(
            answer.rules().iter().any(|found| found == rule),
            "{password}: {}",
            answer.text()
        );
    }
}

#[tokio::test]
async fn the_profiles_change_the_rules() {
    // PW-07
    for (profile, good, bad) in [
        ("nist", "correct horse battery staple", "Aa1!Aa1!xyz"),
        ("pci", "abcdefghijk7xq", "Aa1!aaaazz"),
    ] {
        let app = TestApp::with(&[("PASSWORD_PROFILE", profile)]).await;
        let body =
            |password| json!({ "email": "p@example.com", "password": password, "name": "P" });
        app.anonymous().post(PATH, &body(good)).await.assert(201);
        app.anonymous().post(PATH, &body(bad)).await.assert(422);
    }
}

#[tokio::test]
async fn closed_registration_is_refused() {
    let app = TestApp::with(&[("REGISTRATION", "closed")]).await;
    let answer = app
        .anonymous()
        .post(
            PATH,
            &json!({ "email": "a@example.com", "password": PASSWORD, "name": "A" }),
        )
        .await;
    answer.assert_problem(403, "forbidden");
    assert!(app.db_items("users", "").await.is_empty());
}

#[tokio::test]
async fn registrations_while_closed_are_recorded_once_in_ten_minutes() {
    let app = TestApp::with(&[("REGISTRATION", "closed")]).await;
    let client = app.anonymous();
    for name in ["a", "b", "c"] {
        let body =
            json!({ "email": format!("{name}@example.com"), "password": PASSWORD, "name": name });
        client.post(PATH, &body).await.assert(403);
    }
    assert_eq!(
        app.db_audit().await,
        ["auth.register refused registration_closed"]
    );
}

#[tokio::test]
async fn only_hashes_are_stored_and_equal_passwords_have_different_ones() {
    // PW-11
    let app = TestApp::start().await;
    app.registered("a@example.com").await;
    app.registered("b@example.com").await;
    let users = app.db_items("users", "USER#").await;
    let hashes: Vec<_> = users
        .iter()
        .filter_map(|item| text(item, "password_hash"))
        .collect();
    assert!(hashes.iter().all(|hash| hash.starts_with("$argon2id$")) && hashes.len() == 2);
    assert_ne!(hashes[0], hashes[1]);
}

#[tokio::test]
async fn a_fresh_deployment_has_no_account() {
    // PW-19
    let app = TestApp::start().await;
    assert!(app.db_scan("users").await.is_empty());
}

#[tokio::test]
async fn a_repeated_request_is_harmless() {
    // HT-17
    let app = TestApp::start().await;
    for _ in 0..3 {
        app.registered("a@example.com").await;
        app.advance(1);
    }
    assert_eq!(app.db_items("users", "USER#").await.len(), 1);
    let token = app.mailed("a@example.com", "dvt_").await;
    app.anonymous()
        .post("/api/v1/auth/verify-email", &json!({ "token": token }))
        .await
        .assert(200);
}

#[tokio::test]
async fn a_name_never_reaches_a_mail() {
    // EM-19
    let app = TestApp::start().await;
    let body = json!({ "email": "a@example.com", "password": PASSWORD, "name": "<a href=\"https://evil.example\">win</a>" });
    app.anonymous().post(PATH, &body).await.assert(201);
    app.drain().await;
    let mail = app.aws.mailbox.messages(Some("a@example.com"));
    assert!(!format!("{:?}{:?}", mail[0].text, mail[0].html).contains("evil.example"));
}
