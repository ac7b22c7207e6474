//! The events in `events/` do what they say: each is replayed through Lambda's own reader of events and the function alone,
//! in both payload versions, which are answered alike.
#![expect(clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

use aws_lambda_events::event::sqs::SqsEvent;
use bundle_tests::{Actor, PASSWORD, TestApp, text};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use shared::consumer::Handler;
use shared::lambda::{consume, into_axum};
use shared::rotation::RotationEvent;
use tower::ServiceExt;

use crate::guard_project::{entries, folders, read};
use crate::guard_requests::function;

/// The account that the events are about.
const EMAIL: &str = "ada@example.com";

/// A service in the state that the events expect, and what it fills into them.
struct Stage {
    app: TestApp,
    values: Vec<(&'static str, String)>,
}

impl Stage {
    async fn set() -> Self {
        let app = TestApp::start().await;
        app.verified(EMAIL).await;
        let ada = app.anonymous().at("198.51.100.1").log_in(EMAIL, PASSWORD).await;
        app.advance(1);
        // A device that the account has not seen: its owner gets a notice with a link.
        let other = app.anonymous().at("198.51.100.2").header("user-agent", "curl/8").log_in(EMAIL, PASSWORD).await;
        let admin = app.admin("admin@example.com").await;
        app.registered("pending@example.com").await;
        app.anonymous().post("/api/v1/auth/request-password-reset", &json!({ "email": EMAIL })).await.assert(202);
        let some = |token: &Option<String>| token.clone().expect("a token");
        let values = vec![
            ("{{access_token}}", some(&ada.access)),
            ("{{refresh_token}}", some(&ada.refresh)),
            ("{{session_id}}", ada.session_id().await),
            ("{{other_session_id}}", other.session_id().await),
            ("{{admin_token}}", some(&admin.access)),
            ("{{user_id}}", ada.me().await.json()["id"].as_str().expect("an id").to_owned()),
            ("{{notice_token}}", app.mailed(EMAIL, "dsa_").await),
            ("{{verification_token}}", app.mailed("pending@example.com", "dvt_").await),
            ("{{reset_token}}", app.mailed(EMAIL, "drs_").await),
        ];
        Self { app, values }
    }

    /// An event with this service's values in it.
    fn event(&self, folder: &str, name: &str) -> String {
        let text = read(&format!("events/{folder}/{name}.json"));
        let filled = self.values.iter().fold(text, |text, (place, value)| text.replace(place, value));
        assert!(!filled.contains("{{"), "events/{folder}/{name}.json has a place that nothing fills");
        filled
    }

