//! The events in `events/` do what they say: each is replayed through Lambda's own reader of events and the function alone,
//! in both payload versions, which are answered alike.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use aws_lambda_events::event::sqs::SqsEvent;
use bundle_tests::stage::{EMAIL, Stage, Told, http_folders, outbox_row};
use bundle_tests::{Actor, TestApp, text};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use shared::runtime::lambda::{consume, into_axum};
use shared::work::consumer::Handler;
use shared::work::secret_rotation::RotationEvent;
use tower::ServiceExt;

use crate::guard_project::{entries, folders, read};
use crate::guard_requests::function;

/// What the function of `folder` alone answers to an event.
async fn replay(stage: &Stage, folder: &str, name: &str) -> Told {
    let event = stage.event(folder, name);
    let request = lambda_http::request::from_str(&event)
        .unwrap_or_else(|error| panic!("events/{folder}/{name}.json: {error}"));
    let router = function(&stage.app, folder).await;
    let answer = router
        .oneshot(into_axum(request))
        .await
        .expect("infallible");
    let (parts, body) = answer.into_parts();
    let body = body.collect().await.expect("a body").to_bytes();
    let headers = parts
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().expect("text")));
    Told::new(parts.status.as_u16(), headers, &body)
}

#[tokio::test]
async fn every_event_is_answered_as_it_says_and_in_both_versions_alike() {
    for folder in http_folders() {
        for kind in ["success", "refusal"] {
            let mut answers = Vec::new();
            for version in ["v1", "v2"] {
                let name = format!("{kind}.{version}");
                let answer = replay(&Stage::set().await, &folder, &name).await;
                answer.assert_expected(&folder, &name);
                answers.push(answer);
            }
            assert_eq!(
                answers[0], answers[1],
                "the two versions of events/{folder}/{kind} are answered differently"
            );
        }
    }
}

#[tokio::test]
async fn both_versions_leave_the_same_record() {
    let mut records = Vec::new();
    for version in ["v1", "v2"] {
        let stage = Stage::set().await;
        let before = stage.app.db_audit().await.len();
        replay(&stage, "auth-login", &format!("success.{version}")).await;
        let records_after = stage.app.db_scan("audit").await;
        assert_eq!(records_after.len(), before + 1);
        let of_login = records_after
            .into_iter()
            .find(|record| text(record, "ip_address") == Some("203.0.113.7"))
            .expect("a record");
        records.push(
            [
                "action",
                "outcome",
                "method",
                "endpoint",
                "ip_address",
                "user_agent",
                "fingerprint",
            ]
            .map(|name| text(&of_login, name).map(str::to_owned)),
        );
    }
    assert_eq!(records[0], records[1]);
    assert!(records[0].iter().all(Option::is_some), "{records:?}");
}

#[test]
fn every_folder_holds_what_its_kind_has() {
    for folder in folders("events")
        .into_iter()
        .filter(|name| !name.starts_with("__"))
    {
        let files = entries(&format!("events/{folder}"));
        let of_http = [
            "expected.json",
            "refusal.v1.json",
            "refusal.v2.json",
            "success.v1.json",
            "success.v2.json",
        ];
        let of_others = ["refusal.json", "success.json"];
        // A schedule says that it is time, and nothing that could be refused.
        let is_scheduled =
            ["audit-checkpoint", "audit-reconciler", "outbox-digests"].contains(&folder.as_str());
        let of_schedules = is_scheduled && files == ["success.json"];
        assert!(
            files == of_http || files == of_others || of_schedules,
            "events/{folder}: {files:?}"
        );
    }
}

/// Replays a consumer's events: the good one is done, the other one comes again.
async fn replay_messages(stage: &Stage, folder: &str, handler: &Handler) {
    let event = |name: &str| -> SqsEvent {
        serde_json::from_str(&stage.event(folder, name)).expect("an event")
    };
    let done = consume(handler, event("success")).await;
    assert!(
        done.batch_item_failures.is_empty(),
        "events/{folder}/success.json: {done:?}"
    );
    let refusal = event("refusal");
    let id = refusal.records[0].message_id.clone().expect("an id");
    let refused = consume(handler, refusal).await;
    let failed: Vec<_> = refused
        .batch_item_failures
        .iter()
        .map(|failure| failure.item_identifier.clone())
        .collect();
    assert_eq!(failed, [id], "events/{folder}/refusal.json");
}

