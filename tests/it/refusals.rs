//! Every refusal that matters is in the trail once, with who, what, when, from where and why.

use bundle_tests::{Actor, Item, TestApp, text};
use serde_json::json;
use uuid::Uuid;

const EMAIL: &str = "ada@example.com";
const WRONG: &str = "Wrong-Horse-7-Battery";
const AGENT: &str = "curl/8.5.0";

/// A client at a known address.
fn stranger(app: &TestApp) -> Actor<'_> {
    app.anonymous()
        .at("203.0.113.66")
        .header("user-agent", AGENT)
}

/// The records that are new, as `action outcome reason`; each says when, from where and in which request.
async fn recorded(app: &TestApp, before: &[Item]) -> Vec<String> {
    let mut records = app.db_scan("audit").await;
    records.retain(|record| !before.contains(record));
    let told = records.iter().map(|record| {
        let field = |name| text(record, name).unwrap_or("-");
        assert_eq!(
            (field("ip_address"), field("user_agent")),
            ("203.0.113.66", AGENT),
            "{record:?}"
        );
        assert!(
            ["event_id", "request_id"]
                .iter()
                .all(|name| Uuid::parse_str(field(name)).is_ok()),
            "{record:?}"
        );
        assert!(
            record["occurred_at"].is_n()
                && field("endpoint").starts_with('/')
                && field("method") != "-"
        );
        format!(
            "{} {} {}",
            field("action"),
            field("outcome"),
            field("reason")
        )
    });
    let mut told: Vec<_> = told.collect();
    told.sort_unstable();
    told
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_address_are_told_apart_in_the_trail_alone() {
    // AU-01, AU-02
    let app = TestApp::start().await;
    app.verified(EMAIL).await;
    let before = app.db_scan("audit").await;
    stranger(&app).try_log_in(EMAIL, WRONG).await.assert(401);
    stranger(&app)
        .try_log_in("nobody@example.com", WRONG)
        .await
        .assert(401);
    assert_eq!(
        recorded(&app, &before).await,
        [
            "auth.login refused unknown_address",
            "auth.login refused wrong_password"
        ]
    );
}

#[tokio::test]
async fn a_limit_that_is_hit_is_recorded_once_in_ten_minutes() {
    // AU-02
    let app = TestApp::with(&[("RATE_LIMIT_LOGIN", "1/0.01")]).await;
    stranger(&app).try_log_in(EMAIL, WRONG).await.assert(401);
    let before = app.db_scan("audit").await;
    for _ in 0..5 {
        stranger(&app).try_log_in(EMAIL, WRONG).await.assert(429);
    }
    assert_eq!(
        recorded(&app, &before).await,
        ["auth.login refused rate_limited"]
    );
}

#[tokio::test]
async fn a_lock_is_recorded_when_it_closes_and_when_it_keeps_somebody_out() {
    // AU-02
    let app = TestApp::with(&[("LOCKOUT_THRESHOLD", "2")]).await;
    app.verified(EMAIL).await;
    let before = app.db_scan("audit").await;
    for _ in 0..2 {
        stranger(&app).try_log_in(EMAIL, WRONG).await.assert(401);
    }
    app.advance(5);
    stranger(&app).try_log_in(EMAIL, WRONG).await.assert(423);
    let told = recorded(&app, &before).await;
    assert_eq!(
        told.iter()
            .filter(|record| record.as_str() == "auth.login refused locked")
            .count(),
        1,
        "{told:?}"
    );
    assert!(told.len() >= 3, "{told:?}");
}

#[tokio::test]
async fn theft_is_recorded_with_the_session_that_it_ended() {
    // AU-02
    let app = TestApp::start().await;
    let mut ada = app.logged_in(EMAIL).await;
    let (session, stolen) = (
        ada.session_id().await,
        ada.refresh.clone().expect("a token"),
    );
    ada.refresh().await;
    app.advance(30);
    let before = app.db_scan("audit").await;
    stranger(&app).try_refresh(&stolen).await.assert(401);
    assert_eq!(
        recorded(&app, &before).await,
        ["auth.refresh refused refresh_token_reused"]
    );
    let records = app.db_scan("audit").await;
    let theft = records
        .iter()
        .find(|record| text(record, "reason") == Some("refresh_token_reused"));
    assert_eq!(
        theft.and_then(|record| text(record, "session_id")),
        Some(session.as_str())
    );
}

#[tokio::test]
async fn a_call_without_the_right_for_it_is_recorded_with_whose_it_was() {
    // AU-02
    let app = TestApp::start().await;
    let ada = app.logged_in(EMAIL).await;
    let id = ada.me().await.json()["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let before = app.db_scan("audit").await;
    let refused = stranger(&app).bearer(ada.access.as_deref().unwrap_or_default());
    let body = json!({ "scope": "global", "reason": "I would like to see it" });
    refused
        .post("/api/v1/admin/token-rotations", &body)
        .await
        .assert(403);
    assert_eq!(
        recorded(&app, &before).await,
        ["admin.rotate_tokens refused not_an_admin"]
    );
    let records = app.db_scan("audit").await;
    let denied = records
        .iter()
        .find(|record| text(record, "reason") == Some("not_an_admin"));
    assert_eq!(
        denied.and_then(|record| text(record, "actor_id")),
        Some(id.as_str())
    );
}

#[tokio::test]
async fn a_token_that_a_rotation_has_outdated_is_recorded_when_it_is_shown() {
    // AU-02
    let app = TestApp::start().await;
    let ada = app.logged_in(EMAIL).await;
    ada.delete("/api/v1/auth/sessions/all").await.assert(200);
    let before = app.db_scan("audit").await;
    let refused = stranger(&app).bearer(ada.access.as_deref().unwrap_or_default());
    refused
        .me()
        .await
        .assert_problem(401, "token_version_too_old");
    assert_eq!(
        recorded(&app, &before).await,
        ["auth.me refused token_rejected_due_to_rotation"]
    );
}

#[tokio::test]
async fn a_request_that_cannot_be_read_leaves_no_record_that_anybody_could_fill_the_trail_with() {
    // AU-02: tries to pass validation by are counted by code and stand in the log, with the client's address.
    let app = TestApp::start().await;
    let before = app.db_scan("audit").await;
    let smuggled = json!({ "email": EMAIL, "password": WRONG, "name": "A", "role": "admin" });
    stranger(&app)
        .post("/api/v1/auth/register", &smuggled)
        .await
        .assert(422);
    stranger(&app).bearer("ey.made.up").me().await.assert(401);
    assert_eq!(recorded(&app, &before).await, Vec::<String>::new());
}
