//! What a function calls, it has opened when it starts: a first event waits for no handshake.

use std::collections::{BTreeMap, BTreeSet};

use bundle_tests::TestApp;
use bundle_tests::stage::{Stage, http_folders, outbox_row};
use dashtam_runtime::wires::Wires;
use shared::routes::program_of;

use crate::{function, respond};

/// They look into many partitions at once, each over a connection of its own.
const SEARCHES: [&str; 1] = ["admin-audit-events"];

/// Connections by service.
type Opened = BTreeMap<String, usize>;

/// How many connections a function has open at its start, and after its first event.
async fn opened(stage: &Stage, folder: &str, event: &str) -> (Opened, Opened) {
    let services = stage.app.settings().beginning_with("AWS_ENDPOINT_URL_");
    let services = services
        .map(|(name, url)| (name.to_owned(), url.to_owned()))
        .collect();
    let wires = Wires::before(services, None).await.expect("ports");
    let function = function(&stage.app, program_of(folder)).with_all(wires.variables());
    let mut process = function
        .start()
        .await
        .unwrap_or_else(|failure| panic!("{failure}"));
    let count = || {
        wires
            .opened()
            .into_iter()
            .map(|(service, count)| (service.to_owned(), count))
            .collect()
    };
    let at_start = count();
    respond(&mut process, &stage.event(folder, event)).await;
    (at_start, count())
}

async fn stage() -> Stage {
    Stage::set_in(TestApp::beside_processes(&[]).await).await
}

fn called(opened: &Opened) -> BTreeSet<&str> {
    opened
        .iter()
        .filter(|(_, count)| **count > 0)
        .map(|(service, _)| service.as_str())
        .collect()
}

#[tokio::test]
async fn the_first_request_opens_no_connection() {
    let mut late = Vec::new();
    for folder in http_folders() {
        let (at_start, after) = opened(&stage().await, &folder, "success.v1").await;
        let is_ready = at_start == after
            || SEARCHES.contains(&folder.as_str()) && called(&at_start) == called(&after);
        if !is_ready {
            late.push(format!(
                "{folder}: {at_start:?} at its start, {after:?} behind its first event"
            ));
        }
    }
    assert!(late.is_empty(), "{late:#?}");
}

#[tokio::test]
async fn the_first_question_of_a_gateway_opens_no_connection() {
    let (at_start, after) = opened(&stage().await, "access-authorizer", "success").await;
    assert_eq!(at_start, after);
}

#[tokio::test]
async fn the_first_message_opens_no_connection() {
    let mut stage = stage().await;
    stage.ask_for_mail().await;
    let (at_start, after) = opened(&stage, "outbox-mailer", "success").await;
    assert_eq!(at_start, after, "outbox-mailer");
    assert_eq!(
        called(&after),
        ["DYNAMODB", "SECRETS_MANAGER", "SESV2"].into()
    );
    stage.values.pop();
    let token = stage
        .values
        .first()
        .map(|(_, token)| token.clone())
        .expect("a token");
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
    let (at_start, after) = opened(&stage, "outbox-sweeper", "success").await;
    assert_eq!(at_start, after, "outbox-sweeper");
}

#[tokio::test]
async fn the_first_step_of_a_rotation_opens_no_connection() {
    let stage = stage().await;
    for folder in ["keys-rotate-signing", "keys-rotate-data", "keys-init"] {
        let (at_start, after) = opened(&stage, folder, "success").await;
        assert_eq!(at_start, after, "{folder}");
    }
}

#[tokio::test]
async fn who_keeps_the_trail_has_a_connection_to_each_service_when_it_starts() {
    // Four chains are read at once, each over a connection of its own. Nobody waits for it.
    let stage = stage().await;
    for (folder, services) in [
        ("audit-sealer", &["DYNAMODB", "S3"][..]),
        ("audit-reconciler", &["DYNAMODB", "S3"]),
        ("audit-checkpoint", &["DYNAMODB", "KMS", "S3"]),
    ] {
        let (at_start, after) = opened(&stage, folder, "success").await;
        assert_eq!(
            called(&at_start),
            services.iter().copied().collect(),
            "{folder}"
        );
        assert_eq!(called(&after), called(&at_start), "{folder}");
    }
}
