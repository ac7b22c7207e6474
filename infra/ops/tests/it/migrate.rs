//! `ops migrate`, as an operator meets it; the process itself is killed once.
#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use shared::config::Settings;

use crate::local::{Local, REASON, run};

const EMAIL: &str = "ada@example.com";
const ID: &str = "20261125_083000_password_scheme";

/// So many accounts of before.
async fn old_accounts(local: &Local, count: usize) {
    local.join(EMAIL).await;
    let database = local.database();
    let table = "dashtam-local-users";
    let users = database.scan().table_name(table).send().await.expect("a page").items.unwrap_or_default();
    let is_user = |item: &&std::collections::HashMap<String, AttributeValue>| {
        item["pk"].as_s().is_ok_and(|pk| pk.starts_with("USER#"))
    };
    let mut pattern = users.iter().find(is_user).expect("a user").clone();
    pattern.remove("password_scheme");
    pattern.remove("schema_version");
    let keys: Vec<_> = (1..count).map(|index| format!("USER#{index:05}")).collect();
    let own = pattern["pk"].as_s().expect("a key").clone();
    for keys in [vec![own], keys].concat().chunks(25) {
        let puts = keys.iter().map(|key| {
            let mut item = pattern.clone();
            item.insert("pk".to_owned(), AttributeValue::S(key.clone()));
            let put = PutRequest::builder().set_item(Some(item)).build().expect("a put");
            WriteRequest::builder().put_request(put).build()
        });
        database.batch_write_item().request_items(table, puts.collect()).send().await.expect("written");
    }
}

