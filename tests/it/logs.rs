//! What is logged is one clean record a line, names its request, and repeats nothing that a client sent.

use bundle_tests::{Actor, Fault, Log, PASSWORD, TestApp};
use http::Method;
use local_aws::ses;
use serde_json::{Value, json};
use shared::telemetry::LogFormat;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// What breaks out of badly written lines: line ends, ANSI, quotes, separators and direction marks.
const EVIL: &str = "m4rk3d\r\n{\"level\":\"ERROR\"}\n\u{1b}[31mred\u{1b}[0m\u{2028}x\u{2029}y\"'\\\u{202e}z\u{85}\u{0}";
/// The same as far as a header takes it.
const EVIL_HEADER: &str = "m4rk3d \"quoted\" \\ \u{2028}x\u{2029}y\u{202e}z\u{85}";
/// The same as far as a path or a query takes it.
const EVIL_PATH: &str = "m4rk3d%0D%0A%1B%5B31m%E2%80%A8%22%E2%80%AE";

async fn attack(app: &TestApp, client: &Actor<'_>) {
    let post = async |path: &str, body: Value| client.post(path, &body).await;
    for name in [
        "register",
        "login",
        "refresh",
        "verify-email",
        "reset-password",
        "request-password-reset",
        "logout",
    ] {
        let body = json!({ "email": EVIL, "password": EVIL, "name": EVIL, "token": EVIL, "refresh_token": EVIL, EVIL: EVIL });
        assert!(
            post(&format!("/api/v1/auth/{name}"), body)
                .await
                .status
                .is_client_error()
        );
    }
    let named = json!({ "email": "b@example.com", "password": PASSWORD, "name": "m4rk3d \"'\\" });
    assert_eq!(post("/api/v1/auth/register", named).await.status, 201);
    for path in [
        "/api/v1/auth/me",
        "/verify-email",
        "/nowhere",
        "/api/v1/auth/sessions",
    ] {
        client.get(&format!("{path}?q={EVIL_PATH}")).await;
        client.delete(&format!("{path}/{EVIL_PATH}")).await;
    }
    for kind in [Some("application/json"), Some(EVIL_HEADER)] {
        let raw = client
            .raw(Method::POST, "/api/v1/auth/login", kind, EVIL.into())
            .await;
        assert!(raw.status.is_client_error());
    }
    // And with everything failing that can.
    app.proxy.plan("", Fault::InternalError, 1_000);
    client.try_log_in("a@example.com", PASSWORD).await;
    client.clone().bearer("m4rk3d").me().await;
    app.proxy.heal();
    app.aws.ses.faults().fail_next(3, ses::Fault::InternalError);
    app.drain().await;
}

async fn attacked(log: &Log) {
    let app = TestApp::start().await;
    log.clear();
    let headers = [
        "user-agent",
        "x-request-id",
        "x-forwarded-for",
        "origin",
        "tracestate",
        "accept-language",
    ];
    let client = headers.iter().fold(app.anonymous(), |client, name| {
        client.header(name, EVIL_HEADER)
    });
    attack(&app, &client).await;
}

fn assert_clean(text: &str) {
    assert!(text.lines().count() >= 20, "{text}");
    for line in text.lines() {
        assert!(
            line.chars().all(|c| c == ' ' || c.is_ascii_graphic()),
            "{line:?}"
        );
        assert!(!line.contains("m4rk3d"), "{line}");
    }
}

#[test]
fn nothing_that_a_client_sends_breaks_a_json_record_or_stands_in_it() {
    let log = Log::default();
    log.capture_as(LogFormat::Json, attacked(&log));
    assert_clean(&log.text());
    let records = log.objects();
    assert!(
        records
            .iter()
            .any(|record| record["message"] == "request failed"),
        "nothing failed"
    );
    for record in &records {
        // The one line of the local queue, which is no work.
        let of_queue = record["message"] == "a message was not handled";
        for id in ["request_id", "trace_id"] {
            assert!(
                of_queue || record[id].as_str().is_some_and(|id| id.len() >= 32),
                "no {id}: {record}"
            );
        }
    }
}

#[test]
fn nothing_that_a_client_sends_breaks_a_line_of_text_or_stands_in_it() {
    let log = Log::default();
    log.capture_as(LogFormat::Text, attacked(&log));
    assert_clean(&log.text());
}

