//! An incident can be told from `ops audit timeline` alone.
#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use bundle_tests::{PASSWORD, TestApp};
use serde_json::{Value, json};

const EMAIL: &str = "ada@example.com";
const WRONG: &str = "Wrong-Horse-7-Battery";
const NEW_PASSWORD: &str = "Brave-Otter-9-Lantern";
const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
const PHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1";
/// The tests' clock is in this span, whatever the command's own says.
pub(crate) const SPAN: [&str; 4] = ["--from", "2027-01-15", "--to", "2027-01-18"];

/// What the operator's command prints.
pub(crate) async fn ops(app: &TestApp, arguments: &[&str]) -> String {
    let settings = app
        .settings()
        .clone()
        .with_default("AWS_REGION", "us-east-1")
        .with_default("AWS_ACCESS_KEY_ID", "test")
        .with_default("AWS_SECRET_ACCESS_KEY", "test")
        .with_default("DASHTAM_TABLE_PREFIX", "dashtam-local-")
        .with_default("DASHTAM_SECRET_PREFIX", "dashtam-local/")
        .with_default("DASHTAM_ISSUER", "http://127.0.0.1:9000");
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let words = ["ops", "--aws", "--as", "olga"]
        .iter()
        .chain(arguments)
        .map(std::ffi::OsString::from);
    let code = Box::pin(ops::run(
        words,
        &settings,
        migrations::steps::ALL,
        &mut out,
        &mut err,
    ))
    .await;
    assert_eq!(code, 0, "{}", String::from_utf8_lossy(&err));
    String::from_utf8(out).expect("UTF-8")
}

/// Fails unless each step stands in the text behind the one before: a line that has all its words.
#[track_caller]
pub(crate) fn assert_told(text: &str, steps: &[&[&str]]) {
    let mut lines = text.lines();
    for (number, words) in steps.iter().enumerate() {
        let found = lines.any(|line| words.iter().all(|word| line.contains(word)));
        assert!(
            found,
            "step {}, {words:?}, is not told, or not in its place:\n{text}",
            number + 1
        );
    }
}

