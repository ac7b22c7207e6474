//! Each piece of work leaves one line of metrics, in `CloudWatch`'s embedded metric format.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use bundle_tests::{Actor, Fault, PASSWORD, TestApp};
use local_aws::ses;
use serde_json::{Map, Value, json};
use shared::runtime::lambda;
use shared::telemetry::Metric;

const EMAIL: &str = "a@example.com";

/// The lines since the last time, each checked against the format and without what differs from run to run.
fn lines(app: &TestApp) -> Vec<Value> {
    let lines = app.metrics.objects();
    app.metrics.clear();
    lines.into_iter().map(checked).collect()
}

/// The line's metrics and dimensions, if it is a line of the format: each metric that a directive names stands in it as a
/// number or a list of numbers, each dimension as a text.
fn checked(mut line: Value) -> Value {
    let mut told = Map::new();
    assert!(
        line["_aws"]["Timestamp"]
            .as_i64()
            .is_some_and(|millis| millis >= 1_800_000_000_000),
        "{line}"
    );
    for id in ["request_id", "trace_id"] {
        assert!(
            line.as_object_mut()
                .expect("an object")
                .remove(id)
                .is_some_and(|id| id.is_string()),
            "no {id}"
        );
    }
    for directive in line["_aws"]["CloudWatchMetrics"]
        .as_array()
        .expect("directives")
    {
        assert_eq!(directive["Namespace"], "Dashtam");
        let [dimensions] = directive["Dimensions"].as_array().expect("sets").as_slice() else {
            panic!("{line}")
        };
        for dimension in dimensions.as_array().expect("a set") {
            let name = dimension.as_str().expect("a name");
            assert!(line[name].is_string(), "{line}");
            told.insert(name.to_owned(), line[name].clone());
        }
        for metric in directive["Metrics"].as_array().expect("metrics") {
            let (name, unit) = (
                metric["Name"].as_str().expect("a name"),
                metric["Unit"].as_str().expect("a unit"),
            );
            let known = Metric::ALL
                .into_iter()
                .map(Metric::facts)
                .find(|(known, ..)| *known == name);
            let (_, known_unit, dimension) = known.expect("a known metric");
            assert_eq!(
                (unit, json!(dimension.map_or(vec![], |name| vec![name]))),
                (known_unit, dimensions.clone())
            );
            let value = &line[name];
            let numbers = value
                .as_array()
                .cloned()
                .unwrap_or_else(|| vec![value.clone()]);
            assert!(
                !numbers.is_empty() && numbers.iter().all(|n| n.as_f64().is_some_and(|n| n >= 0.0)),
                "{line}"
            );
            let lasts = unit == "Milliseconds";
            told.insert(
                name.to_owned(),
                if lasts {
                    numbers.len().into()
                } else {
                    value.clone()
                },
            );
        }
    }
    let members = line
        .as_object()
        .expect("an object")
        .keys()
        .filter(|name| *name != "_aws");
    assert!(
        members.clone().all(|name| told.contains_key(name)),
        "a member that nothing names: {line}"
    );
    Value::Object(told)
}

async fn measured() -> TestApp {
    let app = TestApp::with(&[
        ("METRICS", "emf"),
        ("LOCKOUT_THRESHOLD", "2"),
        ("RATE_LIMIT_SCALE", "100"),
    ])
    .await;
    app.verified(EMAIL).await;
    app.drain().await;
    app.metrics.clear();
    app
}

async fn register(client: &Actor<'_>, email: &str) {
    let body = json!({ "email": email, "password": PASSWORD, "name": "Ada" });
    client
        .post("/api/v1/auth/register", &body)
        .await
        .assert(201);
}

