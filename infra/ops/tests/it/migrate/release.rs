//! The migrations that a release has, and those that it does not have.

use std::process::Command;

use bundle_tests::NICKNAME;
use shared::config::Settings;

use super::up;
use crate::local::{Local, REASON, run};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_unknown_or_has_no_such_name_is_told() {
    let local = Local::start("migrate-unknown").await;
    up(&local, &["--to", "20990101_000000_x", "--yes"])
        .await
        .assert(3);
    up(&local, &["--yes"]).await.assert(0);
    // The program that ships is the older release: it has no made-up migration.
    let refused = local
        .ops(&["migrate", "down", "--reason", REASON, "--yes"])
        .await
        .assert(1);
    assert!(refused.err.contains("newer release"), "{refused:?}");
    local
        .ops(&["migrate", "up", "--reason", REASON, "--yes"])
        .await
        .assert(1);
    let status = local.ops(&["migrate", "status"]).await.assert(0);
    assert!(status.out.contains("of a newer release"), "{status:?}");
    let doctor = local.ops(&["doctor"]).await.assert(0);
    assert!(
        doctor
            .out
            .contains(&format!("{} is of a newer release", NICKNAME.id)),
        "{doctor:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_program_itself_has_the_migrations_of_this_release_and_no_other() {
    let local = Local::start("migrate-own").await;
    let mut command = Command::new(env!("CARGO_BIN_EXE_ops"));
    command.args(&local.line(&["migrate", "status", "--json"])[1..]);
    let output = tokio::task::spawn_blocking(move || command.output())
        .await
        .expect("no panic")
        .expect("started");
    let status: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let ids: Vec<_> = status["migrations"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| &one["id"])
        .collect();
    assert_eq!(
        ids,
        migrations::steps::ALL
            .iter()
            .map(|migration| migration.id)
            .collect::<Vec<_>>()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_without_migrations_has_nothing_to_do_and_says_so() {
    let local = Local::start("migrate-none").await;
    let none = async |arguments: &[&str]| local.ops_with(&[], arguments).await.assert(0).out;
    for way in ["up", "down"] {
        assert_eq!(
            none(&["migrate", way, "--reason", REASON]).await,
            "There is nothing to do.\n"
        );
    }
    assert_eq!(
        none(&["migrate", "status"]).await,
        "There is no migration.\n"
    );
    assert!(none(&["doctor"]).await.contains("0 applied"));
}

#[tokio::test]
async fn a_new_migration_is_written_and_registered_and_a_bad_name_writes_nothing() {
    let dir = std::env::temp_dir().join(format!("dashtam-ops-create-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a directory");
    let list = include_str!("../../../../migrations/src/steps/mod.rs");
    std::fs::write(dir.join("mod.rs"), list).expect("written");
    let path = dir.to_string_lossy().into_owned();
    let create = async |name: &str| {
        run(
            &["migrate", "create", name, "--dir", &path, "--json"],
            &Settings::default(),
        )
        .await
    };
    create("Bad-Name").await.assert(2);
    create("../x").await.assert(2);
    assert_eq!(std::fs::read_dir(&dir).expect("a directory").count(), 1);
    let created = create("last_seen").await.assert(0).document();
    let id = created["id"].as_str().expect("an id");
    let file = std::fs::read_to_string(dir.join(format!("m{id}.rs"))).expect("a file");
    assert!(id.ends_with("_last_seen") && file.contains(id), "{file}");
    let registered = std::fs::read_to_string(dir.join("mod.rs")).expect("a list");
    assert!(
        registered.contains(&format!("mod m{id};"))
            && registered.contains(&format!("m{id}::MIGRATION")),
        "{registered}"
    );
    run(
        &["migrate", "create", "x", "--dir", "/nonexistent"],
        &Settings::default(),
    )
    .await
    .assert(2);
    drop(std::fs::remove_dir_all(&dir));
}
