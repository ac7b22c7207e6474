//! The session endpoints.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use bundle_tests::{Fault, PASSWORD, TestApp, text};
use serde_json::{Value, json};

const PATH: &str = "/api/v1/auth/sessions";
const FIREFOX: &str =
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0";

#[tokio::test]
async fn live_sessions_are_listed_newest_activity_first_with_their_device() {
    // RT-15
    let app = TestApp::start().await;
    app.verified("a@example.com").await;
    let mut old = app
        .anonymous()
        .header("user-agent", FIREFOX)
        .at("192.0.2.7")
        .log_in("a@example.com", PASSWORD)
        .await;
    app.advance(10);
    let new = app.anonymous().log_in("a@example.com", PASSWORD).await;
    app.advance(10);
    old.refresh().await;
    let answer = new.get(PATH).await.json();
    assert_eq!(answer["total_count"], 2);
    let first = &answer["sessions"][0];
    assert_eq!(first["device"]["name"], "Firefox on Windows");
    assert_eq!(first["device"]["type"], "desktop");
    assert_eq!(first["ip_address"], "192.0.2.7");
    assert_eq!(
        (first["is_current"].as_bool(), first["is_trusted"].as_bool()),
        (Some(false), Some(false))
    );
    assert_eq!(first["location"], Value::Null);
    assert_eq!(first["last_activity_at"], "2027-01-15T08:00:20.000Z");
    assert_eq!(answer["sessions"][1]["is_current"], true);
    let mut members: Vec<_> = first
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect();
    members.sort_unstable();
    assert_eq!(
        members,
        [
            "created_at",
            "device",
            "expires_at",
            "id",
            "ip_address",
            "is_current",
            "is_trusted",
            "last_activity_at",
            "location"
        ]
    );
}

#[tokio::test]
async fn one_session_is_ended_the_current_one_included() {
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    let phone = app.anonymous().log_in("a@example.com", PASSWORD).await;
    let id = phone.session_id().await;
    let answer = ada.delete(&format!("{PATH}/{id}")).await;
    answer.assert(200);
    assert_eq!(answer.json()["revoked_count"], 1);
    phone.me().await.assert_problem(401, "session_revoked");
    phone
        .try_refresh(phone.refresh.as_deref().unwrap_or_default())
        .await
        .assert(401);
    let own = ada.session_id().await;
    ada.delete(&format!("{PATH}/{own}")).await.assert(200);
    ada.me().await.assert(401);
}

#[tokio::test]
async fn unknown_foreign_ended_and_malformed_are_one_404() {
    // EN-09, RT-14
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    let eve = app.logged_in("e@example.com").await;
    let foreign = ada.session_id().await;
    let ended = app.anonymous().log_in("e@example.com", PASSWORD).await;
    let ended_id = ended.session_id().await;
    ended
        .post("/api/v1/auth/logout", &json!({}))
        .await
        .assert(200);
    let mut answers = Vec::new();
    for id in [
        foreign.as_str(),
        &ended_id,
        "00000000-0000-4000-8000-000000000000",
        "not-an-id",
        "%00",
        "..%2f",
    ] {
        let answer = eve.delete(&format!("{PATH}/{id}")).await;
        answer.assert_problem(404, "not_found");
        answers.push(answer.json()["detail"].clone());
    }
    answers.dedup();
    assert_eq!(answers.len(), 1);
    ada.me().await.assert(200);
}

#[tokio::test]
async fn an_expired_session_is_neither_listed_nor_ended_again() {
    let app = TestApp::with(&[("SESSION_TTL_SECONDS", "100")]).await;
    let old = app.logged_in("a@example.com").await;
    let old_id = old.session_id().await;
    app.advance(60);
    let ada = app.anonymous().log_in("a@example.com", PASSWORD).await;
    app.advance(60);
    assert_eq!(
        app.db_items("tokens", "USER#").await.len(),
        2,
        "the item is still there"
    );
    assert_eq!(ada.sessions().await.len(), 1);
    ada.delete(&format!("{PATH}/{old_id}")).await.assert(404);
}