#[tokio::test]
async fn the_mailer_sends_the_mail_of_its_event() {
    let mut stage = Stage::set().await;
    stage.app.drain().await;
    // Of two requests of one moment only one mail is sent.
    stage.app.advance(1);
    stage
        .app
        .anonymous()
        .post(
            "/api/v1/auth/request-password-reset",
            &json!({ "email": EMAIL }),
        )
        .await
        .assert(202);
    stage
        .values
        .push(("{{outbox_row}}", outbox_row(&stage.app, "mail").await));
    let mails = stage.app.aws.mailbox.messages(Some(EMAIL)).len();
    let handler = outbox_mailer::consumer(&stage.app.function("outbox-mailer"))
        .await
        .expect("a mailer");
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
    stage
        .values
        .push(("{{outbox_row}}", outbox_row(&stage.app, "sweep").await));
    // The admin has one, too.
    assert_eq!(stage.app.db_scan("tokens").await.len(), 3);
    let handler = outbox_sweeper::consumer(&stage.app.function("outbox-sweeper"))
        .await
        .expect("a sweeper");
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
            keys_rotate_data::rotation(&environment.with_access_key("keys-rotate-data"))
                .await
                .expect("a rotation"),
        ),
    ] {
        let event = |name: &str| -> RotationEvent {
            serde_json::from_str(&stage.event(folder, name)).expect("an event")
        };
        assert!(
            handler(event("refusal")).await.is_err(),
            "events/{folder}/refusal.json"
        );
        handler(event("success")).await.expect("done");
    }
}

#[tokio::test]
async fn the_keys_are_made_by_their_event_and_only_by_it() {
    let template =
        dashtam_local::cloudformation::parse(&read("template.yaml")).expect("a template");
    let pattern = &template["Resources"]["KeysInitFunction"]["Properties"]["Events"]["StackFinished"]
        ["Properties"]["Pattern"];
    let wanted = pattern["detail"]["status-details"]["status"]
        .as_array()
        .expect("a list");
    for (name, is_wanted) in [("success", true), ("refusal", false)] {
        let event: Value =
            serde_json::from_str(&read(&format!("events/keys-init/{name}.json"))).expect("JSON");
        assert_eq!(pattern["source"], json!([event["source"]]), "{name}");
        assert_eq!(
            pattern["detail-type"],
            json!([event["detail-type"]]),
            "{name}"
        );
        assert_eq!(
            wanted.contains(&event["detail"]["status-details"]["status"]),
            is_wanted,
            "{name}"
        );
    }
    // Whatever comes, running it again changes nothing.
    let app = TestApp::start().await;
    let keys = || async {
        app.environment
            .store()
            .security()
            .await
            .expect("a read")
            .expect("a record")
    };
    let before = keys().await;
    let job = keys_init::job(&app.function("keys-init"))
        .await
        .expect("a job");
    job().await.expect("done");
    assert_eq!(keys().await, before);
}

#[tokio::test]
async fn the_sealer_seals_the_record_of_its_event_and_the_checkpoint_signs_it() {
    let app = TestApp::start().await;
    let event = |name: &str| -> Value {
        serde_json::from_str(&read(&format!("events/audit-sealer/{name}.json"))).expect("JSON")
    };
    let handler = audit_sealer::consumer(&app.function("audit-sealer"))
        .await
        .expect("a sealer");
    assert!(handler(event("refusal")).await.is_err());
    handler(event("success")).await.expect("sealed");
    assert_eq!(app.db_items("seals", "LANE#").await.len(), 1);
    audit_checkpoint::job(&app.function("audit-checkpoint"))
        .await
        .expect("a job")()
    .await
    .expect("signed");
    assert_eq!(app.db_items("seals", "CHECKPOINT").await.len(), 1);
    audit_reconciler::job(&app.function("audit-reconciler"))
        .await
        .expect("a job")()
    .await
    .expect("nothing lost");
}

#[tokio::test]
async fn the_authorizer_lets_in_or_refuses_as_its_event_says() {
    let stage = Stage::set().await;
    let authorizer = stage
        .app
        .function("access-authorizer")
        .authorizer()
        .expect("valid settings");
    let event = |name| serde_json::from_str(&stage.event("access-authorizer", name)).expect("JSON");
    let allowed = json!(authorizer.answer(event("success")).await.expect("a policy"));
    assert_eq!(allowed["policyDocument"]["Statement"][0]["Effect"], "Allow");
    let refused = authorizer
        .answer(event("refusal"))
        .await
        .expect_err("refused");
    assert_eq!(refused.to_string(), "Unauthorized");
}
