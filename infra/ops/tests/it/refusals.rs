//! What is not done, how that is said, and with which exit code.

use shared::config::Settings;

use crate::local::{Local, REASON, run};

mod elsewhere;
mod output;

const EMAIL: &str = "ada@example.com";
/// What a deployed stage insists on.
const DEPLOYED: &str =
    "DASHTAM_STAGE=dev\nDASHTAM_ARGON2_MEMORY_KIB=19456\nDASHTAM_ARGON2_ITERATIONS=2\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_yes_nothing_happens_and_the_exit_code_is_2() {
    let local = Local::start("unconfirmed").await;
    let ada = local.join(EMAIL).await;
    let tokens = local.log_in(&ada).await;
    let url = local.url();
    for command in [
        &["users", "disable", EMAIL][..],
        &["users", "grant-admin", EMAIL],
        &["tokens", "rotate", "--global"],
        &["tokens", "rotate", "--user", EMAIL],
        &["keys", "rotate", "--mode", "compromised"],
        &["keys", "rotate", "--ring", "data"],
        &["sessions", "revoke", "--all", "--user", EMAIL],
    ] {
        let ran = local
            .ops(&[command, &["--reason", REASON]].concat())
            .await
            .assert(2);
        assert!(
            ran.out.is_empty() && ran.err.contains("Nothing was done") && ran.err.contains("--yes"),
            "{ran:?}"
        );
    }
    let ran = local
        .ops(&["drill", "breach", "--url", &url])
        .await
        .assert(2);
    assert!(ran.err.contains("--yes"), "{ran:?}");
    assert_eq!(local.me(&tokens).await, 200);
    let trail = local
        .ops(&[
            "audit", "query", "--user", EMAIL, "--action", "admin.", "--json",
        ])
        .await
        .assert(0);
    assert_eq!(trail.document()["events"].as_array().map(Vec::len), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_there_is_not_is_exit_code_3() {
    let local = Local::start("unknown").await;
    let nobody = "0190a5d8-7d5a-7000-8000-000000000001";
    for command in [
        &["users", "show", "nobody@example.com"][..],
        &["users", "show", nobody],
        &["users", "disable", nobody, "--reason", REASON, "--yes"],
        &[
            "tokens",
            "rotate",
            "--user",
            "nobody@example.com",
            "--reason",
            REASON,
            "--yes",
        ],
        &["sessions", "list", "nobody@example.com"],
        &["audit", "query", "--user", "nobody@example.com"],
    ] {
        let ran = local.ops(command).await.assert(3);
        assert!(
            ran.out.is_empty() && ran.err.lines().count() == 2,
            "{ran:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_usage_is_exit_code_2_and_says_what_would_be_right() {
    let local = Local::start("usage").await;
    for (command, word) in [
        (&["users", "show", "neither"][..], "UUID"),
        (
            &["users", "disable", EMAIL, "--reason", "short"],
            "10 to 500",
        ),
        (&["tokens", "rotate", "--reason", REASON], "--user"),
        (
            &[
                "tokens", "rotate", "--global", "--reason", REASON, "--grace", "3601",
            ],
            "3600",
        ),
        (
            &["keys", "rotate", "--ring", "signing", "--reason", REASON],
            "--mode",
        ),
        (
            &[
                "keys",
                "rotate",
                "--ring",
                "data",
                "--mode",
                "compromised",
                "--reason",
                REASON,
            ],
            "routine",
        ),
        (
            &["sessions", "revoke", "--user", EMAIL, "--reason", REASON],
            "<SESSION>",
        ),
        (&["audit", "query", "--from", "yesterday"], "RFC 3339"),
        (&["audit", "query", "--from", "60d"], "31 days"),
        (
            &[
                "drill",
                "breach",
                "--url",
                "https://auth.example.com",
                "--yes",
            ],
            "127.0.0.1",
        ),
        (&["polish"], "Usage"),
    ] {
        let ran = local.ops(command).await.assert(2);
        assert!(
            ran.out.is_empty() && ran.err.contains(word),
            "{word}: {ran:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_without_a_name_may_do_nothing() {
    let local = Local::start("name").await;
    let name = std::env::temp_dir().join(format!("dashtam-ops-name-{}.env", std::process::id()));
    std::fs::write(&name, local.file("lambda.env")).expect("written");
    let file = name.to_string_lossy().into_owned();
    let keys = ["keys", "list", "--env-file", &file];
    let ran = run(&keys, &Settings::default()).await.assert(2);
    assert!(ran.err.contains("--as"), "{ran:?}");
    run(&keys, &Settings::default().with("USER", "olga"))
        .await
        .assert(0);
    drop(std::fs::remove_file(&name));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_user_variable_the_account_it_runs_as_is_the_operator() {
    let local = Local::start("account").await;
    let name = std::env::temp_dir().join(format!("dashtam-ops-account-{}.env", std::process::id()));
    std::fs::write(&name, local.file("lambda.env")).expect("written");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_ops"));
    command
        .args(["keys", "list", "--env-file"])
        .arg(&name)
        .env_remove("USER");
    let status = tokio::task::spawn_blocking(move || command.output())
        .await
        .expect("no panic")
        .expect("started")
        .status;
    drop(std::fs::remove_file(&name));
    assert_eq!(status.code(), Some(0));
}

#[tokio::test]
async fn help_is_no_mistake() {
    let ran = run(&["--help"], &Settings::default()).await.assert(0);
    assert!(
        ran.err.is_empty() && ran.out.contains("docs/operations.md"),
        "{ran:?}"
    );
}