#[tokio::test]
async fn a_line_is_written_as_the_format_wants_it() {
    let app = measured().await;
    app.anonymous()
        .try_log_in(EMAIL, "Wrong-Horse-7-Battery")
        .await
        .assert(401);
    let [mut line] = app.metrics.objects().try_into().expect("one line");
    for varying in ["HashTime", "Latency", "request_id", "trace_id"] {
        line[varying] = json!("varies");
    }
    let directive = |dimensions: Value, name: &str, unit: &str| json!({ "Namespace": "Dashtam", "Dimensions": [dimensions], "Metrics": [{ "Name": name, "Unit": unit }] });
    let expected = json!({
        "_aws": {
            "Timestamp": 1_800_000_000_000_i64,
            "CloudWatchMetrics": [
                directive(json!([]), "HashTime", "Milliseconds"),
                directive(json!(["Function"]), "Latency", "Milliseconds"),
                directive(json!(["Code"]), "Refusals", "Count"),
            ],
        },
        "Function": "auth-login", "Code": "invalid_credentials", "Refusals": 1,
        "HashTime": "varies", "Latency": "varies", "request_id": "varies", "trace_id": "varies",
    });
    assert_eq!(line, expected);
    assert_eq!(app.metrics.text().lines().count(), 1);
}

#[tokio::test]
async fn a_login_counts_its_time_and_its_hash() {
    let app = measured().await;
    app.anonymous()
        .try_log_in(EMAIL, PASSWORD)
        .await
        .assert(200);
    assert_eq!(
        lines(&app),
        [json!({ "Function": "auth-login", "Latency": 1, "HashTime": 1 })]
    );
}

#[tokio::test]
async fn the_wrong_password_that_fills_a_lock_counts_as_a_lockout_and_what_follows_as_refused() {
    let app = measured().await;
    for _ in 0..2 {
        app.anonymous()
            .try_log_in(EMAIL, "Wrong-Horse-7-Battery")
            .await
            .assert(401);
    }
    app.advance(10);
    app.anonymous()
        .try_log_in(EMAIL, PASSWORD)
        .await
        .assert(423);
    let refused =
        |code| json!({ "Function": "auth-login", "Latency": 1, "Code": code, "Refusals": 1 });
    let mut wrong = refused("invalid_credentials");
    wrong["HashTime"] = json!(1);
    let mut locks = wrong.clone();
    locks["Lockouts"] = json!(1);
    assert_eq!(lines(&app), [wrong, locks, refused("account_locked")]);
}

#[tokio::test]
async fn a_spent_refresh_token_that_comes_again_counts_as_theft_once() {
    let app = measured().await;
    let mut ada = app.anonymous().log_in(EMAIL, PASSWORD).await;
    let stolen = ada.refresh.clone().expect("a token");
    ada.refresh().await;
    app.advance(60);
    app.metrics.clear();
    for _ in 0..2 {
        app.anonymous().try_refresh(&stolen).await.assert(401);
    }
    let refused = json!({ "Function": "auth-refresh", "Latency": 1, "Code": "invalid_refresh_token", "Refusals": 1 });
    let mut theft = refused.clone();
    theft["Theft"] = json!(1);
    assert_eq!(lines(&app), [theft, refused]);
}

#[tokio::test]
async fn each_conflict_that_a_write_meets_is_counted() {
    let app = measured().await;
    app.proxy.plan("TransactWriteItems", Fault::Conflict, 2);
    app.anonymous()
        .try_log_in(EMAIL, PASSWORD)
        .await
        .assert(200);
    assert_eq!(
        lines(&app),
        [json!({ "Function": "auth-login", "Latency": 1, "HashTime": 1, "Conflicts": 2 })]
    );
}

#[tokio::test]
async fn a_store_that_fails_counts_as_a_server_error_and_a_skipped_limit_as_such() {
    let app = measured().await;
    let ada = app.anonymous().log_in(EMAIL, PASSWORD).await;
    app.metrics.clear();
    app.proxy.plan("UpdateItem", Fault::InternalError, 1_000);
    ada.get("/api/v1/auth/sessions").await.assert(200);
    app.proxy.plan("BatchGetItem", Fault::InternalError, 1_000);
    ada.me().await.assert(503);
    let failed = json!({ "Function": "auth-me", "Latency": 1, "Code": "service_unavailable", "Refusals": 1, "ServerErrors": 1 });
    let skipped = json!({ "Function": "sessions-list", "Latency": 1, "LimitSkipped": 1 });
    assert_eq!(lines(&app), [skipped, failed]);
}

