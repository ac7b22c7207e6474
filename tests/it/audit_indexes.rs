//! Searches that go without an index of their own: by session and by request.

use bundle_tests::{Actor, PASSWORD, TestApp, text};
use serde_json::{Value, json};

const EVENTS: &str = "/api/v1/admin/audit-events";
const DAY: u64 = 86_400;

async fn found(admin: &Actor<'_>, query: &str) -> Vec<Value> {
    let (mut events, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = admin.get(&format!("{EVENTS}?{query}{cursor}")).await;
        page.assert(200);
        let page = page.json();
        let of_page = page.get("events").and_then(Value::as_array);
        events.extend(of_page.expect("events").clone());
        match page.get("next_cursor").and_then(Value::as_str) {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return events,
        }
    }
}

fn actions(events: &[Value]) -> Vec<&str> {
    let actions = events
        .iter()
        .filter_map(|event| event.get("action")?.as_str());
    actions.collect()
}

async fn user_id(actor: &Actor<'_>) -> String {
    let me = actor.get("/api/v1/auth/me").await;
    let me = me.json();
    let id = me.get("id").and_then(Value::as_str);
    id.expect("an id").to_owned()
}

#[tokio::test]
async fn an_admins_session_shows_what_it_did_to_others_and_itself() {
    let app = TestApp::with(&[("RATE_LIMIT_SCALE", "1000")]).await;
    let root = app.admin("root@example.com").await;
    let ada = app.logged_in("ada@example.com").await;
    let target = user_id(&ada).await;
    let session = root.session_id().await;
    app.advance(1);
    let reason = json!({ "reason": "A request of the owner by telephone." });
    root.post(&format!("/api/v1/admin/users/{target}/disable"), &reason)
        .await
        .assert(200);
    app.advance(1);
    root.patch("/api/v1/auth/me", &json!({ "name": "Root" }))
        .await
        .assert(200);
    app.advance(1);
    let events = found(&root, &format!("session_id={session}")).await;
    assert_eq!(
        actions(&events),
        ["auth.update_me", "admin.disable_user", "auth.login"]
    );
}

#[tokio::test]
async fn a_session_is_found_without_the_record_that_opened_it() {
    let app = TestApp::with(&[("RATE_LIMIT_SCALE", "1000")]).await;
    let ada = app.logged_in("ada@example.com").await;
    let session = ada.session_id().await;
    app.advance(1);
    ada.patch("/api/v1/auth/me", &json!({ "name": "Ada King" }))
        .await
        .assert(200);
    app.db_remove_where("audit", "USER#", |record| {
        text(record, "action") == Some("auth.login")
            && text(record, "session_id") == Some(session.as_str())
    })
    .await;
    let root = app.admin("root@example.com").await;
    let events = found(&root, &format!("session_id={session}")).await;
    assert_eq!(actions(&events), ["auth.update_me"]);
}

#[tokio::test]
async fn a_request_is_found_among_those_of_its_two_minutes() {
    let app = TestApp::with(&[("RATE_LIMIT_SCALE", "1000")]).await;
    let wrong = app
        .anonymous()
        .try_log_in("ada@example.com", PASSWORD)
        .await;
    let request = wrong.header("x-request-id").expect("an id").to_owned();
    // The next month: whatever is between is not read.
    app.advance(40 * DAY);
    let root = app.admin("root@example.com").await;
    app.proxy.take_calls();
    let events = found(&root, &format!("request_id={request}")).await;
    assert_eq!(actions(&events), ["auth.login"]);
    let queries = |calls: Vec<String>| calls.iter().filter(|call| *call == "Query").count();
    assert!(queries(app.proxy.take_calls()) <= 32);
    let foreign = "7c9e6679-7425-40de-944b-e07fc1f90ae7";
    assert!(
        found(&root, &format!("request_id={foreign}"))
            .await
            .is_empty()
    );
    assert_eq!(queries(app.proxy.take_calls()), 0, "it was not made here");
}