    /// What the function of `folder` alone answers to an event: status, headers, body.
    async fn replay(&self, folder: &str, name: &str) -> (u16, Vec<String>, Value) {
        let event = self.event(folder, name);
        let request = lambda_http::request::from_str(&event)
            .unwrap_or_else(|error| panic!("events/{folder}/{name}.json: {error}"));
        let router = function(&self.app, folder).await;
        let answer = router.oneshot(into_axum(request)).await.expect("infallible");
        let (parts, body) = answer.into_parts();
        let body = body.collect().await.expect("a body").to_bytes();
        let mut headers: Vec<_> = parts
            .headers
            .iter()
            .filter(|(name, _)| *name != "x-request-id" && *name != "content-length")
            .map(|(name, value)| format!("{name}: {value:?}"))
            .collect();
        headers.sort();
        let body =
            serde_json::from_slice(&body).unwrap_or_else(|_| Value::from(String::from_utf8_lossy(&body).into_owned()));
        (parts.status.as_u16(), headers, body)
    }
}

/// The folders of functions behind the API.
fn http_folders() -> Vec<String> {
    let mut folders = folders("events");
    folders.retain(|folder| entries(&format!("events/{folder}")).contains(&"expected.json".to_owned()));
    assert!(folders.len() > 20, "{folders:?}");
    folders
}

fn expected(folder: &str) -> Value {
    serde_json::from_str(&read(&format!("events/{folder}/expected.json"))).expect("JSON")
}

/// A body without what differs from service to service.
fn comparable(mut body: Value) -> Value {
    match &mut body {
        Value::Object(members) => {
            for (name, value) in members.iter_mut() {
                let differs = [
                    "access_token",
                    "refresh_token",
                    "id",
                    "user_id",
                    "request_id",
                    "kid",
                    "x",
                    "y",
                    "events",
                    "known_devices",
                ]
                .contains(&name.as_str());
                *value = if differs { Value::from("*") } else { comparable(value.take()) };
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| *value = comparable(value.take())),
        _ => {}
    }
    body
}

#[tokio::test]
async fn every_event_is_answered_as_it_says_and_in_both_versions_alike() {
    for folder in http_folders() {
        let expected = expected(&folder);
        for kind in ["success", "refusal"] {
            let mut answers = Vec::new();
            for version in ["v1", "v2"] {
                let name = format!("{kind}.{version}");
                let (status, headers, body) = Stage::set().await.replay(&folder, &name).await;
                assert_eq!(json!(status), expected[kind], "events/{folder}/{name}.json: {body}");
                if kind == "refusal" {
                    assert_eq!(body["code"], expected["refusal_code"], "events/{folder}/{name}.json: {body}");
                }
                answers.push((status, headers, comparable(body)));
            }
            assert_eq!(answers[0], answers[1], "the two versions of events/{folder}/{kind} are answered differently");
        }
    }
}

#[tokio::test]
async fn both_versions_leave_the_same_record() {
    let mut records = Vec::new();
    for version in ["v1", "v2"] {
        let stage = Stage::set().await;
        let before = stage.app.db_audit().await.len();
        stage.replay("auth-login", &format!("success.{version}")).await;
        let records_after = stage.app.db_scan("audit").await;
        assert_eq!(records_after.len(), before + 1);
        let of_login = records_after
            .into_iter()
            .find(|record| text(record, "ip_address") == Some("203.0.113.7"))
            .expect("a record");
        records.push(
            ["action", "outcome", "method", "endpoint", "ip_address", "user_agent", "fingerprint"]
                .map(|name| text(&of_login, name).map(str::to_owned)),
        );
    }
    assert_eq!(records[0], records[1]);
    assert!(records[0].iter().all(Option::is_some), "{records:?}");
}

#[test]
fn every_folder_holds_what_its_kind_has() {
    for folder in folders("events").into_iter().filter(|name| !name.starts_with("__")) {
        let files = entries(&format!("events/{folder}"));
        let of_http = ["expected.json", "refusal.v1.json", "refusal.v2.json", "success.v1.json", "success.v2.json"];
        let of_others = ["refusal.json", "success.json"];
        // A schedule says that it is time, and nothing that could be refused.
        let is_scheduled = ["audit-checkpoint", "audit-reconciler"].contains(&folder.as_str());
        let of_schedules = is_scheduled && files == ["success.json"];
        assert!(files == of_http || files == of_others || of_schedules, "events/{folder}: {files:?}");
    }
}

/// The newest row of the outbox that asks for `what`.
async fn outbox_row(app: &TestApp, what: &str) -> String {
    let rows = app.db_scan("outbox").await;
    let row = rows.iter().find(|row| row.contains_key(what) && !row.contains_key("settled_at"));
    row.and_then(|row| text(row, "pk")).expect("a row").to_owned()
}

/// Replays a consumer's events: the good one is done, the other one comes again.
async fn replay_messages(stage: &Stage, folder: &str, handler: &Handler) {
    let event = |name: &str| -> SqsEvent { serde_json::from_str(&stage.event(folder, name)).expect("an event") };
    let done = consume(handler, event("success")).await;
    assert!(done.batch_item_failures.is_empty(), "events/{folder}/success.json: {done:?}");
    let refusal = event("refusal");
    let id = refusal.records[0].message_id.clone().expect("an id");
    let refused = consume(handler, refusal).await;
    let failed: Vec<_> = refused.batch_item_failures.iter().map(|failure| failure.item_identifier.clone()).collect();
    assert_eq!(failed, [id], "events/{folder}/refusal.json");
}

#[tokio::test]
async fn the_mailer_sends_the_mail_of_its_event() {
    let mut stage = Stage::set().await;
    stage.app.drain().await;
    // Of two requests of one moment only one mail is sent.
    stage.app.advance(1);
    stage.app.anonymous().post("/api/v1/auth/request-password-reset", &json!({ "email": EMAIL })).await.assert(202);
    stage.values.push(("{{outbox_row}}", outbox_row(&stage.app, "mail").await));
    let mails = stage.app.aws.mailbox.messages(Some(EMAIL)).len();
    let handler = outbox_mailer::consumer(&stage.app.function("outbox-mailer")).await.expect("a mailer");
    replay_messages(&stage, "outbox-mailer", &handler).await;
    assert_eq!(stage.app.aws.mailbox.messages(Some(EMAIL)).len(), mails + 1);
}

#[tokio::test]
async fn the_sweeper_removes_the_sessions_of_its_event() {
    let mut stage = Stage::set().await;
    stage.app.drain().await;
    let token = stage.values[0].1.clone();
    let ada: Actor<'_> = stage.app.anonymous().bearer(&token);
    ada.delete("/api/v1/auth/sessions/all").await.assert(200);
    stage.values.push(("{{outbox_row}}", outbox_row(&stage.app, "sweep").await));
    // The admin has one, too.
    assert_eq!(stage.app.db_scan("tokens").await.len(), 3);
    let handler = outbox_sweeper::consumer(&stage.app.function("outbox-sweeper")).await.expect("a sweeper");
    replay_messages(&stage, "outbox-sweeper", &handler).await;
    assert_eq!(stage.app.db_scan("tokens").await.len(), 1);
}

#[tokio::test]
async fn a_rotation_does_the_step_of_its_event() {
    let stage = Stage::set().await;
    let environment = &stage.app.environment;
    for (folder, handler) in [
        (
            "keys-rotate-signing",
            keys_rotate_signing::rotation(&environment.with_access_key("keys-rotate-signing"))
                .await
                .expect("a rotation"),
        ),
        (
            "keys-rotate-data",
            keys_rotate_data::rotation(&environment.with_access_key("keys-rotate-data")).await.expect("a rotation"),
        ),
    ] {
        let event =
            |name: &str| -> RotationEvent { serde_json::from_str(&stage.event(folder, name)).expect("an event") };
        assert!(handler(event("refusal")).await.is_err(), "events/{folder}/refusal.json");
        handler(event("success")).await.expect("done");
    }
}

#[tokio::test]
async fn the_keys_are_made_by_their_event_and_only_by_it() {
    let template = dashtam_local::cloudformation::parse(&read("template.yaml")).expect("a template");
    let pattern =
        &template["Resources"]["KeysInitFunction"]["Properties"]["Events"]["StackFinished"]["Properties"]["Pattern"];
    let wanted = pattern["detail"]["status-details"]["status"].as_array().expect("a list");
    for (name, is_wanted) in [("success", true), ("refusal", false)] {
        let event: Value = serde_json::from_str(&read(&format!("events/keys-init/{name}.json"))).expect("JSON");
        assert_eq!(pattern["source"], json!([event["source"]]), "{name}");
        assert_eq!(pattern["detail-type"], json!([event["detail-type"]]), "{name}");
        assert_eq!(wanted.contains(&event["detail"]["status-details"]["status"]), is_wanted, "{name}");
    }
    // Whatever comes, running it again changes nothing.
    let app = TestApp::start().await;
    let keys = || async { app.environment.store().security().await.expect("a read").expect("a record") };
    let before = keys().await;
    let job = keys_init::job(&app.function("keys-init")).await.expect("a job");
    job().await.expect("done");
    assert_eq!(keys().await, before);
}

#[tokio::test]
async fn the_sealer_seals_the_record_of_its_event_and_the_checkpoint_signs_it() {
    let app = TestApp::start().await;
    let event = |name: &str| -> Value {
        serde_json::from_str(&read(&format!("events/audit-sealer/{name}.json"))).expect("JSON")
    };
    let handler = audit_sealer::consumer(&app.function("audit-sealer")).await.expect("a sealer");
    assert!(handler(event("refusal")).await.is_err());
    handler(event("success")).await.expect("sealed");
    assert_eq!(app.db_items("seals", "LANE#").await.len(), 1);
    audit_checkpoint::job(&app.function("audit-checkpoint")).await.expect("a job")().await.expect("signed");
    assert_eq!(app.db_items("seals", "CHECKPOINT").await.len(), 1);
    audit_reconciler::job(&app.function("audit-reconciler")).await.expect("a job")().await.expect("nothing lost");
}

#[tokio::test]
async fn the_authorizer_lets_in_or_refuses_as_its_event_says() {
    let stage = Stage::set().await;
    let authorizer = stage.app.function("access-authorizer").authorizer().expect("valid settings");
    let event = |name| serde_json::from_str(&stage.event("access-authorizer", name)).expect("JSON");
    let allowed = json!(authorizer.answer(event("success")).await.expect("a policy"));
    assert_eq!(allowed["policyDocument"]["Statement"][0]["Effect"], "Allow");
    let refused = authorizer.answer(event("refusal")).await.expect_err("refused");
    assert_eq!(refused.to_string(), "Unauthorized");
}
