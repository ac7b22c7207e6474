//! The seals of the trail, through the command and the local run that seals by itself.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use crate::local::{Local, run};
use shared::config::Settings;

const EMAIL: &str = "ada@example.com";

/// Waits until the local run has sealed everything that is to be sealed.
async fn until_sealed(local: &Local) {
    for _ in 0..600 {
        let report = local
            .ops(&["audit", "verify", "--json"])
            .await
            .assert(0)
            .document();
        if report["records"].as_u64() > Some(0) && report["unsealed"] == 0 {
            return;
        }
    }
    panic!("the local run does not seal");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_local_run_seals_and_signs_and_the_command_verifies_it() {
    let local = Local::start("seals").await;
    let ada = local.join(EMAIL).await;
    local.log_in(&ada).await;
    until_sealed(&local).await;
    let ran = local.ops(&["audit", "verify"]).await.assert(0);
    assert!(
        ran.out.contains("Nothing was changed") && ran.err.contains("verified in"),
        "{ran:?}"
    );
    let of_ada = local
        .ops(&["audit", "verify", "--user", EMAIL, "--json"])
        .await
        .assert(0)
        .document();
    assert!(
        of_ada["records"].as_u64() > Some(1) && of_ada["verified"] == true,
        "{of_ada}"
    );
    let reconciled = local
        .ops(&["audit", "reconcile", "--yes", "--json"])
        .await
        .assert(0)
        .document();
    assert_eq!(reconciled["sealed_late"], 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pinned_key_is_taken_in_the_place_of_the_one_that_is_shown() {
    let local = Local::start("pinned").await;
    local.join(EMAIL).await;
    let key = local.ops(&["audit", "key"]).await.assert(0).out;
    let file = std::env::temp_dir().join(format!("dashtam-ops-key-{}.pem", std::process::id()));
    std::fs::write(&file, key).expect("written");
    let name = file.to_string_lossy().into_owned();
    local
        .ops(&["audit", "verify", "--public-key", &name])
        .await
        .assert(0);
    std::fs::write(&file, "no key").expect("written");
    let ran = local
        .ops(&["audit", "verify", "--public-key", &name])
        .await
        .assert(2);
    assert!(ran.err.contains("P-256"), "{ran:?}");
    drop(std::fs::remove_file(&file));
    local.ops(&["audit", "reconcile"]).await.assert(2);
    run(
        &[
            "audit",
            "verify",
            "--data-dir",
            "/nonexistent",
            "--as",
            "olga",
        ],
        &Settings::default(),
    )
    .await
    .assert(2);
}
