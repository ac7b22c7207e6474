//! Tokens checked by another service with `dashtam-verify` over the tables: what is seen at once, what within a bound, and
//! that a read that fails is never an acceptance.
#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bundle_tests::{Actor, Fault, PASSWORD, TestApp};
use dashtam_verify::{Claims, Timestamp, Verified, Verifier, VerifyError};
use serde_json::{Value, json};
use shared::tokens::SigningKey;

pub const BOUND: &[(&str, &str)] = &[("AUTHORIZER_STALENESS_SECONDS", "30")];
const MILLI: Duration = Duration::from_millis(1);

pub fn access(actor: &Actor<'_>) -> String {
    actor.access.clone().expect("a token")
}

pub fn code(verified: Result<Verified, VerifyError>) -> &'static str {
    verified.map_or_else(|refusal| refusal.code(), |_| "accepted")
}

pub async fn check(verifier: &Verifier, token: &str) -> &'static str {
    code(verifier.verify(token).await)
}

pub fn verifier(app: &TestApp) -> Verifier {
    app.proxy.take_calls();
    app.environment.verifier().expect("valid settings")
}

/// Header and claims of a token.
pub fn parts(token: &str) -> (Value, Claims) {
    let parts: Vec<_> = token
        .split('.')
        .map(|part| URL_SAFE_NO_PAD.decode(part).expect("base64url"))
        .collect();
    (
        serde_json::from_slice(&parts[0]).expect("a header"),
        serde_json::from_slice(&parts[1]).expect("claims"),
    )
}

/// A token with any header over any claims.
pub fn signed(key: &SigningKey, header: &Value, claims: &Claims) -> String {
    let claims = serde_json::to_vec(claims).expect("JSON");
    let message = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header.to_string()),
        URL_SAFE_NO_PAD.encode(claims)
    );
    let signature = key.sign(message.as_bytes()).expect("a signature");
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

pub fn stranger() -> SigningKey {
    SigningKey::generate(Timestamp::EPOCH).expect("a key")
}

/// Sets an attribute of every item of a table whose key begins with `prefix`.
async fn set(app: &TestApp, table: &str, prefix: &str, attribute: &str, value: AttributeValue) {
    for mut item in app.db_items(table, prefix).await {
        item.insert(attribute.to_owned(), value.clone());
        app.db_put(table, item).await;
    }
}

