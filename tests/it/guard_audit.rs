//! Every change leaves exactly one record in the trail, and no item grows past the size that one unit of the table pays for.
#![expect(clippy::panic, reason = "a test fails by panicking")]

use std::sync::LazyLock;

use aws_sdk_dynamodb::types::AttributeValue;
use bundle_tests::{Actor, Item, PASSWORD, TestApp, text};
use serde_json::{Value, json};
use shared::audit_event::Action;
use shared::domain::EmailAddress;
use shared::ground::digest;
use shared::routes;
use uuid::Uuid;

use crate::guard_project::{files, read};
use crate::guard_requests::{NEW_PASSWORD, granted, unlimited};

/// What one write unit pays for, in bytes.
const UNIT: usize = 1_024;
const AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// The size of an item as `DynamoDB` counts it (Developer Guide, "Item sizes and formats").
fn size(item: &Item) -> usize {
    item.iter()
        .map(|(name, value)| name.len() + value_size(value))
        .sum()
}

fn value_size(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) => text.len(),
        // One byte for two significant digits and one more; never more than 21.
        AttributeValue::N(number) => {
            number
                .trim_start_matches('-')
                .trim_end_matches('0')
                .len()
                .div_ceil(2)
                + 1
                + usize::from(number.starts_with('-'))
        }
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        AttributeValue::M(members) => {
            3 + members
                .iter()
                .map(|(name, value)| 1 + name.len() + value_size(value))
                .sum::<usize>()
        }
        AttributeValue::L(values) => {
            3 + values
                .iter()
                .map(|value| 1 + value_size(value))
                .sum::<usize>()
        }
        AttributeValue::Ss(texts) => texts.iter().map(String::len).sum(),
        AttributeValue::Bool(_) | AttributeValue::Null(_) => 1,
        other => panic!("no item has such a value: {other:?}"),
    }
}

/// The records that were not there before.
async fn new_records(app: &TestApp, before: &[Item]) -> Vec<Item> {
    let mut records = app.db_scan("audit").await;
    records.retain(|record| !before.contains(record));
    records
}

fn assert_uuid(record: &Item, name: &str, what: &str) {
    assert!(
        text(record, name).is_some_and(|id| Uuid::parse_str(id).is_ok()),
        "{what}: {name} in {record:?}"
    );
}

#[tokio::test]
async fn every_granted_change_leaves_exactly_one_record() {
    let app = unlimited().await;
    for route in routes::ALL {
        let mut request = granted(&app, route, "a").await;
        app.drain().await;
        let traceparent = format!("00-{TRACE}-00f067aa0ba902b7-01");
        request.actor = request
            .actor
            .at("203.0.113.7")
            .header("user-agent", AGENT)
            .header("traceparent", &traceparent);
        let before = app.db_scan("audit").await;
        let answer = request.send().await;
        assert!(
            answer.status.is_success(),
            "{}: {}",
            route.function,
            answer.text()
        );
        app.drain().await;
        let records = new_records(&app, &before).await;
        assert_eq!(
            records.len(),
            usize::from(route.recorded),
            "{}: {records:#?}",
            route.function
        );
        let Some(record) = records.first() else {
            continue;
        };
        let what = route.function;
        let fingerprint = digest::fingerprint(format!("203.0.113.7\n{AGENT}").as_bytes());
        for (name, expected) in [
            ("action", route.action.unwrap_or_default()),
            ("outcome", "success"),
            (
                "request_id",
                answer.header("x-request-id").unwrap_or_default(),
            ),
            ("trace_id", TRACE),
            ("method", route.method.as_str()),
            ("endpoint", route.path),
            ("ip_address", "203.0.113.7"),
            ("user_agent", AGENT),
            ("fingerprint", &fingerprint),
        ] {
            assert_eq!(text(record, name), Some(expected), "{what}: {name}");
        }
        assert_uuid(record, "event_id", what);
        // These concern no account, or none yet.
        let concerns_none = [
            "admin-rotate-signing-keys",
            "admin-create-invitation",
            "admin-list-invitations",
            "admin-revoke-invitation",
        ];
        if !concerns_none.contains(&route.function) {
            assert_uuid(record, "user_id", what);
        }
        let now = app.environment.store().now().as_millis().to_string();
        assert_eq!(
            record["occurred_at"].as_n().expect("a number"),
            &now,
            "{what}"
        );
        if route.access != routes::Access::Public {
            assert_uuid(record, "actor_id", what);
            assert_uuid(record, "session_id", what);
            if route.access != routes::Access::Admin {
                assert_eq!(text(record, "actor_id"), text(record, "user_id"), "{what}");
            }
        }
    }
}

