//! The course of an import: what is refused, left out, kept and given again.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::local::{Local, PASSWORD, REASON, Ran};

mod faults;

/// A file of one test.
pub struct File(PathBuf);

impl File {
    pub fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!(
            "dashtam-ops-users-of-{name}-{}",
            std::process::id()
        ));
        std::fs::write(&path, text).expect("written");
        Self(path)
    }

    /// Where the lines are that were left out.
    fn rejected(&self) -> PathBuf {
        let mut name = self.0.clone().into_os_string();
        name.push(".rejected");
        name.into()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.0));
        drop(std::fs::remove_file(self.rejected()));
    }
}

pub fn bcrypt_hash() -> String {
    bcrypt::hash(PASSWORD, 10).expect("a hash")
}

pub async fn import(local: &Local, from: &str, file: &File, more: &[&str]) -> Ran {
    let path = file.0.to_string_lossy().into_owned();
    let command = [
        "users", "import", &path, "--from", from, "--rate", "10000", "--reason", REASON, "--json",
    ];
    local.ops(&[&command[..], more].concat()).await
}

pub fn counts(ran: &Ran) -> [u64; 3] {
    let document = ran.document();
    ["imported", "present", "faulty"].map(|name| {
        document
            .get(name)
            .and_then(Value::as_u64)
            .expect("a number")
    })
}

pub async fn log_in(local: &Local, email: &str, password: &str) -> u16 {
    let body = json!({ "email": email, "password": password });
    local
        .connect()
        .post("/api/v1/auth/login", None, &body)
        .await
        .expect("an answer")
        .status
}

