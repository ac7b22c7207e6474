//! Migrations: how a run begins, is stopped at any call, goes on, and lives with others, with a made-up migration; and what
//! the service makes of items of another shape and of a newer version.
#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use aws_sdk_dynamodb::types::AttributeValue;
use bundle_tests::{Fault, MADE_UP, NICKNAME, PASSWORD, TestApp, is_migrated, text};
use migrations::{MigrationError, Runner, Standing, Terms, overview};
use shared::audit_event::Entry;
use shared::request::{RequestMeta, Task};
use shared::store::{MigrationRun, Schema, Store};

use crate::guard_project::read;

static TASK: Task = Task {
    action: "admin.migrate",
    name: "ops migrate up",
};
/// Two pages of each of two segments, and more.
const ACCOUNTS: usize = 30;
const TERMS: Terms = Terms {
    rate: 40,
    segments: 2,
    take_over: false,
};

fn number(number: u32) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// So many accounts that the migration has to change. All but one have no number, which makes them of version 1.
async fn old_accounts(app: &TestApp, count: usize) {
    app.verified("a@example.com").await;
    let pattern = app.db_user("a@example.com").await;
    for index in 1..count {
        let mut user = pattern.clone();
        user.insert(
            "pk".to_owned(),
            AttributeValue::S(format!("USER#{index:04}")),
        );
        user.insert(
            "email".to_owned(),
            AttributeValue::S("old@example.com".to_owned()),
        );
        user.remove("schema_version");
        app.db_put("users", user).await;
    }
    app.proxy.take_calls();
}

async fn count_new(app: &TestApp) -> usize {
    app.db_items("users", "USER#")
        .await
        .iter()
        .filter(|user| is_migrated(user))
        .count()
}

fn entry(store: &Store) -> Entry {
    store.entry(&RequestMeta::of_task(&TASK, store.now(), store.entropy()))
}

async fn run_as(
    app: &TestApp,
    operator: &str,
    is_up: bool,
    terms: Terms,
) -> Result<MigrationRun, MigrationError> {
    // A process of its own has a clock and a client of its own; the pace is not what is looked at here.
    let store = app.environment.store();
    let runner = Runner {
        store: &store,
        operator,
        terms,
    };
    runner
        .run(&NICKNAME, is_up, &|| entry(&store), &mut |_| {})
        .await
}

async fn run(app: &TestApp, is_up: bool) -> MigrationRun {
    run_as(app, "olga", is_up, TERMS).await.expect("it runs")
}

/// A run that dies when it makes its call number `calls` of `operation`, which is on its way then.
async fn die_at(app: &TestApp, operation: &'static str, calls: usize) {
    app.proxy.plan_after(operation, Fault::Held, calls, 1);
    tokio::select! {
        ended = run_as(app, "olga", true, TERMS) => panic!("it ended: {ended:?}"),
        () = app.proxy.until_held() => {}
    }
    app.proxy.heal();
}

async fn standing(app: &TestApp) -> Standing {
    let states = app.environment.store().migrations().await.expect("states");
    overview(MADE_UP, states, app.environment.store().now())[0].standing
}

#[tokio::test]
async fn up_changes_every_old_item_once_and_down_takes_it_back() {
    let app = TestApp::start().await;
    old_accounts(&app, ACCOUNTS).await;
    assert_eq!(standing(&app).await, Standing::Pending);
    let up = run(&app, true).await;
    assert_eq!((up.changed, count_new(&app).await), (30, 30));
    assert_eq!(standing(&app).await, Standing::Applied);
    let again = run(&app, true).await;
    assert_eq!((again.seen, again.changed), (up.seen, 0));
    let down = run(&app, false).await;
    assert_eq!((down.changed, count_new(&app).await), (30, 0));
    assert_eq!(standing(&app).await, Standing::Pending);
    app.anonymous()
        .try_log_in("a@example.com", PASSWORD)
        .await
        .assert(200);
    let trail = app.db_scan("audit").await;
    let records: Vec<_> = trail
        .iter()
        .filter(|record| text(record, "action") == Some("admin.migrate"))
        .collect();
    assert_eq!(records.len(), 6, "a beginning and an end of each run");
}