#[tokio::test]
async fn a_mail_counts_with_the_time_that_its_row_has_waited() {
    let app = measured().await;
    register(&app.anonymous(), "b@example.com").await;
    app.metrics.clear();
    app.advance(7);
    app.drain().await;
    let sent =
        json!({ "Function": "outbox-mailer", "Latency": 1, "OutboxAge": 7.0, "MailsSent": 1 });
    assert_eq!(lines(&app), [sent]);
    register(&app.anonymous(), "c@example.com").await;
    app.metrics.clear();
    app.aws.ses.faults().fail_next(3, ses::Fault::InternalError);
    assert_eq!(app.drain().await, 1);
    let failed =
        json!({ "Function": "outbox-mailer", "Latency": 1, "OutboxAge": 0.0, "MailsFailed": 1 });
    assert_eq!(lines(&app), [failed]);
}

#[tokio::test]
async fn rotations_count_by_what_they_reach_and_a_dry_run_does_not() {
    let app = measured().await;
    let admin = app.admin("root@example.com").await;
    app.metrics.clear();
    let reason = "a laptop with the tables was stolen";
    let user = app.db_items("users", "USER#").await;
    let user = bundle_tests::text(&user[0], "id")
        .expect("an id")
        .to_owned();
    let mut counted = Vec::new();
    for body in [
        json!({ "scope": "global", "reason": reason, "dry_run": true }),
        json!({ "scope": "user", "user_id": user, "reason": reason, "grace_period_seconds": 600 }),
        json!({ "scope": "global", "reason": reason, "grace_period_seconds": 600 }),
    ] {
        admin
            .post("/api/v1/admin/token-rotations", &body)
            .await
            .assert(200);
        counted.extend(lines(&app));
    }
    let line = |metric: &str| json!({ "Function": "admin-rotate-tokens", "Latency": 1, metric: 1 });
    let dry = json!({ "Function": "admin-rotate-tokens", "Latency": 1 });
    assert_eq!(
        counted,
        [dry, line("UserRotations"), line("GlobalRotations")]
    );
    let body = json!({ "mode": "compromised", "reason": reason });
    admin
        .post("/api/v1/admin/signing-keys/rotations", &body)
        .await
        .assert(202);
    let dropped =
        json!({ "Function": "admin-rotate-signing-keys", "Latency": 1, "KeysDropped": 1 });
    assert_eq!(lines(&app), [dropped]);
}

#[tokio::test]
async fn paths_that_nobody_serves_share_one_name() {
    let app = measured().await;
    for path in ["/a", "/b/c", "/api/v1/auth/login"] {
        app.anonymous().get(path).await;
    }
    let functions: Vec<_> = lines(&app)
        .into_iter()
        .map(|line| line["Function"].clone())
        .collect();
    assert_eq!(functions, ["service-fallback"; 3]);
}

#[tokio::test]
async fn without_the_setting_nothing_is_written() {
    let app = TestApp::start().await;
    app.logged_in(EMAIL).await.me().await.assert(200);
    assert_eq!(app.metrics.text(), "");
}

#[tokio::test]
async fn a_queue_s_batch_leaves_a_line_for_each_message() {
    let app = measured().await;
    for email in ["b@example.com", "c@example.com"] {
        register(&app.anonymous(), email).await;
    }
    app.metrics.clear();
    let mailer = outbox_mailer::consumer(&app.function("outbox-mailer"))
        .await
        .expect("a mailer");
    let rows = app.db_items("outbox", "OUTBOX#").await;
    let records: Vec<_> = rows
        .iter()
        .filter(|row| !row.contains_key("settled_at"))
        .map(|row| json!({ "messageId": "m", "body": json!({ "row": bundle_tests::text(row, "pk") }).to_string() }))
        .collect();
    let event = serde_json::from_value(json!({ "Records": records })).expect("an event");
    assert!(
        lambda::consume(&mailer, event)
            .await
            .batch_item_failures
            .is_empty()
    );
    let sent =
        json!({ "Function": "outbox-mailer", "Latency": 1, "OutboxAge": 0.0, "MailsSent": 1 });
    assert_eq!(lines(&app), [sent.clone(), sent]);
}