pub async fn shown(local: &Local, whom: &str) -> Value {
    local
        .ops(&["users", "show", whom, "--json"])
        .await
        .assert(0)
        .document()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_that_is_given_again_goes_on_where_it_was() {
    let local = Local::start("import-again").await;
    let line = |n: u32| {
        json!({ "email": format!("user{n}@example.com"), "email_verified": true }).to_string()
    };
    let half = File::new(
        "again-half",
        &(0..5).map(line).collect::<Vec<_>>().join("\n"),
    );
    assert_eq!(
        counts(&import(&local, "jsonl", &half, &["--yes"]).await.assert(0)),
        [5, 0, 0]
    );
    let whole = File::new(
        "again-whole",
        &(0..10).map(line).collect::<Vec<_>>().join("\n"),
    );
    assert_eq!(
        counts(&import(&local, "jsonl", &whole, &["--yes"]).await.assert(0)),
        [5, 5, 0]
    );
    assert_eq!(
        counts(&import(&local, "jsonl", &whole, &["--yes"]).await.assert(0)),
        [0, 10, 0]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_that_is_killed_leaves_whole_accounts_and_goes_on() {
    let local = Local::start("import-killed").await;
    let address = |n: u32| format!("user{n}@example.com");
    let line = |n: u32| json!({ "email": address(n), "email_verified": true }).to_string();
    let file = File::new("killed", &(0..200).map(line).collect::<Vec<_>>().join("\n"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_ops"));
    command
        .args(["users", "import"])
        .arg(&file.0)
        .arg("--data-dir")
        .arg(local.directory());
    command.args([
        "--from", "jsonl", "--rate", "40", "--reason", REASON, "--as", "olga", "--yes",
    ]);
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("started");
    while local.ops(&["users", "show", &address(20)]).await.code != 0 {
        assert!(
            child.try_wait().expect("a child").is_none(),
            "it ended by itself"
        );
    }
    child.kill().expect("killed");
    child.wait().expect("ended");
    local.ops(&["users", "show", &address(199)]).await.assert(3);
    let [imported, present, faulty] =
        counts(&import(&local, "jsonl", &file, &["--yes"]).await.assert(0));
    assert!(
        present > 20 && imported + present == 200 && faulty == 0,
        "{imported} {present} {faulty}"
    );
    let query = [
        "audit",
        "query",
        "--all",
        "--action",
        "admin.import_user",
        "--limit",
        "10000",
        "--json",
    ];
    let trail = local.ops(&query).await.assert(0).document();
    assert_eq!(
        trail.get("events").and_then(Value::as_array).map(Vec::len),
        Some(200)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_was_verified_elsewhere_is_taken_from_an_unverified_import() {
    let local = Local::start("import-claim").await;
    let claim = json!({ "email": "ada@example.com", "password": PASSWORD, "name": "Mallory" });
    local
        .connect()
        .post("/api/v1/auth/register", None, &claim)
        .await
        .expect("an answer")
        .json(201)
        .expect("taken");
    let unverified = File::new(
        "claim",
        &json!({ "email": "ada@example.com", "name": "Ada" }).to_string(),
    );
    assert_eq!(
        counts(
            &import(&local, "jsonl", &unverified, &["--yes"])
                .await
                .assert(0)
        ),
        [0, 1, 0]
    );
    let line = json!({ "email": "ada@example.com", "name": "Ada", "email_verified": true });
    let verified = File::new("verified", &line.to_string());
    assert_eq!(
        counts(
            &import(&local, "jsonl", &verified, &["--yes"])
                .await
                .assert(0)
        ),
        [1, 0, 0]
    );
    assert_eq!(
        counts(
            &import(&local, "jsonl", &verified, &["--yes"])
                .await
                .assert(0)
        ),
        [0, 1, 0]
    );
    assert_eq!(
        shown(&local, "ada@example.com").await.pointer("/user/name"),
        Some(&json!("Ada"))
    );
    assert_eq!(log_in(&local, "ada@example.com", PASSWORD).await, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_takes_the_identifier_that_unknown_addresses_are_logged_in_to() {
    // EN-01
    let local = Local::start("import-unknown").await;
    let unknown = "00000000-0000-0000-0000-000000000000";
    let line = json!({ "id": unknown, "email": "eve@example.com", "email_verified": true, "password_hash": bcrypt_hash() });
    let file = File::new("unknown", &line.to_string());
    let ran = import(&local, "jsonl", &file, &["--yes"]).await.assert(1);
    assert!(
        ran.err.contains("line 1: ") && ran.err.contains("must not be used"),
        "{}",
        ran.err
    );
    assert_eq!(log_in(&local, "unknown@example.com", PASSWORD).await, 401);
    local.ops(&["users", "show", unknown]).await.assert(3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_yes_it_says_what_becomes_of_passwords_bans_and_addresses() {
    let local = Local::start("import-overview").await;
    let lines = [
        json!({ "email": "a@example.com", "email_verified": true, "password_hash": bcrypt_hash() }),
        json!({ "email": "b@example.com", "email_verified": true, "password_hash": bcrypt_hash(), "is_active": false }),
        json!({ "email": "c@example.com", "password_hash": "!iBHjqEQ0Ntg6gRs7a6pjwoldel559ufGKw1mi07V" }),
    ];
    let file = File::new("overview", &lines.map(|line| line.to_string()).join("\n"));
    let ran = import(&local, "jsonl", &file, &[]).await.assert(2);
    for told in [
        "import 3 accounts; 0 lines cannot be imported",
        "Passwords: 2 come along (2 bcrypt cost=10), 1 accounts have none and need a reset",
        "Addresses: 2 are verified, 1 are not",
        "Disabled: 1",
    ] {
        assert!(ran.err.contains(told), "{told}: {}", ran.err);
    }
    let file = File::new(
        "overview-none",
        &json!({ "email": "d@example.com" }).to_string(),
    );
    let ran = import(&local, "jsonl", &file, &[]).await.assert(2);
    assert!(
        ran.err.contains("no line has a password") && ran.err.contains("no address is verified"),
        "{}",
        ran.err
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_leaves_an_account_that_is_there_as_it_is() {
    let local = Local::start("import-present").await;
    let ada = local.join("ada@example.com").await;
    let line =
        json!({ "email": "ADA@example.com", "name": "Mallory", "password_hash": bcrypt_hash() });
    let file = File::new("present", &line.to_string());
    assert_eq!(
        counts(&import(&local, "jsonl", &file, &["--yes"]).await.assert(0)),
        [0, 1, 0]
    );
    local.log_in(&ada).await;
    assert_ne!(
        shown(&local, "ada@example.com").await.pointer("/user/name"),
        Some(&json!("Mallory"))
    );
}