#[tokio::test]
async fn a_run_that_dies_at_any_call_goes_on_where_it_was() {
    for (operation, calls) in [
        ("TransactWriteItems", 0),
        ("Scan", 2),
        ("UpdateItem", 0),
        ("UpdateItem", 17),
        ("TransactWriteItems", 2),
    ] {
        let app = TestApp::start().await;
        old_accounts(&app, ACCOUNTS).await;
        die_at(&app, operation, calls).await;
        let before = count_new(&app).await;
        assert!(before < ACCOUNTS, "{operation} {calls}");
        // Its lease keeps others away, until it has run out.
        app.advance(61);
        app.proxy.watch();
        let run = run(&app, true).await;
        assert_eq!(count_new(&app).await, ACCOUNTS, "{operation} {calls}");
        assert!(
            run.seen == 31 && run.changed <= 30,
            "{operation} {calls}: {run:?}"
        );
        if (operation, calls) == ("TransactWriteItems", 2) {
            // The beginning and one round were saved, so the rest begins behind it.
            let of_users =
                |call: &(String, serde_json::Value)| call.1["TableName"] == "dashtam-local-users";
            let calls = app.proxy.take_watched().into_iter().filter(of_users);
            let scans: Vec<_> = calls.filter(|(operation, _)| operation == "Scan").collect();
            assert!(
                scans
                    .iter()
                    .all(|(_, scan)| scan["ExclusiveStartKey"].is_object()),
                "{scans:?}"
            );
            assert!(before > 0 && run.attempts == 2, "{run:?}");
        }
        assert_eq!(standing(&app).await, Standing::Applied);
    }
}

#[tokio::test]
async fn of_two_who_run_the_same_migration_one_is_told() {
    let app = TestApp::start().await;
    old_accounts(&app, ACCOUNTS).await;
    die_at(&app, "Scan", 3).await;
    assert_eq!(standing(&app).await, Standing::Running);
    let refused = run_as(&app, "otto", true, TERMS).await;
    assert!(
        matches!(&refused, Err(MigrationError::Held { operator, .. }) if operator == "olga"),
        "{refused:?}"
    );
    app.advance(61);
    assert_eq!(standing(&app).await, Standing::Stopped);
    // The first one lives after all: it is held back before its save, and the other takes over meanwhile.
    let first = run_as(&app, "olga", true, TERMS);
    app.proxy.plan_after("UpdateItem", Fault::Held, 0, 1);
    let second = async {
        app.proxy.until_held().await;
        let taken = run_as(
            &app,
            "otto",
            true,
            Terms {
                take_over: true,
                ..TERMS
            },
        )
        .await;
        app.proxy.release();
        taken
    };
    let (first, second) = tokio::join!(first, second);
    assert!(
        matches!(first, Err(MigrationError::Superseded)),
        "{first:?}"
    );
    assert!(second.is_ok(), "{second:?}");
    assert_eq!(count_new(&app).await, ACCOUNTS);
}

#[tokio::test]
async fn who_writes_an_item_between_the_look_and_the_change_wins() {
    let app = TestApp::start().await;
    old_accounts(&app, 1).await;
    app.proxy.plan_after("UpdateItem", Fault::Held, 0, 1);
    let writer = async {
        app.proxy.until_held().await;
        let user = app.db_user("a@example.com").await;
        app.db_set(
            "users",
            &user,
            "name",
            AttributeValue::S("Grace Hopper".to_owned()),
        )
        .await;
        app.proxy.release();
    };
    let (done, ()) = tokio::join!(run(&app, true), writer);
    let user = app.db_user("a@example.com").await;
    assert_eq!(
        (text(&user, "name"), text(&user, "nickname")),
        (Some("Grace Hopper"), Some("Grace"))
    );
    assert_eq!((done.changed, done.overtaken), (1, 1));
}

#[tokio::test]
async fn an_item_that_is_deleted_meanwhile_does_not_come_back() {
    let app = TestApp::start().await;
    old_accounts(&app, 1).await;
    app.proxy.plan_after("UpdateItem", Fault::Held, 0, 1);
    let eraser = async {
        app.proxy.until_held().await;
        let key = app.db_user("a@example.com").await["pk"].clone();
        app.db()
            .delete_item()
            .table_name("dashtam-local-users")
            .key("pk", key)
            .send()
            .await
            .expect("deleted");
        app.proxy.release();
    };
    let (done, ()) = tokio::join!(run(&app, true), eraser);
    assert_eq!((done.changed, done.overtaken), (0, 1));
    assert_eq!(app.db_items("users", "USER#").await.len(), 0);
}