async fn up(local: &Local, more: &[&str]) -> crate::local::Ran {
    local.ops(&[&["migrate", "up", "--reason", REASON, "--rate", "100000"], more].concat()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_migration_goes_up_and_down_and_is_told_by_status_history_doctor_and_trail() {
    let local = Local::start("migrate").await;
    old_accounts(&local, 40).await;
    let dry = up(&local, &[]).await.assert(2);
    assert!(dry.err.contains("change 40 of 41 items") && dry.err.contains("--yes"), "{dry:?}");
    let status = async || local.ops(&["migrate", "status", "--json"]).await.assert(0).document();
    assert_eq!(status().await["migrations"][0]["standing"], "pending");
    let doctor = local.ops(&["doctor"]).await.assert(0);
    assert!(doctor.out.contains("password_scheme is pending") && doctor.out.contains("ops migrate up"), "{doctor:?}");
    let passwords = local.ops(&["users", "passwords"]).await.assert(0);
    assert!(passwords.out.contains("not told yet   40") && passwords.out.contains("ops migrate up"), "{passwords:?}");
    let done = up(&local, &["--yes", "--json"]).await.assert(0).document();
    assert_eq!((&done["done"][0]["changed"], &done["done"][0]["operator"]), (&40.into(), &"olga".into()));
    assert_eq!(status().await["migrations"][0]["standing"], "applied");
    let passwords = local.ops(&["users", "passwords", "--json"]).await.assert(0).document();
    assert_eq!(
        (&passwords["schemes"][0]["accounts"], passwords["schemes"].as_array().map(Vec::len)),
        (&40.into(), Some(1))
    );
    let shown = local.ops(&["users", "show", EMAIL]).await.assert(0);
    assert!(shown.out.contains("argon2id m=64,t=1,p=1"), "{shown:?}");
    let nothing = up(&local, &["--yes"]).await.assert(0);
    assert!(nothing.out.contains("nothing to do"), "{nothing:?}");
    local.ops(&["migrate", "down", "--reason", REASON, "--yes"]).await.assert(0);
    assert_eq!(status().await["pending"], 1);
    let runs = local.ops(&["migrate", "history", "--json"]).await.assert(0).document();
    let ways: Vec<_> = runs["runs"].as_array().expect("runs").iter().map(|run| run["direction"].clone()).collect();
    assert_eq!(ways, ["up", "down"]);
    let trail = local.ops(&["audit", "query", "--action", "admin.migrate", "--json"]).await.assert(0).document();
    let events = trail["events"].as_array().expect("events");
    let ends: Vec<_> = events.iter().filter(|event| event["details"]["stage"] == "end").collect();
    assert_eq!((events.len(), ends.len()), (4, 2), "{trail:#}");
    assert_eq!((&ends[0]["details"]["changed"], &ends[0]["details"]["migration"]), (&"40".into(), &ID.into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_migration_that_was_killed_goes_on_where_it_was() {
    let local = Local::start("migrate-kill").await;
    old_accounts(&local, 400).await;
    let arguments = local.line(&["migrate", "up", "--reason", REASON, "--rate", "100", "--yes"]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_ops"));
    let mut child = command.args(&arguments[1..]).stderr(Stdio::piped()).spawn().expect("the program");
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
    assert!(refused.err.contains("olga runs this migration") && refused.err.contains("--take-over"), "{refused:?}");
    let done = up(&local, &["--yes", "--take-over", "--json"]).await.assert(0).document();
    let run = &done["done"][0];
    // The page that was not saved was looked at again, and its items were found changed.
    let changed = run["changed"].as_u64().expect("a number");
    assert!(run["seen"] == 401 && (350..=400).contains(&changed) && run["attempts"] == 2, "{run:#}");
    let passwords = local.ops(&["users", "passwords", "--json"]).await.assert(0).document();
    assert_eq!(passwords["schemes"][0]["accounts"], 400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_unknown_or_has_no_such_name_is_told() {
    let local = Local::start("migrate-unknown").await;
    up(&local, &["--to", "20990101_000000_x", "--yes"]).await.assert(3);
    up(&local, &["--yes"]).await.assert(0);
    let database = local.database();
    let key = AttributeValue::S(format!("MIGRATION#{ID}"));
    let item = database.get_item().table_name("dashtam-local-security").key("pk", key).send().await.expect("read").item;
    let mut item = item.expect("an item");
    item.insert("pk".to_owned(), AttributeValue::S("MIGRATION#20990101_000000_x".to_owned()));
    item.insert("id".to_owned(), AttributeValue::S("20990101_000000_x".to_owned()));
    database.put_item().table_name("dashtam-local-security").set_item(Some(item)).send().await.expect("put");
    let refused = local.ops(&["migrate", "down", "--reason", REASON, "--yes"]).await.assert(1);
    assert!(refused.err.contains("newer release"), "{refused:?}");
    up(&local, &["--yes"]).await.assert(1);
    let status = local.ops(&["migrate", "status"]).await.assert(0);
    assert!(status.out.contains("of a newer release"), "{status:?}");
    let doctor = local.ops(&["doctor"]).await.assert(0);
    assert!(doctor.out.contains("20990101_000000_x is of a newer release"), "{doctor:?}");
}

#[tokio::test]
async fn a_new_migration_is_written_and_registered_and_a_bad_name_writes_nothing() {
    let dir = std::env::temp_dir().join(format!("dashtam-ops-create-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a directory");
    let list = include_str!("../../../migrations/src/steps/mod.rs");
    std::fs::write(dir.join("mod.rs"), list).expect("written");
    let path = dir.to_string_lossy().into_owned();
    let create =
        async |name: &str| run(&["migrate", "create", name, "--dir", &path, "--json"], &Settings::default()).await;
    create("Bad-Name").await.assert(2);
    create("../x").await.assert(2);
    assert_eq!(std::fs::read_dir(&dir).expect("a directory").count(), 1);
    let created = create("last_seen").await.assert(0).document();
    let id = created["id"].as_str().expect("an id");
    let file = std::fs::read_to_string(dir.join(format!("m{id}.rs"))).expect("a file");
    assert!(id.ends_with("_last_seen") && file.contains(id), "{file}");
    let registered = std::fs::read_to_string(dir.join("mod.rs")).expect("a list");
    assert!(
        registered.contains(&format!("mod m{id};")) && registered.contains(&format!("m{id}::MIGRATION")),
        "{registered}"
    );
    run(&["migrate", "create", "x", "--dir", "/nonexistent"], &Settings::default()).await.assert(2);
    drop(std::fs::remove_dir_all(&dir));
}
