//! What is not done, how that is said, and with which exit code.

use std::io::{self, BufWriter, Write};

use shared::config::Settings;

use crate::local::{Local, REASON, run};

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_cannot_be_written_is_no_success() {
    let local = Local::start("full").await;
    local.join(EMAIL).await;
    for command in [
        &["users", "export", EMAIL, "--reason", REASON][..],
        &["users", "export", EMAIL, "--reason", REASON, "--json"],
        &["audit", "query", "--user", EMAIL],
        &["audit", "tail", "--user", EMAIL, "--json"],
        &["config", "check"],
        &["outbox", "list"],
        &["--help"],
    ] {
        let ran = local.ops_to(command, BufWriter::new(Full)).await.assert(1);
        assert!(
            ran.err.contains("Standard output could not be written"),
            "{command:?}: {}",
            ran.err
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_keeps_its_exit_code_where_nothing_can_be_written() {
    let local = Local::start("full-refused").await;
    let ran = local
        .ops_to(&["users", "show", "nobody@example.com", "--json"], Full)
        .await
        .assert(3);
    assert!(
        ran.err.contains("no account") && ran.err.contains("could not be written"),
        "{}",
        ran.err
    );
}

/// A full disk.
struct Full;

impl Write for Full {
    fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::StorageFull.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
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
