//! `ops migrate`, as an operator meets it, with a made-up migration; the process itself is killed once.
#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use bundle_tests::{Item, MADE_UP, NICKNAME, is_migrated};
use shared::config::Settings;

use crate::local::{Local, REASON, Ran};

mod release;

const EMAIL: &str = "ada@example.com";
const TABLE: &str = "dashtam-local-users";
/// Carries the command line from the test of a killed process to that process, as JSON.
const COMMAND_LINE: &str = "OPS_TEST_COMMAND_LINE";

async fn users(local: &Local) -> Vec<Item> {
    let mut scan = local
        .database()
        .scan()
        .table_name(TABLE)
        .into_paginator()
        .items()
        .send();
    let mut users = Vec::new();
    while let Some(item) = scan.next().await {
        let item = item.expect("an item");
        if item["pk"].as_s().is_ok_and(|pk| pk.starts_with("USER#")) {
            users.push(item);
        }
    }
    users
}

async fn count_migrated(local: &Local) -> usize {
    users(local)
        .await
        .iter()
        .filter(|user| is_migrated(user))
        .count()
}

/// So many accounts that the made-up migration has to change.
async fn old_accounts(local: &Local, count: usize) {
    local.join(EMAIL).await;
    let pattern = users(local).await.swap_remove(0);
    let keys: Vec<_> = (1..count).map(|index| format!("USER#{index:05}")).collect();
    for keys in keys.chunks(25) {
        let puts = keys.iter().map(|key| {
            let mut item = pattern.clone();
            item.insert("pk".to_owned(), AttributeValue::S(key.clone()));
            let put = PutRequest::builder()
                .set_item(Some(item))
                .build()
                .expect("a put");
            WriteRequest::builder().put_request(put).build()
        });
        local
            .database()
            .batch_write_item()
            .request_items(TABLE, puts.collect())
            .send()
            .await
            .expect("written");
    }
}

/// A command of the release that has the made-up migration.
async fn ops(local: &Local, arguments: &[&str]) -> Ran {
    local.ops_with(MADE_UP, arguments).await
}

async fn up(local: &Local, more: &[&str]) -> Ran {
    ops(
        local,
        &[
            &["migrate", "up", "--reason", REASON, "--rate", "100000"],
            more,
        ]
        .concat(),
    )
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_migration_goes_up_and_down_and_is_told_by_status_history_doctor_and_trail() {
    let local = Local::start("migrate").await;
    old_accounts(&local, 40).await;
    let dry = up(&local, &[]).await.assert(2);
    assert!(
        dry.err.contains("change 40 of 41 items") && dry.err.contains("--yes"),
        "{dry:?}"
    );
    assert_eq!(count_migrated(&local).await, 0);
    let status = async || {
        ops(&local, &["migrate", "status", "--json"])
            .await
            .assert(0)
            .document()
    };
    assert_eq!(status().await["migrations"][0]["standing"], "pending");
    let doctor = ops(&local, &["doctor"]).await.assert(0);
    assert!(
        doctor.out.contains("nickname is pending") && doctor.out.contains("ops migrate up"),
        "{doctor:?}"
    );
    let done = up(&local, &["--yes", "--json"]).await.assert(0).document();
    assert_eq!(
        (&done["done"][0]["changed"], &done["done"][0]["operator"]),
        (&40.into(), &"olga".into())
    );
    assert_eq!(count_migrated(&local).await, 40);
    assert_eq!(status().await["migrations"][0]["standing"], "applied");
    let doctor = ops(&local, &["doctor"]).await.assert(0);
    assert!(doctor.out.contains("1 applied"), "{doctor:?}");
    let nothing = up(&local, &["--yes"]).await.assert(0);
    assert!(nothing.out.contains("nothing to do"), "{nothing:?}");
    ops(&local, &["migrate", "down", "--reason", REASON, "--yes"])
        .await
        .assert(0);
    assert_eq!(
        (&status().await["pending"], count_migrated(&local).await),
        (&1.into(), 0)
    );
    let runs = ops(&local, &["migrate", "history", "--json"])
        .await
        .assert(0)
        .document();
    let ways: Vec<_> = runs["runs"]
        .as_array()
        .expect("runs")
        .iter()
        .map(|run| run["direction"].clone())
        .collect();
    assert_eq!(ways, ["up", "down"]);
    let trail = local
        .ops(&["audit", "query", "--action", "admin.migrate", "--json"])
        .await
        .assert(0)
        .document();
    let events = trail["events"].as_array().expect("events");
    let ends: Vec<_> = events
        .iter()
        .filter(|event| event["details"]["stage"] == "end")
        .collect();
    assert_eq!((events.len(), ends.len()), (4, 2), "{trail:#}");
    assert_eq!(
        (
            &ends[0]["details"]["changed"],
            &ends[0]["details"]["migration"]
        ),
        (&"40".into(), &NICKNAME.id.into())
    );
}

/// This very program again, as a process of an operator whose release has the made-up migration: it runs the one test
/// that is named, which runs the command.
fn process(test: &str, command_line: &[OsString]) -> Command {
    let words: Vec<_> = command_line
        .iter()
        .map(|word| word.to_str().expect("UTF-8"))
        .collect();
    let mut command = Command::new(std::env::current_exe().expect("a program"));
    command
        .args(["--exact", test, "--nocapture"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command.env(COMMAND_LINE, serde_json::json!(words).to_string());
    command
}

/// The command line, in such a process.
fn command_line() -> Option<Vec<OsString>> {
    let words: Vec<String> =
        serde_json::from_str(Settings::from_process().get(COMMAND_LINE)?).expect("a list");
    Some(words.into_iter().map(OsString::from).collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_migration_that_was_killed_goes_on_where_it_was() {
    if let Some(command_line) = command_line() {
        let (mut out, mut err) = (std::io::stdout(), std::io::stderr());
        let code = Box::pin(ops::run(
            command_line,
            &Settings::from_process(),
            MADE_UP,
            &mut out,
            &mut err,
        ))
        .await;
        panic!("it ended by itself, with {code}");
    }
    let local = Local::start("migrate-kill").await;
    old_accounts(&local, 400).await;
    let command_line = local.line(&[
        "migrate", "up", "--reason", REASON, "--rate", "100", "--yes",
    ]);
    let mut process = process(
        "migrate::a_migration_that_was_killed_goes_on_where_it_was",
        &command_line,
    );
    let mut child = process.spawn().expect("the program");
    let mut words = BufReader::new(child.stderr.take().expect("a pipe"));
    let told = tokio::task::spawn_blocking(move || {
        let mut line = String::new();
        words.read_line(&mut line).expect("a line");
        line
    });
    let told = told.await.expect("read");
    assert!(told.contains("items seen"), "{told}");
    child.kill().expect("killed");
    child.wait().expect("dead");
    let refused = up(&local, &["--yes"]).await.assert(1);
    assert!(
        refused.err.contains("olga runs this migration") && refused.err.contains("--take-over"),
        "{refused:?}"
    );
    let done = up(&local, &["--yes", "--take-over", "--json"])
        .await
        .assert(0)
        .document();
    let run = &done["done"][0];
    // The page that was not saved was looked at again, and its items were found changed.
    let changed = run["changed"].as_u64().expect("a number");
    assert!(
        run["seen"] == 401 && (350..=400).contains(&changed) && run["attempts"] == 2,
        "{run:#}"
    );
    assert_eq!(count_migrated(&local).await, 400);
}
