//! `ops doctor`: every fault is made real, and named with what to do about it.

use std::net::Ipv4Addr;
use std::path::PathBuf;

use serde_json::Value;
use shared::clock::{Clock as _, SystemClock};
use shared::config::Settings;

use self::proxy::proxy;
use crate::local::{Local, REASON, Ran, run};

mod proxy;
mod tables;

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