#[tokio::test]
async fn all_others_are_ended() {
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    let mut others = Vec::new();
    for _ in 0..3 {
        others.push(app.anonymous().log_in("a@example.com", PASSWORD).await);
    }
    let answer = ada.delete(&format!("{PATH}/others")).await;
    answer.assert(200);
    assert_eq!(answer.json()["revoked_count"], 3);
    for other in others {
        other.me().await.assert(401);
    }
    ada.me().await.assert(200);
    assert_eq!(
        ada.delete(&format!("{PATH}/others")).await.json()["revoked_count"],
        0
    );
}

#[tokio::test]
async fn all_are_ended_however_many_pages_there_are() {
    // FT-07, RV-15: 300 sessions of one user are more than a transaction holds.
    let app = TestApp::with(&[("SESSION_CAP", "1000")]).await;
    let ada = app.logged_in("a@example.com").await;
    let model = app.db_items("tokens", "USER#").await.remove(0);
    for n in 0..300_u128 {
        let id = uuid::Uuid::from_u128(n + 1).to_string();
        let mut copy = model.clone();
        copy.insert("sk".to_owned(), AttributeValue::S(format!("SESSION#{id}")));
        copy.insert("id".to_owned(), AttributeValue::S(id));
        copy.insert("padding".to_owned(), AttributeValue::S("x".repeat(4_000)));
        app.db_put("tokens", copy).await;
    }
    assert_eq!(ada.sessions().await.len(), 301);
    let others = ada.delete(&format!("{PATH}/others")).await;
    assert_eq!(others.json()["revoked_count"], 300);
    assert_eq!(ada.sessions().await.len(), 1);
    let all = ada.delete(&format!("{PATH}/all")).await;
    assert_eq!(all.json()["revoked_count"], 1);
    ada.me().await.assert_problem(401, "token_version_too_old");
    app.drain().await;
    assert!(app.db_items("tokens", "USER#").await.is_empty());
}

#[tokio::test]
async fn ending_one_users_sessions_disturbs_nobody_else() {
    // RV-20
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    let eve = app.logged_in("e@example.com").await;
    ada.delete(&format!("{PATH}/all")).await.assert(200);
    eve.me().await.assert(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_calls_count_each_ended_session_once() {
    let app = TestApp::start().await;
    for (path, count) in [("others", 5), ("all", 6)] {
        let email = format!("{path}@example.com");
        let (ada, path) = (app.logged_in(&email).await, format!("{PATH}/{path}"));
        for _ in 0..5 {
            let _ = app.anonymous().log_in(&email, PASSWORD).await;
        }
        // The first call has read the sessions when the second one ends them.
        app.proxy.plan("TransactWriteItems", Fault::Held, 1);
        let overtaking = async {
            app.proxy.until_held().await;
            let answer = ada.delete(&path).await;
            app.proxy.release();
            answer
        };
        let (first, second) = tokio::join!(ada.delete(&path), overtaking);
        let ended = [first, second].map(|answer| answer.json()["revoked_count"].as_u64());
        assert_eq!(ended, [Some(0), Some(count)], "{path}");
    }
}

#[tokio::test]
async fn ended_sessions_are_recorded_with_their_number() {
    let app = TestApp::with(&[("SESSION_CAP", "1000")]).await;
    let ada = app.logged_in("a@example.com").await;
    let model = app.db_items("tokens", "USER#").await.remove(0);
    for n in 0..100_u128 {
        let id = uuid::Uuid::from_u128(n + 1).to_string();
        let mut copy = model.clone();
        copy.insert("sk".to_owned(), AttributeValue::S(format!("SESSION#{id}")));
        copy.insert("id".to_owned(), AttributeValue::S(id));
        app.db_put("tokens", copy).await;
    }
    let others = ada.delete(&format!("{PATH}/others")).await;
    assert_eq!(others.json()["revoked_count"], 100);
    let mut records = app.db_scan("audit").await;
    records.retain(|record| text(record, "action") == Some("sessions.revoke_others"));
    let ended = |record: &HashMap<String, AttributeValue>| {
        let details = record.get("details")?.as_m().ok()?;
        text(details, "ended")?.parse::<u64>().ok()
    };
    assert_eq!(records.iter().filter_map(ended).sum::<u64>(), 100);
    // What is written in two transactions has a record in each.
    assert_eq!(records.len(), 2);
}
