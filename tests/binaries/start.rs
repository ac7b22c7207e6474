//! How a process starts, and how it says why it does not.
#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use bundle_tests::TestApp;
use bundle_tests::stage::Stage;
use dashtam_runtime::{Failure, Function};
use serde_json::Value;

use crate::{function, program, respond};

/// What must not be told.
const SECRET: &str = "the-secret-half-of-a-key";
/// Where nobody listens.
const NOWHERE: &str = "http://127.0.0.1:9";

/// The reason that a function gives Lambda for not starting, having checked how it ends.
async fn refusal(function: Function) -> String {
    let started = function.with("AWS_SECRET_ACCESS_KEY", SECRET).start().await;
    let Err(Failure::Ended {
        status,
        told,
        output,
        ..
    }) = started
    else {
        panic!("{:?}", started.err());
    };
    assert!(status.code().is_some_and(|code| code != 0), "{status}");
    let told = told.expect("an init error");
    assert!(
        !told.contains(SECRET) && !output.contains(SECRET),
        "{told}\n{output}"
    );
    let told: Value = serde_json::from_str(&told).expect("JSON");
    let why = told["errorMessage"].as_str().expect("a text").to_owned();
    let logged: Vec<Value> = output
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert!(
        logged.iter().any(|line| line["error"] == why.as_str()),
        "{output}"
    );
    why
}

#[tokio::test]
async fn wrong_settings_are_told_as_an_init_error_that_lists_them_all() {
    let wrong = program("auth-me")
        .with("DASHTAM_STAGE", "moon")
        .with("DASHTAM_LOCKOUT_THRESHOLD", "0");
    let why = refusal(wrong.with("DASHTAM_LOKOUT_SECONDS", "5")).await;
    for name in [
        "DASHTAM_STAGE",
        "DASHTAM_LOCKOUT_THRESHOLD",
        "DASHTAM_LOKOUT_SECONDS",
    ] {
        assert!(why.contains(name), "{why}");
    }
}

#[tokio::test]
async fn keys_out_of_reach_are_told_as_an_init_error() {
    let app = TestApp::beside_processes(&[]).await;
    let why =
        refusal(function(&app, "auth-login").with("AWS_ENDPOINT_URL_SECRETS_MANAGER", NOWHERE))
            .await;
    assert!(why.contains("signing-ring"), "{why}");
}

#[tokio::test]
async fn tables_out_of_reach_are_logged_and_the_function_starts_all_the_same() {
    let stage = Stage::set_in(TestApp::beside_processes(&[]).await).await;
    let lost = function(&stage.app, "auth-me").with("AWS_ENDPOINT_URL_DYNAMODB", NOWHERE);
    let mut process = lost
        .start()
        .await
        .unwrap_or_else(|failure| panic!("{failure}"));
    assert!(
        process.output().contains("the tables do not answer"),
        "{}",
        process.output()
    );
    assert_eq!(
        respond(&mut process, &stage.event("auth-me", "success.v2")).await["statusCode"],
        503
    );
}

#[tokio::test]
async fn a_service_that_is_only_called_later_may_be_out_of_reach_at_the_start() {
    let app = TestApp::beside_processes(&[]).await;
    let lost = function(&app, "audit-checkpoint").with("AWS_ENDPOINT_URL_KMS", NOWHERE);
    let process = lost
        .start()
        .await
        .unwrap_or_else(|failure| panic!("{failure}"));
    assert!(
        process.output().contains("ahead of its first call"),
        "{}",
        process.output()
    );
}
