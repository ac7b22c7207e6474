//! The runbook for a restore, played: what was dead before the backup came back stays dead.

use serde_json::Value;

use crate::local::{Local, REASON};

async fn global_version(local: &Local) -> u64 {
    let listed = local
        .ops(&["keys", "list", "--json"])
        .await
        .assert(0)
        .document();
    listed
        .get("global_version")
        .and_then(Value::as_u64)
        .expect("a version")
}

/// Part 3 of `docs/runbooks/restore-from-backup.md`.
async fn raise_above(local: &Local, last: u64) {
    while global_version(local).await <= last {
        local
            .ops(&["tokens", "rotate", "--global", "--reason", REASON, "--yes"])
            .await
            .assert(0);
    }
    local
        .ops(&[
            "keys",
            "rotate",
            "--mode",
            "compromised",
            "--reason",
            REASON,
            "--yes",
        ])
        .await
        .assert(0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_restore_by_the_runbook_nothing_of_before_is_accepted_and_logins_work() {
    // OP-02, RV-04
    let local = Local::start("restore").await;
    let ada = local.join("ada@example.com").await;
    let ended = local.log_in(&ada).await;
    let files = local.stop().await;
    let backup = files.copy("restore-backup");

    let local = Local::on(files).await;
    for _ in 0..3 {
        local
            .ops(&["tokens", "rotate", "--global", "--reason", REASON, "--yes"])
            .await
            .assert(0);
    }
    let last = global_version(&local).await;
    let newer = local.log_in(&ada).await;
    assert_eq!((local.me(&ended).await, local.me(&newer).await), (401, 200));
    drop(local.stop().await);

    let local = Local::on(backup).await;
    assert_eq!(
        local.me(&ended).await,
        200,
        "the backup brings it back to life"
    );
    raise_above(&local, last).await;
    assert!(global_version(&local).await > last);
    assert_eq!((local.me(&ended).await, local.me(&newer).await), (401, 401));
    let fresh = local.log_in(&ada).await;
    assert_eq!(local.me(&fresh).await, 200);
    local.stop().await;
}