#[tokio::test]
async fn throttling_and_lost_answers_cost_time_and_nothing_else() {
    let app = TestApp::start().await;
    old_accounts(&app, 6).await;
    app.proxy.plan("UpdateItem", Fault::LostAnswer, 2);
    app.proxy.plan("UpdateItem", Fault::Throttled, 4);
    app.proxy
        .plan_after("TransactWriteItems", Fault::LostAnswer, 1, 3);
    app.proxy.plan("Scan", Fault::Throttled, 3);
    run(&app, true).await;
    assert_eq!(count_new(&app).await, 6);
    assert_eq!(standing(&app).await, Standing::Applied);
}

#[tokio::test]
async fn a_rehearsal_counts_and_writes_nothing() {
    let app = TestApp::start().await;
    old_accounts(&app, ACCOUNTS).await;
    let tables = async || {
        (
            app.db_scan("users").await,
            app.db_scan("audit").await,
            app.db_scan("security").await,
        )
    };
    let before = tables().await;
    let store = app.environment.store();
    let runner = Runner {
        store: &store,
        operator: "olga",
        terms: TERMS,
    };
    let counted = runner
        .rehearse(&NICKNAME, true, &mut |_| {})
        .await
        .expect("it counts");
    assert_eq!((counted.changed, counted.seen), (30, 31));
    assert!(tables().await == before, "something was written");
}

#[tokio::test]
async fn accounts_of_both_shapes_work_and_a_read_writes_nothing() {
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    for is_up in [true, false] {
        run(&app, is_up).await;
        let before = app.db_user("a@example.com").await;
        assert_eq!(is_migrated(&before), is_up);
        app.proxy.take_calls();
        ada.me().await.assert(200);
        assert_eq!(app.proxy.take_calls(), ["BatchGetItem"]);
        assert_eq!(app.db_user("a@example.com").await, before);
    }
}

#[tokio::test]
async fn a_write_of_the_service_keeps_what_only_a_newer_release_knows() {
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    run(&app, true).await;
    app.anonymous()
        .try_log_in("a@example.com", PASSWORD)
        .await
        .assert(200);
    let change = serde_json::json!({ "current_password": PASSWORD, "new_password": "Other-Horse-8-Battery" });
    ada.post("/api/v1/auth/change-password", &change)
        .await
        .assert(200);
    assert!(is_migrated(&app.db_user("a@example.com").await));
}

#[tokio::test]
async fn an_item_of_a_newer_release_is_refused_for_now_and_left_as_it_is() {
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    for (table, prefix) in [
        ("users", "USER#"),
        ("tokens", "USER#"),
        ("security", "SECURITY#"),
    ] {
        let items = app.db_items(table, prefix).await;
        for item in &items {
            assert_eq!(item.get("schema_version"), Some(&number(1)), "{table}");
            app.db_set(table, item, "schema_version", number(2)).await;
        }
        let newer = app.db_items(table, prefix).await;
        ada.me().await.assert_problem(503, "service_unavailable");
        if table == "users" {
            let login = app.anonymous().try_log_in("a@example.com", PASSWORD).await;
            login.assert_problem(503, "service_unavailable");
        }
        assert_eq!(app.db_items(table, prefix).await, newer, "{table}");
        for item in &items {
            app.db_set(table, item, "schema_version", number(1)).await;
        }
    }
    ada.me().await.assert(200);
}

#[test]
fn the_versions_of_the_page_are_those_of_the_code() {
    let page = read("docs/tables.md");
    for (name, schema) in Schema::ALL {
        let written = schema.written.expect("a version");
        let known = if schema.read > 1 {
            format!("1 to {}", schema.read)
        } else {
            "1".to_owned()
        };
        let row = page
            .lines()
            .find(|line| line.starts_with(&format!("| {name} | {written}")));
        assert!(
            row.is_some_and(|row| row.ends_with(&format!("| {known} |"))),
            "docs/tables.md says otherwise of {name}"
        );
    }
}
