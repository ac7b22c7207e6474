//! `cargo bench -p dashtam-bench --bench migration`: 100,000 accounts follow a migration while the service is under load. It
//! takes minutes; `docs/performance.md` has the figures.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a measurement fails by panicking"
)]

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bundle_tests::{Actor, NICKNAME, PASSWORD, TestApp, is_migrated};
use migrations::{MigrationError, Runner, Terms};
use shared::request::{RequestMeta, Task};
use shared::store::MigrationRun;

static TASK: Task = Task {
    action: "admin.migrate",
    name: "ops migrate up",
};

fn main() -> ExitCode {
    // `cargo test --benches` starts this, too, without the argument; a test run is no time to measure.
    if !std::env::args().any(|argument| argument == "--bench") {
        println!("not measured: run `cargo bench -p dashtam-bench --bench migration`");
        return ExitCode::SUCCESS;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) => {
            runtime.block_on(Box::pin(measure()));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("migration: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(app: &TestApp, terms: Terms) -> Result<MigrationRun, MigrationError> {
    let store = app.environment.store();
    let entry = || store.entry(&RequestMeta::of_task(&TASK, store.now(), store.entropy()));
    Runner {
        store: &store,
        operator: "olga",
        terms,
    }
    .run(&NICKNAME, true, &entry, &mut |_| {})
    .await
}

/// Accounts of version 1 past the SDK, copies of the one that is in the table.
fn many_old_accounts(app: &TestApp, count: usize) {
    use dynoxide::types::AttributeValue;
    let scan = serde_json::json!({ "TableName": "dashtam-local-users", "FilterExpression": "begins_with(pk, :u)",
        "ExpressionAttributeValues": { ":u": { "S": "USER#" } } });
    let found = app
        .aws
        .database
        .scan(serde_json::from_value(scan).expect("a scan"))
        .expect("a page")
        .items;
    let mut pattern = found.unwrap_or_default().swap_remove(0);
    pattern.remove("schema_version");
    let copy = |index: usize| {
        let mut item = pattern.clone();
        item.insert(
            "pk".to_owned(),
            AttributeValue::S(format!("USER#{index:08}")),
        );
        item.insert(
            "email".to_owned(),
            AttributeValue::S("old@example.com".to_owned()),
        );
        item
    };
    for start in (0..count).step_by(5_000) {
        let items = (start..count.min(start + 5_000)).map(copy).collect();
        let options = dynoxide::ImportOptions::default();
        app.aws
            .database
            .import_items("dashtam-local-users", items, options)
            .expect("imported");
    }
}

/// Asks over and over until `over`; how long each answer took. Every answer has to be a success.
async fn load(actor: &mut Actor<'_>, over: &AtomicBool) -> Vec<Duration> {
    let mut latencies = Vec::new();
    while !over.load(Ordering::Relaxed) {
        for turn in 0..10 {
            let begun = Instant::now();
            if turn == 0 {
                actor.refresh().await;
            } else {
                actor.me().await.assert(200);
            }
            latencies.push(begun.elapsed());
        }
    }
    latencies
}

/// The same of all actors while `work` is done.
async fn loaded<T>(actors: &mut [Actor<'_>], work: impl Future<Output = T>) -> (Vec<Duration>, T) {
    let over = AtomicBool::new(false);
    let loads = futures::future::join_all(actors.iter_mut().map(|actor| load(actor, &over)));
    let work = async {
        let done = work.await;
        over.store(true, Ordering::Relaxed);
        done
    };
    let (latencies, done) = tokio::join!(loads, work);
    let mut latencies = latencies.concat();
    latencies.sort_unstable();
    (latencies, done)
}

fn percentile(latencies: &[Duration], percent: usize) -> f64 {
    latencies[(latencies.len() * percent / 100).min(latencies.len() - 1)].as_secs_f64() * 1e3
}

async fn measure() {
    let app = TestApp::with(&[("RATE_LIMIT_SCALE", "1000000")]).await;
    app.verified("a@example.com").await;
    many_old_accounts(&app, 100_000 - 4);
    let mut actors = Vec::new();
    for name in ["a", "b", "c", "d"] {
        let email = format!("{name}@example.com");
        if name != "a" {
            app.verified(&email).await;
        }
        actors.push(app.anonymous().log_in(&email, PASSWORD).await);
    }
    let (alone, ()) = loaded(&mut actors, tokio::time::sleep(Duration::from_secs(20))).await;
    let begun = Instant::now();
    let terms = Terms {
        rate: 5_000,
        segments: 4,
        take_over: false,
    };
    let (beside, run) = loaded(&mut actors, Box::pin(run(&app, terms))).await;
    let (run, took) = (run.expect("it runs"), begun.elapsed().as_secs_f64());
    println!(
        "{} items in {took:.0} s ({:.0} a second), {} overtaken; beside it {} requests, none failed: p50 {:.1} ms, p99 {:.1} ms; \
         alone {} requests in 20 s: p50 {:.1} ms, p99 {:.1} ms",
        run.changed,
        f64::from(u32::try_from(run.changed).expect("few")) / took,
        run.overtaken,
        beside.len(),
        percentile(&beside, 50),
        percentile(&beside, 99),
        alone.len(),
        percentile(&alone, 50),
        percentile(&alone, 99),
    );
    assert_eq!(run.changed, 100_000);
    assert!(app.db_items("users", "USER#").await.iter().all(is_migrated));
}