#[tokio::test]
async fn a_record_is_kept_as_long_as_the_settings_say() {
    // AU-11
    for (settings, days) in [(&[][..], 400), (&[("AUDIT_RETENTION_DAYS", "7")][..], 7)] {
        let app = TestApp::with(settings).await;
        app.logged_in("ada@example.com").await;
        app.anonymous()
            .try_log_in("ada@example.com", "Wrong-Horse-7-Battery")
            .await
            .assert(401);
        for record in app.db_scan("audit").await {
            let number = |name: &str| {
                record[name]
                    .as_n()
                    .expect("a number")
                    .parse::<i64>()
                    .expect("a number")
            };
            assert_eq!(
                number("ttl") - number("occurred_at") / 1_000,
                days * 86_400,
                "{record:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_refusal_that_matters_leaves_one_record_and_no_change_of_an_earlier_one() {
    let app = unlimited().await;
    let ada = app.logged_in("ada@example.com").await;
    let before = app.db_scan("audit").await;
    app.anonymous()
        .try_log_in("ada@example.com", "Wrong-Horse-7-Battery")
        .await
        .assert(401);
    let change =
        json!({ "current_password": "Wrong-Horse-7-Battery", "new_password": NEW_PASSWORD });
    ada.post("/api/v1/auth/change-password", &change)
        .await
        .assert(401);
    let after = app.db_scan("audit").await;
    assert!(
        before.iter().all(|record| after.contains(record)),
        "an earlier record is gone or was changed"
    );
    let records = new_records(&app, &before).await;
    assert_eq!(records.len(), 2, "{records:#?}");
    assert!(
        records
            .iter()
            .all(|record| text(record, "outcome") == Some("refused")
                && text(record, "reason").is_some()),
        "{records:#?}"
    );
}

#[tokio::test]
async fn a_record_that_stands_is_never_overwritten() {
    // AU-05: whatever is written under the key of a record, the record stays as it was.
    let app = unlimited().await;
    let ada = app.logged_in("ada@example.com").await;
    ada.post("/api/v1/auth/logout", &json!({}))
        .await
        .assert(200);
    ada.me().await.assert(401);
    let before = app.db_scan("audit").await;
    for _ in 0..3 {
        app.advance(1);
        app.anonymous()
            .at("203.0.113.9")
            .bearer(ada.access.as_deref().unwrap_or_default())
            .me()
            .await
            .assert(401);
    }
    assert_eq!(new_records(&app, &before).await, Vec::<Item>::new());
    assert!(
        app.db_scan("audit")
            .await
            .iter()
            .all(|record| before.contains(record))
    );
}

/// A refused access token, and what the trail knows of it.
#[tokio::test]
async fn a_refused_token_of_one_session_is_recorded_once_in_ten_minutes_whatever_the_reason() {
    let app = unlimited().await;
    let reason = json!({ "reason": "Asked for by a guard of the tests" });
    for (name, expected) in [
        ("ended", "session_ended"),
        ("rotated", "token_rejected_due_to_rotation"),
        ("disabled", "token_rejected_due_to_rotation"),
    ] {
        let ada = app.logged_in(&format!("{name}@example.com")).await;
        let id = ada.me().await.json()["id"]
            .as_str()
            .expect("an id")
            .to_owned();
        match name {
            "ended" => ada
                .post("/api/v1/auth/logout", &json!({}))
                .await
                .assert(200),
            "rotated" => ada.delete("/api/v1/auth/sessions/all").await.assert(200),
            _ => app
                .admin("root@example.com")
                .await
                .post(&format!("/api/v1/admin/users/{id}/disable"), &reason)
                .await
                .assert(200),
        }
        let before = app.db_scan("audit").await;
        for path in [
            "/api/v1/auth/me",
            "/api/v1/auth/sessions",
            "/api/v1/auth/me",
            "/api/v1/admin/security-config",
        ] {
            ada.get(path).await.assert(401);
        }
        let records = new_records(&app, &before).await;
        assert_eq!(records.len(), 1, "{name}: {records:#?}");
        assert_eq!(
            (text(&records[0], "reason"), text(&records[0], "user_id")),
            (Some(expected), Some(id.as_str()))
        );
        app.advance(600);
        ada.get("/api/v1/auth/me").await.assert(401);
        assert_eq!(
            new_records(&app, &before).await.len(),
            2,
            "{name}, ten minutes later"
        );
    }
}

/// The actions of the [`shared::request::Task`]s that a source file makes.
fn tasks_of(text: &str) -> Vec<String> {
    let tasks = text.split("Task {").skip(1);
    let action = |task: &str| {
        let quoted = task.trim_start().strip_prefix("action: \"")?;
        quoted.split('"').next().map(str::to_owned)
    };
    tasks.filter_map(action).collect()
}

#[test]
fn every_action_that_is_recorded_can_be_searched_for() {
    let mut found = 0;
    for file in files("shared/src", ".rs")
        .into_iter()
        .chain(files("infra/ops/src", ".rs"))
    {
        for action in tasks_of(&read(&file)) {
            assert!(
                Action::named(&action).is_some(),
                "{file}: `Action::OF_TASKS` does not know {action}"
            );
            found += 1;
        }
    }
    assert!(found > 5, "the guard finds {found} tasks");
    assert!(
        routes::ALL
            .iter()
            .filter_map(|route| route.action)
            .all(|action| Action::named(action).is_some())
    );
    assert!(Action::named("unheard.of").is_none() && Action::named("").is_none());
}

/// The longest address there is, of plain letters.
fn longest_address(first: char) -> String {
    let label = "d".repeat(61);
    let domain = [label.as_str(); 3].join(".");
    let address = format!("{first}{}@{domain}.de", "a".repeat(63));
    let address = format!("{address}{}", "x".repeat(254 - address.len()));
    assert_eq!(
        EmailAddress::parse(&address)
            .expect("an address")
            .address()
            .len(),
        254
    );
    address
}

/// A client with the longest of everything that is kept of a client, and of what an edge adds where one is trusted.
fn longest_client(app: &TestApp) -> Actor<'_> {
    let city = "%F0%9D%90%80".repeat(100);
    let client = app
        .anonymous()
        .at("2001:db8:1111:2222:3333:4444:5555:6666")
        .header("user-agent", &"u".repeat(300))
        .header("x-dashtam-edge-secret", &SECRET);
    let client = client.header(
        "cloudfront-viewer-address",
        "2001:db8:1111:2222:3333:4444:5555:6666:65535",
    );
    client
        .header("cloudfront-viewer-city", &city)
        .header("cloudfront-viewer-country-region-name", &city)
        .header("cloudfront-viewer-country", "GB")
}

/// What the edge sends: a random key by its form.
static SECRET: LazyLock<String> = LazyLock::new(|| digest::fingerprint(b"the edge"));

/// Fails with the sizes of all attributes if an item is too large for one unit.
#[track_caller]
fn assert_small(what: &str, items: &[Item]) {
    assert_below(UNIT, what, items);
}

/// The same for another bound.
#[track_caller]
fn assert_below(limit: usize, what: &str, items: &[Item]) {
    assert!(!items.is_empty(), "there is no {what}");
    for item in items {
        let mut parts: Vec<_> = item
            .iter()
            .map(|(name, value)| (name.len() + value_size(value), name.as_str()))
            .collect();
        parts.sort_unstable();
        assert!(
            size(item) < limit,
            "{what} has {} bytes: {parts:?}",
            size(item)
        );
    }
}

/// A service with one account whose items are as large as clients can make them.
async fn longest_account(settings: &[(&str, &str)]) -> TestApp {
    // The parameters of the deployment make the hash's text longer than those of the tests.
    let all = [
        settings,
        &[("ARGON2_MEMORY_KIB", "19456"), ("ARGON2_ITERATIONS", "2")],
    ]
    .concat();
    let app = TestApp::with(&all).await;
    let email = longest_address('a');
    let name = "\u{1D400}".repeat(100);
    let client = longest_client(&app);
    client
        .post(
            "/api/v1/auth/register",
            &json!({ "email": email, "password": PASSWORD, "name": name }),
        )
        .await
        .assert(201);
    let token = app.mailed(&email, "dvt_").await;
    client
        .post("/api/v1/auth/verify-email", &json!({ "token": token }))
        .await
        .assert(200);
    client
        .post(
            "/api/v1/auth/request-password-reset",
            &json!({ "email": email }),
        )
        .await
        .assert(202);
    app.drain().await;
    let ada = longest_client(&app).log_in(&email, PASSWORD).await;
    let refresh = json!({ "refresh_token": ada.refresh, "retry_key": "k".repeat(128) });
    for seconds in [0, 60] {
        app.advance(seconds);
        ada.post("/api/v1/auth/refresh", &refresh).await.assert(200);
    }
    ada.patch(
        "/api/v1/auth/me",
        &json!({ "name": name, "email": longest_address('b'), "current_password": PASSWORD }),
    )
    .await
    .assert(200);
    ada.delete("/api/v1/auth/sessions/others").await.assert(200);
    // A look into the trail is recorded, too, with whatever can be asked for.
    app.db_grant_admin(&email).await;
    let me = ada.me().await.json();
    let user = me.get("id").and_then(Value::as_str).unwrap_or_default();
    let (session, moment) = (ada.session_id().await, "2027-01-01T00:00:00.123Z");
    let asked = format!(
        "user_id={user}&session_id={session}&request_id={session}&action=admin.rotate_signing_keys"
    );
    ada.get(&format!(
        "/api/v1/admin/audit-events?{asked}&from={moment}&to={moment}&limit=200"
    ))
    .await
    .assert(200);
    ada.get("/api/v1/auth/activity").await.assert(200);
    app.drain().await;
    app
}

static EDGE: LazyLock<[(&str, &str); 2]> = LazyLock::new(|| {
    [
        ("TRUSTED_EDGE", "cloudfront"),
        ("TRUSTED_EDGE_SECRETS", &SECRET),
    ]
});

#[tokio::test]
async fn a_user_with_an_ordinary_name_and_addresses_is_below_one_unit() {
    let app = TestApp::with(&[("ARGON2_MEMORY_KIB", "19456"), ("ARGON2_ITERATIONS", "2")]).await;
    let email = "augusta.ada.king-noel.countess-of-lovelace@analytical-engine.example.com";
    let ada = app.logged_in(email).await;
    let change = json!({ "name": "Augusta Ada King, Countess of Lovelace", "email": email.replace("king", "kin"), "current_password": PASSWORD });
    ada.patch("/api/v1/auth/me", &change).await.assert(200);
    app.anonymous()
        .post(
            "/api/v1/auth/request-password-reset",
            &json!({ "email": email }),
        )
        .await
        .assert(202);
    app.drain().await;
    let users = app.db_items("users", "USER#").await;
    assert!(users[0].contains_key("pending_email") && users[0].contains_key("reset_hash"));
    assert_small("USER", &users);
}

/// Two addresses of 254 bytes and a name of 400 leave no room in one unit, so the longest account costs two.
#[tokio::test]
async fn a_user_with_the_longest_name_and_addresses_is_below_two_units() {
    let app = longest_account(&[]).await;
    let users = app.db_items("users", "USER#").await;
    assert!(
        users[0].contains_key("pending_email")
            && users[0].contains_key("reset_hash")
            && users[0].contains_key("verify_hash")
    );
    assert_below(2 * UNIT, "USER", &users);
}

#[tokio::test]
async fn a_session_of_the_longest_client_is_below_one_unit() {
    let app = longest_account(&[]).await;
    let sessions = app.db_items("tokens", "USER#").await;
    let retired = sessions[0]["retired"].as_m().expect("a map");
    assert!(retired.contains_key("key") && retired.contains_key("recorded"));
    assert_small("SESSION", &sessions);
}

#[tokio::test]
async fn a_session_from_the_longest_place_is_below_one_unit() {
    let app = longest_account(&*EDGE).await;
    let sessions = app.db_items("tokens", "USER#").await;
    assert!(sessions[0].contains_key("place"));
    assert_small("SESSION", &sessions);
}

#[tokio::test]
async fn an_audit_record_of_the_longest_client_is_below_one_unit() {
    let app = longest_account(&*EDGE).await;
    let records = app.db_scan("audit").await;
    assert!(
        records
            .iter()
            .any(|record| text(record, "user_agent").is_some_and(|agent| agent.len() == 256))
    );
    assert_small("AUDIT", &records);
}

#[tokio::test]
async fn an_outbox_row_and_a_bucket_are_below_one_unit() {
    let app = longest_account(&*EDGE).await;
    assert_small("OUTBOX", &app.db_scan("outbox").await);
    assert_small("LIMIT", &app.db_scan("limits").await);
    assert_small("EMAIL", &app.db_items("users", "EMAIL#").await);
}

#[test]
fn sizes_are_counted_as_the_store_counts_them() {
    assert_eq!(value_size(&AttributeValue::S("é".to_owned())), 2);
    assert_eq!(
        value_size(&AttributeValue::N("1800000000000".to_owned())),
        2
    );
    assert_eq!(
        value_size(&AttributeValue::N("1800000060123".to_owned())),
        8
    );
    assert_eq!(value_size(&AttributeValue::Bool(true)), 1);
}
