//! What is printed: one document with `--json`, and never a secret.

use shared::tokens::RefreshToken;

use crate::local::{Local, PASSWORD, REASON};

const EMAIL: &str = "ada@example.com";

/// Every command that can be run after each other.
const COMMANDS: [&[&str]; 15] = [
    &["users", "show", EMAIL],
    &["users", "show", "nobody@example.com"],
    &["users", "disable", EMAIL, "--reason", REASON],
    &["users", "grant-admin", EMAIL, "--reason", REASON, "--yes"],
    &["users", "unlock", EMAIL, "--reason", REASON, "--yes"],
    &["sessions", "list", EMAIL],
    &["audit", "query", "--user", EMAIL],
    &["audit", "query"],
    &["audit", "tail", "--for", "0"],
    &["keys", "list"],
    &[
        "tokens",
        "rotate",
        "--user",
        EMAIL,
        "--reason",
        REASON,
        "--dry-run",
    ],
    &[
        "sessions", "revoke", "--all", "--user", EMAIL, "--reason", REASON, "--yes",
    ],
    &[
        "keys",
        "rotate",
        "--mode",
        "compromised",
        "--reason",
        REASON,
        "--yes",
    ],
    &["users", "disable", EMAIL, "--reason", REASON, "--yes"],
    &["users", "enable", EMAIL, "--reason", REASON, "--yes"],
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_json_standard_output_is_one_document_whatever_happens() {
    let local = Local::start("json").await;
    local.join(EMAIL).await;
    for command in COMMANDS {
        let ran = local.ops(&[command, &["--json"]].concat()).await;
        let document = ran.document();
        assert_eq!(
            document.get("error").is_some(),
            ran.code != 0,
            "{command:?}: {ran:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_command_prints_a_secret() {
    let local = Local::start("secrets").await;
    let ada = local.join(EMAIL).await;
    let tokens = local.log_in(&ada).await;
    let refresh = RefreshToken::parse(&tokens.refresh).expect("a refresh token");
    let mut secrets = vec![
        PASSWORD.to_owned(),
        tokens.access,
        tokens.refresh,
        refresh.hash(),
        refresh.family().hash(),
    ];
    secrets.push("$argon2id$".to_owned());
    // Every long word of the rings: the private halves are among them, with and after each change.
    let mut printed = String::new();
    for command in COMMANDS {
        let rings = local.file("secrets.json");
        secrets.extend(
            rings
                .split(['"', '\\'])
                .filter(|word| word.len() > 40)
                .map(str::to_owned),
        );
        for form in [&[][..], &["--json"]] {
            let ran = local.ops(&[command, form].concat()).await;
            printed += &ran.out;
            printed += &ran.err;
        }
    }
    assert!(
        secrets.len() > 8 && printed.contains("olga"),
        "the test has nothing to look for"
    );
    for secret in secrets {
        assert!(
            !printed.contains(&secret),
            "a secret of {} characters was printed",
            secret.len()
        );
    }
}
