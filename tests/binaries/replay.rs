//! The events in `events/`, each handed to the binary of its function.
#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bundle_tests::stage::{EMAIL, Stage, Told, http_folders, outbox_row};
use bundle_tests::{TestApp, text};
use dashtam_runtime::{Answer, Process};
use http::Method;
use serde_json::{Value, json};
use shared::routes::{self, program_of};

use crate::{invoke, respond, start};

async fn stage() -> Stage {
    Stage::set_in(TestApp::beside_processes(&[]).await).await
}

/// What a function behind the API answers to an event.
async fn replay(process: &mut Process, stage: &Stage, folder: &str, name: &str) -> Told {
    let answer = respond(process, &stage.event(folder, name)).await;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let one = |(name, value): (&String, &Value)| (name.clone(), text(value));
    let several = |(name, values): (&String, &Value)| {
        let values: Vec<_> = values.as_array().into_iter().flatten().map(text).collect();
        (name.clone(), values.join(", "))
    };
    let (plain, multiple) = (
        answer["headers"].as_object(),
        answer["multiValueHeaders"].as_object(),
    );
    let multiple: Vec<_> = multiple.into_iter().flatten().map(several).collect();
    let headers = if multiple.is_empty() {
        plain.into_iter().flatten().map(one).collect()
    } else {
        multiple
    };
    let headers = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    let body = text(&answer["body"]);
    let body = if answer["isBase64Encoded"] == true {
        STANDARD.decode(body).expect("base64")
    } else {
        body.into()
    };
    let status = answer["statusCode"]
        .as_u64()
        .and_then(|status| status.try_into().ok())
        .expect("a status");
    let told = Told::new(status, headers, &body);
    told.assert_expected(folder, name);
    told
}

/// Whether a success changes nothing that a second one could miss.
fn only_reads(folder: &str) -> bool {
    routes::ALL
        .iter()
        .find(|route| route.function == folder)
        .is_none_or(|route| route.method == Method::GET)
}

#[tokio::test]
async fn every_event_is_answered_as_it_says_and_in_both_versions_alike() {
    let mut differing = Vec::new();
    for folder in http_folders() {
        let first = stage().await;
        let mut process = start(&first.app, program_of(&folder)).await;
        let refusals = [
            replay(&mut process, &first, &folder, "refusal.v1").await,
            replay(&mut process, &first, &folder, "refusal.v2").await,
        ];
        let v1 = replay(&mut process, &first, &folder, "success.v1").await;
        let v2 = if only_reads(&folder) {
            replay(&mut process, &first, &folder, "success.v2").await
        } else {
            let second = stage().await;
            let mut process = start(&second.app, program_of(&folder)).await;
            replay(&mut process, &second, &folder, "success.v2").await
        };
        if refusals[0] != refusals[1] || v1 != v2 {
            differing.push(format!("{folder}: {refusals:?} {v1:?} {v2:?}"));
        }
    }
    assert!(
        differing.is_empty(),
        "the two versions of an event are answered differently: {differing:#?}"
    );
}

/// Hands a consumer its events: the good message is done, the other one comes again.
async fn replay_messages(stage: &Stage, folder: &str) {
    let mut process = start(&stage.app, folder).await;
    let done = respond(&mut process, &stage.event(folder, "success")).await;
    assert_eq!(done, json!({ "batchItemFailures": [] }));
    let refusal = stage.event(folder, "refusal");
    let refused = respond(&mut process, &refusal).await;
    let refusal: Value = serde_json::from_str(&refusal).expect("JSON");
    let id = &refusal["Records"][0]["messageId"];
    assert_eq!(
        refused,
        json!({ "batchItemFailures": [{ "itemIdentifier": id }] })
    );
}

#[tokio::test]
async fn the_mailer_sends_the_mail_of_its_event() {
    let mut stage = stage().await;
    stage.ask_for_mail().await;
    let mails = stage.app.aws.mailbox.messages(Some(EMAIL)).len();
    replay_messages(&stage, "outbox-mailer").await;
    assert_eq!(stage.app.aws.mailbox.messages(Some(EMAIL)).len(), mails + 1);
}

#[tokio::test]
async fn the_sweeper_removes_the_sessions_of_its_event() {
    let mut stage = stage().await;
    stage.app.drain().await;
    let token = stage.values[0].1.clone();
    stage
        .app
        .anonymous()
        .bearer(&token)
        .delete("/api/v1/auth/sessions/all")
        .await
        .assert(200);
    stage
        .values
        .push(("{{outbox_row}}", outbox_row(&stage.app, "sweep").await));
    assert_eq!(stage.app.db_scan("tokens").await.len(), 3);
    replay_messages(&stage, "outbox-sweeper").await;
    assert_eq!(stage.app.db_scan("tokens").await.len(), 1);
}

#[tokio::test]
async fn a_rotation_does_the_step_of_its_event_and_refuses_what_is_none() {
    let stage = stage().await;
    for folder in ["keys-rotate-signing", "keys-rotate-data"] {
        let mut process = start(&stage.app, folder).await;
        let refused = invoke(&mut process, &stage.event(folder, "refusal")).await;
        assert!(
            matches!(refused, Answer::Error(_)),
            "events/{folder}/refusal.json: {refused:?}"
        );
        assert_eq!(
            respond(&mut process, &stage.event(folder, "success")).await,
            Value::Null
        );
    }
}

#[tokio::test]
async fn the_first_start_makes_no_keys_where_there_are_some() {
    let stage = stage().await;
    let keys = || async {
        stage
            .app
            .environment
            .store()
            .security()
            .await
            .expect("a read")
            .expect("a record")
    };
    let before = keys().await;
    let mut process = start(&stage.app, "keys-init").await;
    assert_eq!(
        respond(&mut process, &stage.event("keys-init", "success")).await,
        Value::Null
    );
    assert_eq!(keys().await, before);
}

#[tokio::test]
async fn the_trail_is_sealed_signed_and_looked_through_by_its_events() {
    let stage = stage().await;
    let mut sealer = start(&stage.app, "audit-sealer").await;
    let refused = invoke(&mut sealer, &stage.event("audit-sealer", "refusal")).await;
    assert!(matches!(refused, Answer::Error(_)), "{refused:?}");
    assert_eq!(
        respond(&mut sealer, &stage.event("audit-sealer", "success")).await,
        Value::Null
    );
    assert_eq!(stage.app.db_items("seals", "LANE#").await.len(), 1);
    for folder in ["audit-reconciler", "audit-checkpoint"] {
        let mut process = start(&stage.app, folder).await;
        assert_eq!(
            respond(&mut process, &stage.event(folder, "success")).await,
            Value::Null
        );
    }
    let checkpoints = stage.app.db_items("seals", "CHECKPOINT").await;
    assert!(
        checkpoints.len() == 1 && text(&checkpoints[0], "signature").is_some(),
        "{checkpoints:?}"
    );
}

#[tokio::test]
async fn the_authorizer_lets_in_or_refuses_as_its_event_says() {
    let stage = stage().await;
    let mut process = start(&stage.app, "access-authorizer").await;
    let allowed = respond(&mut process, &stage.event("access-authorizer", "success")).await;
    assert_eq!(allowed["policyDocument"]["Statement"][0]["Effect"], "Allow");
    let Answer::Error(refused) =
        invoke(&mut process, &stage.event("access-authorizer", "refusal")).await
    else {
        panic!("let in");
    };
    let refused: Value = serde_json::from_slice(&refused).expect("JSON");
    // The gateway makes a 401 of this text and of no other.
    assert_eq!(refused["errorMessage"], "Unauthorized");
}