/// Twelve steps, each some time after the one before; the user's id and the stolen session's.
async fn incident(app: &TestApp) -> (String, String) {
    let reason = json!({ "reason": "the owner called us about a theft" });
    app.admin("root@example.com").await;
    let next = || app.advance(60);
    let desk = app
        .anonymous()
        .at("203.0.113.7")
        .header("user-agent", FIREFOX);
    let phone = app
        .anonymous()
        .at("198.51.100.20")
        .header("user-agent", PHONE);
    let thief = app
        .anonymous()
        .at("192.0.2.66")
        .header("user-agent", "curl/8.5.0");
    desk.post(
        "/api/v1/auth/register",
        &json!({ "email": EMAIL, "password": PASSWORD, "name": "Ada" }),
    )
    .await
    .assert(201);
    next();
    let token = app.mailed(EMAIL, "dvt_").await;
    desk.post("/api/v1/auth/verify-email", &json!({ "token": token }))
        .await
        .assert(200);
    next();
    let mut desk_session = desk.clone().log_in(EMAIL, PASSWORD).await;
    let session = desk_session.session_id().await;
    let id = desk_session.me().await.json()["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    next();
    phone.try_log_in(EMAIL, PASSWORD).await.assert(200);
    next();
    let stolen = desk_session.refresh.clone().expect("a token");
    desk_session.refresh().await;
    next();
    thief.try_refresh(&stolen).await.assert(401);
    next();
    for _ in 0..10 {
        thief.try_log_in(EMAIL, WRONG).await.assert(401);
        // Records of one millisecond have no order.
        app.advance(1);
    }
    // A lock is younger than three seconds while hashes may be in flight.
    app.advance(5);
    thief.try_log_in(EMAIL, WRONG).await.assert(423);
    next();
    desk.post(
        "/api/v1/auth/request-password-reset",
        &json!({ "email": EMAIL }),
    )
    .await
    .assert(202);
    let token = app.mailed(EMAIL, "drs_").await;
    next();
    desk.post(
        "/api/v1/auth/reset-password",
        &json!({ "token": token, "new_password": NEW_PASSWORD }),
    )
    .await
    .assert(200);
    next();
    let root = app.anonymous().log_in("root@example.com", PASSWORD).await;
    root.post(&format!("/api/v1/admin/users/{id}/disable"), &reason)
        .await
        .assert(200);
    next();
    desk.try_log_in(EMAIL, NEW_PASSWORD).await.assert(403);
    next();
    root.post(&format!("/api/v1/admin/users/{id}/enable"), &reason)
        .await
        .assert(200);
    next();
    root.post(
        "/api/v1/admin/token-rotations",
        &json!({ "scope": "global", "reason": reason["reason"] }),
    )
    .await
    .assert(200);
    next();
    desk.try_log_in(EMAIL, NEW_PASSWORD).await.assert(200);
    (id, session)
}

#[tokio::test]
async fn an_incident_of_twelve_steps_is_told_in_order() {
    let app = TestApp::with(&[("RATE_LIMIT_SCALE", "1000")]).await;
    let (id, session) = incident(&app).await;
    let steps: &[&[&str]] = &[
        &["2027-01-15 (UTC)"],
        &[
            "registered",
            "an email with a link to finish the sign-up was queued",
            "203.0.113.7",
            "Firefox on Linux",
        ],
        &["verified the email address", "203.0.113.7"],
        &[
            "ada@example.com logged in",
            "in session 1",
            "203.0.113.7",
            "Firefox on Linux",
        ],
        &[
            "ada@example.com logged in",
            "in session 2",
            "198.51.100.20",
            "iOS",
        ],
        &["continued the session", "in session 1", "203.0.113.7"],
        &[
            "stolen",
            "the session was ended",
            "in session 1",
            "192.0.2.66",
            "curl",
        ],
        &[
            "tried to log in",
            "the password was wrong",
            "192.0.2.66",
            "9 times",
        ],
        &[
            "tried to log in",
            "the address is locked; a notice was queued if it has an account",
            "192.0.2.66",
        ],
        &[
            "tried to log in",
            "refused: the address is locked",
            "192.0.2.66",
        ],
        &["asked for a password reset mail", "203.0.113.7"],
        &[
            "set a new password by a mailed link",
            "every session was ended",
        ],
        &[
            "The admin root@example.com disabled an account",
            "[ada@example.com]",
            "the owner called us about a theft",
        ],
        &[
            "tried to log in",
            "refused: the account is disabled",
            "203.0.113.7",
        ],
        &[
            "The admin root@example.com enabled an account",
            "[ada@example.com]",
        ],
        &[
            "The admin root@example.com ended every session of every account",
            "the owner called us about a theft",
        ],
        &["ada@example.com logged in", "in session 3"],
        &["session 1", &session],
    ];
    for whom in [EMAIL, &id] {
        let text = ops(
            &app,
            &[&["audit", "timeline", "--user", whom][..], &SPAN].concat(),
        )
        .await;
        assert_told(&text, steps);
    }
    let document = ops(
        &app,
        &[&["audit", "timeline", "--user", EMAIL, "--json"][..], &SPAN].concat(),
    )
    .await;
    let document: Value = serde_json::from_str(&document).expect("JSON");
    let events = document["events"].as_array().expect("events");
    assert!(events.is_sorted_by_key(|event| event["event_id"].as_str().expect("an id")));
    let told: usize = document["story"]
        .as_array()
        .expect("a story")
        .iter()
        .map(|p| p["event_ids"].as_array().map_or(0, Vec::len))
        .sum();
    assert_eq!(told, events.len(), "every record is told once");
}

#[tokio::test]
async fn a_sessions_and_a_requests_timeline_hold_what_belongs_to_them() {
    let app = TestApp::with(&[("RATE_LIMIT_SCALE", "1000")]).await;
    let (_, session) = incident(&app).await;
    let text = ops(
        &app,
        &[&["audit", "timeline", "--session", &session][..], &SPAN].concat(),
    )
    .await;
    assert_told(
        &text,
        &[
            &["logged in", "in session 1"],
            &["continued the session"],
            &["stolen", "the session was ended", "192.0.2.66"],
            &["set a new password", "every session was ended"],
            &["ended every session of every account"],
        ],
    );
    assert!(
        !text.contains("198.51.100.20") && !text.contains("the password was wrong"),
        "{text}"
    );
    let refused = app
        .anonymous()
        .at("192.0.2.77")
        .try_log_in(EMAIL, WRONG)
        .await;
    let request = refused.header("x-request-id").expect("an id");
    let text = ops(
        &app,
        &[&["audit", "timeline", "--request", request][..], &SPAN].concat(),
    )
    .await;
    assert_told(
        &text,
        &[&["tried to log in", "the password was wrong", "192.0.2.77"]],
    );
    assert_eq!(
        text.lines().filter(|line| line.starts_with("  ")).count(),
        1,
        "{text}"
    );
    for (option, value) in [("--session", session.as_str()), ("--request", request)] {
        let found = ops(
            &app,
            &[
                "audit",
                "query",
                option,
                value,
                "--to",
                "2027-01-18",
                "--json",
            ],
        )
        .await;
        let found: Value = serde_json::from_str(&found).expect("JSON");
        let name = format!("{}_id", &option[2..]);
        let events = found["events"].as_array().expect("events");
        assert!(
            !events.is_empty() && events.iter().all(|event| event[&name] == value),
            "{found:#}"
        );
    }
    let all = ops(
        &app,
        &[
            &["audit", "query", "--all", "--limit", "10000", "--json"][..],
            &SPAN,
        ]
        .concat(),
    )
    .await;
    let all: Value = serde_json::from_str(&all).expect("JSON");
    assert_eq!(
        all["events"].as_array().map(Vec::len),
        Some(app.db_scan("audit").await.len())
    );
}

#[tokio::test]
async fn a_revoked_token_is_told_without_version_numbers() {
    let app = TestApp::start().await;
    let ada = app.logged_in(EMAIL).await;
    ada.delete("/api/v1/auth/sessions/all").await.assert(200);
    ada.me().await.assert(401);
    let words = [&["audit", "timeline", "--user", EMAIL][..], &SPAN].concat();
    let text = ops(&app, &words).await;
    assert_told(
        &text,
        &[&["refused: all sessions were ended after this sign-in, in session"]],
    );
}

#[tokio::test]
async fn whatever_stands_in_a_record_stays_on_its_line() {
    let app = TestApp::start().await;
    let ada = app.logged_in(EMAIL).await;
    let id = ada.me().await.json()["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let strange = "a\r\n2027-01-15 forged\u{1b}[2J\u{2028}\u{202e}\"'";
    let mut record = app.db_items("audit", "USER#").await.remove(0);
    record.insert(
        "sk".to_owned(),
        AttributeValue::S(format!("2027-01-15T09:00:00.000Z#{id}")),
    );
    record.insert("reason".to_owned(), AttributeValue::S(strange.to_owned()));
    let details = HashMap::from([("operator".to_owned(), AttributeValue::S(strange.to_owned()))]);
    record.insert("details".to_owned(), AttributeValue::M(details));
    app.db_put("audit", record).await;
    for command in ["timeline", "query"] {
        let words = [&["audit", command, "--user", EMAIL][..], &SPAN].concat();
        let text = ops(&app, &words).await;
        assert!(text.contains("\\u{1b}[2J\\u{2028}\\u{202e}\"'"), "{text}");
        assert!(
            !text.chars().any(|c| c != '\n' && c.is_control())
                && !text.contains(['\u{2028}', '\u{202e}']),
            "{text:?}"
        );
        assert!(
            !text
                .lines()
                .any(|line| line.starts_with("2027-01-15 forged")),
            "{text}"
        );
        let json = ops(&app, &[&words[..], &["--json"]].concat()).await;
        assert!(
            !json.chars().any(|c| c != '\n' && c.is_control())
                && !json.contains(['\u{2028}', '\u{202e}']),
            "{json:?}"
        );
        assert!(serde_json::from_str::<Value>(&json).is_ok());
    }
}