#[test]
fn every_line_of_a_request_names_it_and_its_trace() {
    let log = Log::default();
    let id = log.capture_as(LogFormat::Json, async {
        let app = TestApp::start().await;
        let ada = app
            .logged_in("a@example.com")
            .await
            .header("traceparent", PARENT);
        log.clear();
        app.proxy.plan("UpdateItem", Fault::InternalError, 1_000);
        let answer = ada.get("/api/v1/auth/sessions").await;
        answer.assert(200);
        answer.header("x-request-id").expect("an id").to_owned()
    });
    let lines = log.objects();
    let messages: Vec<_> = lines
        .iter()
        .map(|line| line["message"].as_str().unwrap_or_default())
        .collect();
    assert_eq!(messages, ["a limit was skipped", "request"]);
    assert!(
        lines
            .iter()
            .all(|line| line["request_id"] == *id && line["trace_id"] == TRACE),
        "{lines:?}"
    );
}

#[test]
fn a_geoip_file_of_more_than_a_year_is_warned_about_at_start() {
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../shared/tests/data/documentation-ranges.mmdb"
    );
    let log = Log::default();
    log.capture_as(LogFormat::Json, async {
        let app = TestApp::start().await;
        log.clear();
        let start = || {
            app.environment_with(&[("DASHTAM_GEOIP_FILE", file)])
                .locator()
                .map(|_| ())
        };
        start().expect("a database");
        assert!(log.objects().is_empty(), "{:?}", log.objects());
        app.advance(400 * 86_400);
        start().expect("a database");
    });
    let lines = log.objects();
    assert_eq!(
        (lines.len(), &lines[0]["level"]),
        (1, &json!("WARN")),
        "{lines:?}"
    );
    assert_eq!(
        lines[0]["message"],
        "DASHTAM_GEOIP_FILE is more than a year old (452 days): replace it with a newer one"
    );
}

#[test]
fn the_mailer_s_lines_name_the_trace_of_the_request_that_asked() {
    let log = Log::default();
    log.capture_as(LogFormat::Json, async {
        let app = TestApp::start().await;
        let applicant = json!({ "email": "a@example.com", "password": PASSWORD, "name": "Ada" });
        app.anonymous()
            .header("traceparent", PARENT)
            .post("/api/v1/auth/register", &applicant)
            .await
            .assert(201);
        log.clear();
        app.aws.ses.faults().fail_next(3, ses::Fault::InternalError);
        assert_eq!(app.drain().await, 1);
    });
    let lines = log.objects();
    let failed = lines
        .iter()
        .find(|line| line["message"] == "a message comes again")
        .expect("a line");
    assert_eq!(failed["trace_id"], TRACE, "{failed}");
}

#[test]
fn a_5xx_answer_tells_nothing_and_its_request_id_finds_the_whole_cause_in_the_log() {
    // AU-08
    let log = Log::default();
    let answer = log.capture_as(LogFormat::Json, async {
        let app = TestApp::start().await;
        let ada = app.logged_in("a@example.com").await;
        app.proxy.plan("BatchGetItem", Fault::InternalError, 1_000);
        ada.me().await
    });
    answer.assert_problem(503, "service_unavailable");
    let document = answer.json();
    let members: Vec<_> = document
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(
        members,
        [
            "code",
            "detail",
            "instance",
            "request_id",
            "status",
            "title",
            "type"
        ]
    );
    for internal in [
        "injected",
        "InternalServerError",
        "dynamodb",
        "authentication",
        "BatchGetItem",
    ] {
        assert!(
            !answer
                .text()
                .to_lowercase()
                .contains(&internal.to_lowercase()),
            "{}",
            answer.text()
        );
    }
    let lines = log.objects();
    let logged: Vec<_> = lines
        .iter()
        .filter(|line| line["request_id"] == document["request_id"])
        .collect();
    let [line] = logged.as_slice() else {
        panic!("{logged:?}")
    };
    assert_eq!(
        (&line["level"], &line["status"], &line["code"]),
        (&"ERROR".into(), &503.into(), &document["code"])
    );
    let chain = line["error"].as_str().expect("a cause");
    assert!(
        chain.contains(": ") && chain.contains("InternalServerError"),
        "{chain}"
    );
}
