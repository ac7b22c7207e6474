//! `ops doctor`: every fault is made real, and named with what to do about it.

use std::net::Ipv4Addr;
use std::path::PathBuf;

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
    TimeToLiveSpecification,
};
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::{Json, Router};
use serde_json::{Value, json};
use shared::clock::{Clock as _, SystemClock};
use shared::config::Settings;

use crate::local::{Local, REASON, Ran, run};

/// The state of a check whose name begins so, what was found, and what to do.
fn check(document: &Value, name: &str) -> (String, String, String) {
    let checks = document["checks"].as_array().expect("checks");
    let found = checks.iter().find(|check| {
        check["check"]
            .as_str()
            .is_some_and(|text| text.starts_with(name))
    });
    let found = found.expect(name);
    let text = |member: &str| found[member].as_str().unwrap_or_default().to_owned();
    (text("state"), text("found"), text("fix"))
}

#[track_caller]
fn assert_check(document: &Value, name: &str, state: &str, found: &str, fix: &str) {
    let told = check(document, name);
    assert_eq!(told.0, state, "{name}: {told:?}");
    assert!(
        told.1.contains(found) && told.2.contains(fix),
        "{name}: {told:?}"
    );
}

/// The doctor with some lines of the settings replaced.
async fn with(local: &Local, name: &str, changes: &[(&str, &str)]) -> Ran {
    let path: PathBuf = std::env::temp_dir().join(format!(
        "dashtam-ops-doctor-{name}-{}.env",
        std::process::id()
    ));
    let file = local.file("lambda.env");
    let kept = file.lines().filter(|line| {
        changes
            .iter()
            .all(|(name, _)| !line.starts_with(&format!("{name}=")))
    });
    let added = changes
        .iter()
        .map(|(name, value)| format!("{name}={value}"));
    let text = kept
        .map(str::to_owned)
        .chain(added)
        .collect::<Vec<_>>()
        .join("\n");
    std::fs::write(&path, text).expect("written");
    let name = path.to_string_lossy().into_owned();
    let ran = run(
        &["doctor", "--json", "--env-file", &name, "--as", "olga"],
        &Settings::default(),
    )
    .await;
    drop(std::fs::remove_file(&path));
    ran
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_healthy_service_passes_every_check() {
    let local = Local::start("doctor-healthy").await;
    local
        .ops(&["migrate", "up", "--reason", REASON, "--yes"])
        .await
        .assert(0);
    let ran = local.ops(&["doctor"]).await.assert(0);
    assert!(
        ran.out.contains("0 warnings, 0 failed") && !ran.out.contains("->"),
        "{}",
        ran.out
    );
    let document = local.ops(&["doctor", "--json"]).await.assert(0).document();
    let checks = document["checks"].as_array().expect("checks");
    assert!(document["ok"] == true && checks.len() >= 16, "{document:#}");
    assert!(
        checks
            .iter()
            .all(|check| check["state"] == "ok" && check["fix"].is_null()),
        "{document:#}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_is_not_there_or_has_another_form_is_named_with_its_fix() {
    let local = Local::start("doctor-tables").await;
    let database = local.database();
    database
        .delete_table()
        .table_name("dashtam-local-limits")
        .send()
        .await
        .expect("deleted");
    // Without the key, the stream and the expiry of the template.
    database
        .delete_table()
        .table_name("dashtam-local-outbox")
        .send()
        .await
        .expect("deleted");
    let key = KeySchemaElement::builder()
        .attribute_name("id")
        .key_type(KeyType::Hash)
        .build()
        .expect("a key");
    let attribute = AttributeDefinition::builder()
        .attribute_name("id")
        .attribute_type(ScalarAttributeType::S)
        .build();
    let create = database
        .create_table()
        .table_name("dashtam-local-outbox")
        .billing_mode(BillingMode::PayPerRequest);
    let create = create
        .key_schema(key)
        .attribute_definitions(attribute.expect("an attribute"));
    create.send().await.expect("created");
    let other = |on: bool, attribute: &str| {
        TimeToLiveSpecification::builder()
            .enabled(on)
            .attribute_name(attribute)
            .build()
            .expect("an expiry")
    };
    for expiry in [other(false, "ttl"), other(true, "expires")] {
        let update = database
            .update_time_to_live()
            .table_name("dashtam-local-tokens");
        update
            .time_to_live_specification(expiry)
            .send()
            .await
            .expect("changed");
    }
    let document = local.ops(&["doctor", "--json"]).await.assert(1).document();
    assert_check(
        &document,
        "table dashtam-local-limits",
        "failed",
        "is not there",
        "cargo run",
    );
    for drift in [
        "its key is id HASH and not pk HASH",
        "its stream is none",
        "its expiry is none and not ttl",
    ] {
        assert_check(
            &document,
            "table dashtam-local-outbox",
            "failed",
            drift,
            "cargo run",
        );
    }
    assert_check(
        &document,
        "table dashtam-local-tokens",
        "failed",
        "its expiry is expires and not ttl",
        "by hand",
    );
    assert_check(
        &document,
        "table dashtam-local-users",
        "ok",
        "as the template has it",
        "",
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_security_copy_is_named_and_repaired() {
    const NAME: &str = "copies of the security record";
    let local = Local::start("doctor-copies").await;
    let copy = aws_sdk_dynamodb::types::AttributeValue::S("SECURITY#2".to_owned());
    let delete = local
        .database()
        .delete_item()
        .table_name("dashtam-local-security")
        .key("pk", copy);
    delete.send().await.expect("deleted");
    let document = local.ops(&["doctor", "--json"]).await.assert(1).document();
    assert_check(
        &document,
        NAME,
        "failed",
        "1 are missing and 0 are behind",
        "ops keys repair",
    );
    let repair = ["keys", "repair", "--reason", REASON, "--yes", "--json"];
    assert_eq!(local.ops(&repair).await.assert(0).document()["repaired"], 1);
    assert_eq!(local.ops(&repair).await.assert(0).document()["repaired"], 0);
    let document = local.ops(&["doctor", "--json"]).await.document();
    assert_check(&document, NAME, "ok", "4 equal ones", "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_prefixes_are_told_as_what_they_most_likely_are() {
    let local = Local::start("doctor-prefix").await;
    let changes = [
        ("DASHTAM_TABLE_PREFIX", "elsewhere-"),
        ("DASHTAM_SECRET_PREFIX", "elsewhere/"),
    ];
    let document = with(&local, "prefix", &changes).await.assert(1).document();
    assert_check(
        &document,
        "table elsewhere-users",
        "failed",
        "is not there",
        "DASHTAM_TABLE_PREFIX (elsewhere-)",
    );
    assert_check(
        &document,
        "secret elsewhere/mail-key",
        "failed",
        "is not there",
        "DASHTAM_SECRET_PREFIX (elsewhere/)",
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_or_an_archive_that_is_not_there_is_told_with_its_setting() {
    let local = Local::start("doctor-trail").await;
    let changes = [
        ("DASHTAM_AUDIT_KEY", "alias/elsewhere"),
        ("DASHTAM_AUDIT_BUCKET", "elsewhere"),
    ];
    let document = with(&local, "trail", &changes).await.assert(1).document();
    assert_check(
        &document,
        "audit key alias/elsewhere",
        "failed",
        "is not there",
        "DASHTAM_AUDIT_KEY",
    );
    assert_check(
        &document,
        "audit archive elsewhere",
        "failed",
        "is not there",
        "DASHTAM_AUDIT_BUCKET",
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn missing_unusable_and_foreign_secrets_are_told_apart() {
    let local = Local::start("doctor-secrets").await;
    let secrets = local.stack().aws().secrets.clone();
    let environment =
        shared::runtime::environment::Environment::new(&local.settings()).expect("settings");
    let put = async |name: &str, token: &str, value: &str| {
        let value = value.to_owned().into();
        assert!(
            environment
                .secrets()
                .put_version(name, token, &value, None)
                .await
                .expect("written")
        );
    };
    drop(secrets);
    put("mail-key", &"a".repeat(32), "M4rk3d").await;
    put("cursor-key", &"d".repeat(32), "M4rk3d").await;
    let ring = shared::tokens::SigningRing::generate(SystemClock.now()).expect("a ring");
    put(
        "signing-ring",
        &"b".repeat(32),
        ring.to_secret().expect("a text").as_str(),
    )
    .await;
    put("data-ring", &"c".repeat(32), r#"{"keys":[]}"#).await;
    let ran = local.ops(&["doctor", "--json"]).await.assert(1);
    assert!(
        !ran.out.contains("M4rk3d") && !ran.out.contains("pkcs8"),
        "{}",
        ran.out
    );
    let document = ran.document();
    assert_check(
        &document,
        "secret dashtam-local/mail-key",
        "failed",
        "could not be understood",
        "earlier version",
    );
    assert_check(
        &document,
        "secret dashtam-local/cursor-key",
        "failed",
        "could not be understood",
        "begin their lists",
    );
    assert_check(
        &document,
        "secret dashtam-local/signing-ring",
        "failed",
        "which has to sign",
        "ops keys rotate",
    );
    assert_check(
        &document,
        "secret dashtam-local/data-ring",
        "failed",
        "",
        "earlier version",
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sender_that_ses_does_not_know_a_sandbox_and_a_pause_are_told() {
    let local = Local::start("doctor-mail").await;
    let changes = [("DASHTAM_MAIL_FROM", "Dashtam <hello@unknown.example>")];
    let document = with(&local, "mail", &changes).await.assert(1).document();
    assert_check(
        &document,
        "mail sender hello@unknown.example",
        "failed",
        "is an identity",
        "DASHTAM_MAIL_FROM",
    );
    let account = local.stack().aws().ses.account();
    account.set_sandbox(true);
    let document = local.ops(&["doctor", "--json"]).await.assert(0).document();
    assert_check(
        &document,
        "mail account",
        "warning",
        "sandbox",
        "verified addresses",
    );
    account.set_paused(true);
    let document = local.ops(&["doctor", "--json"]).await.assert(1).document();
    assert_check(
        &document,
        "mail account",
        "failed",
        "paused",
        "put-account-sending-attributes",
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_is_another_one_or_not_there_is_told() {
    let (local, other) = (
        Local::start("doctor-service").await,
        Local::start("doctor-other").await,
    );
    let url = other.url();
    let changes = [("DASHTAM_ISSUER", url.as_str())];
    let document = with(&local, "keys", &changes).await.assert(1).document();
    assert_check(
        &document,
        "published keys",
        "failed",
        "not those of the table",
        "DASHTAM_TABLE_PREFIX",
    );
    let renamed = local.url().replace("127.0.0.1", "localhost");
    let document = with(&local, "issuer", &[("DASHTAM_ISSUER", renamed.as_str())])
        .await
        .assert(1)
        .document();
    assert_check(
        &document,
        "issuer",
        "failed",
        "calls itself http://127.0.0.1",
        "DASHTAM_ISSUER",
    );
    let closed = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .expect("a port");
    let nobody = format!("http://{}", closed.local_addr().expect("an address"));
    drop(closed);
    let changes = [
        ("DASHTAM_ISSUER", nobody.as_str()),
        ("DASHTAM_APP_BASE_URL", nobody.as_str()),
    ];
    let document = with(&local, "nobody", &changes).await.assert(1).document();
    assert_check(
        &document,
        "service",
        "failed",
        &nobody,
        "DASHTAM_APP_BASE_URL",
    );
    assert_check(&document, "issuer", "failed", &nobody, "DASHTAM_ISSUER");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_apart_from_that_of_aws_is_told_by_how_much() {
    let local = Local::start("doctor-clock").await;
    for (ahead, code, state) in [(60, 0, "warning"), (3_600, 1, "failed")] {
        let proxy = proxy(&local, Some(ahead), None).await;
        let changes = [("AWS_ENDPOINT_URL_DYNAMODB", proxy.as_str())];
        let document = with(&local, &format!("clock-{ahead}"), &changes)
            .await
            .assert(code)
            .document();
        assert_check(&document, "clock", state, " s from that of AWS", "NTP");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_lost_its_protection_is_told_with_the_command_that_gives_it_back() {
    let local = Local::start("doctor-protection").await;
    for suffix in ["users", "audit"] {
        let update = local
            .database()
            .update_table()
            .table_name(format!("dashtam-local-{suffix}"));
        update
            .deletion_protection_enabled(true)
            .send()
            .await
            .expect("changed");
    }
    let proxy = proxy(&local, None, Some("dashtam-local-users")).await;
    let prefixes = local
        .settings()
        .with("DASHTAM_TABLE_PREFIX", "dashtam-local-")
        .with("DASHTAM_SECRET_PREFIX", "dashtam-local/");
    let process = prefixes.with("AWS_ENDPOINT_URL_DYNAMODB", &proxy);
    let document = run(&["doctor", "--json", "--aws", "--as", "olga"], &process)
        .await
        .assert(1)
        .document();
    assert_check(
        &document,
        "deletion protection dashtam-local-users",
        "ok",
        "on",
        "",
    );
    let fix = "update-table --table-name dashtam-local-tokens --deletion-protection-enabled";
    assert_check(
        &document,
        "deletion protection dashtam-local-tokens",
        "failed",
        "off",
        fix,
    );
    assert_check(
        &document,
        "point-in-time recovery dashtam-local-users",
        "ok",
        "on",
        "",
    );
    let fix = "update-continuous-backups --table-name dashtam-local-audit ";
    assert_check(
        &document,
        "point-in-time recovery dashtam-local-audit",
        "failed",
        "off",
        fix,
    );
    let documents = document["checks"].as_array().expect("checks");
    let asked = documents.iter().filter_map(|check| check["check"].as_str());
    assert_eq!(
        asked
            .filter(|name| name.contains("protection ") && name.ends_with("limits"))
            .count(),
        0
    );
}

/// What stands before the database.
#[derive(Clone)]
struct Before {
    target: String,
    /// The seconds that answers are ahead.
    ahead: Option<u64>,
    /// The table that can be restored; the local database knows nothing of that.
    recoverable: Option<&'static str>,
}

/// A database whose answers bear a date so many seconds ahead, or that says of a table that it can be restored; where it
/// listens.
async fn proxy(local: &Local, ahead: Option<u64>, recoverable: Option<&'static str>) -> String {
    let target = local
        .settings()
        .get("AWS_ENDPOINT_URL_DYNAMODB")
        .expect("an endpoint")
        .to_owned();
    let router = Router::new().fallback(pass).with_state(Before {
        target,
        ahead,
        recoverable,
    });
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

async fn pass(State(before): State<Before>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.expect("a body");
    let mut headers = parts.headers;
    headers.remove("host");
    let operation = headers
        .get("x-amz-target")
        .and_then(|target| target.to_str().ok())
        .unwrap_or_default();
    if let Some(table) = before
        .recoverable
        .filter(|_| operation.ends_with(".DescribeContinuousBackups"))
    {
        return recovery(&body, table);
    }
    let sent = reqwest::Client::new()
        .post(before.target)
        .headers(headers)
        .body(body)
        .send()
        .await
        .expect("an answer");
    let mut answer = Response::builder().status(sent.status());
    for name in ["content-type", "x-amz-crc32"] {
        answer = sent
            .headers()
            .get(name)
            .into_iter()
            .fold(answer, |answer, value| answer.header(name, value));
    }
    let ahead = i64::try_from(before.ahead.unwrap_or_default()).expect("small");
    let date =
        aws_sdk_dynamodb::primitives::DateTime::from_secs(SystemClock.now().as_secs() + ahead);
    let date = date
        .fmt(aws_sdk_dynamodb::primitives::DateTimeFormat::HttpDate)
        .expect("a date");
    answer
        .header("date", date)
        .body(Body::from(sent.bytes().await.expect("a body")))
        .expect("an answer")
}

/// What AWS says of a table's backups.
fn recovery(body: &[u8], recoverable: &str) -> Response {
    let asked: Value = serde_json::from_slice(body).expect("JSON");
    let status = if asked
        .get("TableName")
        .is_some_and(|name| name == recoverable)
    {
        "ENABLED"
    } else {
        "DISABLED"
    };
    let recovery = json!({ "PointInTimeRecoveryStatus": status });
    let backups =
        json!({ "ContinuousBackupsStatus": "ENABLED", "PointInTimeRecoveryDescription": recovery });
    Json(json!({ "ContinuousBackupsDescription": backups })).into_response()
}