fn number(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// Raises the service's version level to 2; what was begun before is good for `grace` seconds more.
async fn rotate_all(app: &TestApp, grace: u64) {
    let now = app.environment.store().now();
    let until = now.plus(Duration::from_secs(grace)).as_millis();
    set(app, "security", "SECURITY#", "ver_current", number(2)).await;
    set(app, "security", "SECURITY#", "ver_until", number(until)).await;
}

#[tokio::test]
async fn a_good_token_is_accepted_by_one_read() {
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    let (_, claims) = parts(&access(&ada));
    let verifier = verifier(&app);
    for _ in 0..3 {
        let caller = verifier.verify(&access(&ada)).await.expect("accepted");
        assert_eq!(caller.claims, claims);
        assert_eq!(app.proxy.take_calls(), ["BatchGetItem"]);
    }
}

#[tokio::test]
async fn the_end_of_all_sessions_is_seen_at_the_next_check() {
    // RV-05
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    let phone = app.anonymous().log_in("a@example.com", PASSWORD).await;
    let verifier = verifier(&app);
    assert_eq!(check(&verifier, &access(&ada)).await, "accepted");
    phone.delete("/api/v1/auth/sessions/all").await.assert(200);
    assert_eq!(
        check(&verifier, &access(&ada)).await,
        "token_version_too_old"
    );
    assert_eq!(
        check(&verifier, &access(&phone)).await,
        "token_version_too_old"
    );
}

#[tokio::test]
async fn a_logout_is_seen_at_the_next_check() {
    // RV-05
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    let verifier = verifier(&app);
    assert_eq!(check(&verifier, &access(&ada)).await, "accepted");
    ada.post("/api/v1/auth/logout", &json!({}))
        .await
        .assert(200);
    assert_eq!(check(&verifier, &access(&ada)).await, "session_revoked");
}

#[tokio::test]
async fn a_closed_account_is_seen_at_the_next_check() {
    // RV-05
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    let verifier = verifier(&app);
    set(
        &app,
        "users",
        "USER#",
        "status",
        AttributeValue::S("disabled".to_owned()),
    )
    .await;
    assert_eq!(check(&verifier, &access(&ada)).await, "session_revoked");
}

#[tokio::test]
async fn an_address_that_is_unverified_again_is_seen_at_the_next_check() {
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    let verifier = verifier(&app);
    assert_eq!(check(&verifier, &access(&ada)).await, "accepted");
    set(
        &app,
        "users",
        "USER#",
        "email_verified",
        AttributeValue::Bool(false),
    )
    .await;
    assert_eq!(check(&verifier, &access(&ada)).await, "session_revoked");
}

#[tokio::test]
async fn a_rotation_of_the_whole_service_is_seen_at_the_next_check() {
    // RV-05
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    let verifier = verifier(&app);
    assert_eq!(check(&verifier, &access(&ada)).await, "accepted");
    rotate_all(&app, 0).await;
    assert_eq!(
        check(&verifier, &access(&ada)).await,
        "token_version_too_old"
    );
}

#[tokio::test]
async fn a_key_that_was_dropped_is_seen_at_the_next_check() {
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    let verifier = verifier(&app);
    set(
        &app,
        "security",
        "SECURITY#",
        "keys",
        AttributeValue::L(Vec::new()),
    )
    .await;
    assert_eq!(check(&verifier, &access(&ada)).await, "invalid_token");
}

#[tokio::test]
async fn expiry_has_no_leeway() {
    // RV-17, JW-12
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    let verifier = verifier(&app);
    app.advance(1_799);
    assert_eq!(check(&verifier, &access(&ada)).await, "accepted");
    app.advance(1);
    assert_eq!(check(&verifier, &access(&ada)).await, "token_expired");
}

#[tokio::test]
async fn an_idle_session_is_over() {
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    // The service itself knows no such limit, or the token would end before its session.
    let stricter = app.environment_with(&[("DASHTAM_SESSION_IDLE_SECONDS", "60")]);
    let verifier = stricter.verifier().expect("valid settings");
    app.advance(59);
    assert_eq!(check(&verifier, &access(&ada)).await, "accepted");
    app.advance(1);
    assert_eq!(check(&verifier, &access(&ada)).await, "session_revoked");
}

#[tokio::test]
async fn with_a_bound_a_revocation_is_seen_when_the_bound_is_reached_at_the_latest() {
    // RV-05
    let app = TestApp::with(BOUND).await;
    let ada = app.logged_in("a@example.com").await;
    let verifier = verifier(&app);
    assert_eq!(check(&verifier, &access(&ada)).await, "accepted");
    ada.post("/api/v1/auth/logout", &json!({}))
        .await
        .assert(200);
    app.proxy.take_calls();
    app.clock
        .advance(Duration::from_secs(30).checked_sub(MILLI).unwrap());
    assert_eq!(check(&verifier, &access(&ada)).await, "accepted");
    assert_eq!(app.proxy.take_calls(), Vec::<String>::new());
    app.clock.advance(MILLI);
    assert_eq!(check(&verifier, &access(&ada)).await, "session_revoked");
    assert_eq!(app.proxy.take_calls(), ["BatchGetItem"]);
}

#[tokio::test]
async fn a_refusal_is_never_kept() {
    // RV-05
    let app = TestApp::with(BOUND).await;
    let ada = app.logged_in("a@example.com").await;
    let verifier = verifier(&app);
    set(
        &app,
        "users",
        "USER#",
        "status",
        AttributeValue::S("disabled".to_owned()),
    )
    .await;
    assert_eq!(check(&verifier, &access(&ada)).await, "session_revoked");
    set(
        &app,
        "users",
        "USER#",
        "status",
        AttributeValue::S("active".to_owned()),
    )
    .await;
    assert_eq!(check(&verifier, &access(&ada)).await, "accepted");
}

#[tokio::test]
async fn kept_state_does_not_refuse_the_token_of_a_newer_version() {
    let app = TestApp::with(BOUND).await;
    let ada = app.logged_in("a@example.com").await;
    let verifier = verifier(&app);
    assert_eq!(check(&verifier, &access(&ada)).await, "accepted");
    let change = json!({ "current_password": PASSWORD, "new_password": "Other-Horse-8-Battery" });
    let answer = ada.post("/api/v1/auth/change-password", &change).await;
    answer.assert(200);
    let renewed = answer.json()["access_token"]
        .as_str()
        .expect("a token")
        .to_owned();
    assert_eq!(check(&verifier, &renewed).await, "accepted");
    assert_eq!(
        check(&verifier, &access(&ada)).await,
        "token_version_too_old"
    );
}

#[tokio::test]
async fn expiry_is_compared_with_the_clock_though_state_is_kept() {
    // RV-17
    let app = TestApp::with(&[
        ("AUTHORIZER_STALENESS_SECONDS", "300"),
        ("ACCESS_TOKEN_TTL_SECONDS", "10"),
    ])
    .await;
    let ada = app.logged_in("a@example.com").await;
    let verifier = verifier(&app);
    assert_eq!(check(&verifier, &access(&ada)).await, "accepted");
    app.advance(10);
    assert_eq!(check(&verifier, &access(&ada)).await, "token_expired");
}

#[tokio::test]
async fn the_end_of_a_grace_is_compared_with_the_clock_though_state_is_kept() {
    // RV-17
    let app = TestApp::with(BOUND).await;
    let ada = app.logged_in("a@example.com").await;
    rotate_all(&app, 10).await;
    let verifier = verifier(&app);
    app.clock
        .advance(Duration::from_secs(10).checked_sub(MILLI).unwrap());
    assert_eq!(check(&verifier, &access(&ada)).await, "accepted");
    app.clock.advance(MILLI);
    assert_eq!(
        check(&verifier, &access(&ada)).await,
        "token_version_too_old"
    );
}

#[tokio::test]
async fn concurrent_checks_of_a_session_make_one_read_where_state_may_be_kept() {
    let app = TestApp::with(BOUND).await;
    let ada = app.logged_in("a@example.com").await;
    let verifier = verifier(&app);
    let token = access(&ada);
    let checks = futures::future::join_all((0..20).map(|_| check(&verifier, &token))).await;
    assert!(checks.iter().all(|code| *code == "accepted"), "{checks:?}");
    assert_eq!(app.proxy.take_calls(), ["BatchGetItem"]);
}

#[tokio::test]
async fn a_store_that_fails_is_no_acceptance_and_no_refusal() {
    for settings in [&[][..], BOUND] {
        for fault in [Fault::Throttled, Fault::InternalError] {
            let app = TestApp::with(settings).await;
            let ada = app.logged_in("a@example.com").await;
            let verifier = verifier(&app);
            app.proxy.plan("BatchGetItem", fault, 1_000);
            assert_eq!(
                check(&verifier, &access(&ada)).await,
                "service_unavailable",
                "{fault:?}"
            );
            app.proxy.heal();
            assert_eq!(
                check(&verifier, &access(&ada)).await,
                "accepted",
                "{fault:?}"
            );
        }
    }
}

#[tokio::test]
async fn unprocessed_keys_are_asked_for_again_and_never_taken_for_absent() {
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    let verifier = verifier(&app);
    app.proxy.plan("BatchGetItem", Fault::Unprocessed, 2);
    assert_eq!(check(&verifier, &access(&ada)).await, "accepted");
    app.proxy.plan("BatchGetItem", Fault::Unprocessed, 1_000);
    assert_eq!(check(&verifier, &access(&ada)).await, "service_unavailable");
}
