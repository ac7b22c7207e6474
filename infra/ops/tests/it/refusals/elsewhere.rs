//! Services that are not the one on this machine.

use shared::config::Settings;

use super::{DEPLOYED, EMAIL};
use crate::local::{Local, REASON, run};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_drill_refuses_every_stage_but_the_local_one() {
    let local = Local::start("stage").await;
    let file = std::env::temp_dir().join(format!("dashtam-ops-stage-{}.env", std::process::id()));
    let settings = local
        .file("lambda.env")
        .replace("http://127.0.0.1", "https://auth.example.com");
    std::fs::write(&file, format!("{settings}{DEPLOYED}")).expect("written");
    let name = file.to_string_lossy().into_owned();
    let ran = run(
        &[
            "drill",
            "breach",
            "--url",
            &local.url(),
            "--env-file",
            &name,
            "--as",
            "olga",
            "--yes",
        ],
        &Settings::default(),
    )
    .await;
    drop(std::fs::remove_file(&file));
    let ran = ran.assert(2);
    assert!(ran.err.contains("DASHTAM_STAGE"), "{ran:?}");
}

#[tokio::test]
async fn a_service_that_does_not_run_here_is_exit_code_2() {
    let ran = run(
        &["keys", "list", "--data-dir", "/nonexistent", "--as", "olga"],
        &Settings::default(),
    )
    .await
    .assert(2);
    assert!(
        ran.err.contains("cargo run") && ran.err.contains("--aws"),
        "{ran:?}"
    );
    let ran = run(
        &["keys", "list", "--aws", "--as", "olga"],
        &Settings::default(),
    )
    .await
    .assert(2);
    assert!(
        ran.err.contains("AWS_REGION") && ran.err.contains("export-credentials"),
        "{ran:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_aws_the_environment_alone_says_where_to_work() {
    let local = Local::start("aws").await;
    let lines = local.file("lambda.env");
    let pairs = lines
        .lines()
        .filter_map(|line| line.split_once('='))
        .filter(|(name, _)| !name.starts_with('#'));
    let process = pairs.fold(Settings::default(), |all, (name, value)| {
        all.with(name, value)
    });
    let keys = ["keys", "list", "--aws", "--as", "olga"];
    // Tables of another stack are not there.
    let elsewhere = process
        .clone()
        .with("DASHTAM_TABLE_PREFIX", "elsewhere-")
        .with("DASHTAM_SECRET_PREFIX", "elsewhere/");
    let ran = run(&keys, &elsewhere).await.assert(1);
    assert!(
        ran.out.is_empty() && ran.err.contains("settings"),
        "{ran:?}"
    );
    let here = process
        .with("DASHTAM_TABLE_PREFIX", "dashtam-local-")
        .with("DASHTAM_SECRET_PREFIX", "dashtam-local/");
    let ran = run(&keys, &here).await.assert(0);
    assert!(ran.out.contains("active"), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copied_data_directory_is_never_the_running_original() {
    let local = Local::start("original").await;
    local.join(EMAIL).await;
    let copy = local.files().copy("copied");
    for option in ["--data-dir", "--env-file"] {
        let place = copy.directory().join(if option == "--env-file" {
            "lambda.env"
        } else {
            ""
        });
        let line = [
            "users", "disable", EMAIL, "--reason", REASON, "--yes", "--as", "olga", option,
        ];
        let ran = run(
            &[&line[..], &[&place.to_string_lossy()]].concat(),
            &Settings::default(),
        )
        .await
        .assert(2);
        assert!(
            ran.err.contains("No local run uses") && ran.err.contains("cargo run"),
            "{}",
            ran.err
        );
    }
    let trail = local
        .ops(&["audit", "query", "--user", EMAIL, "--json"])
        .await
        .assert(0)
        .document();
    assert!(
        !trail.to_string().contains("admin.disable_user"),
        "{trail:#}"
    );
}
