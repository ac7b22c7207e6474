//! What each command does, and that the trail knows who did it.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::Notify;

use crate::local::{Local, REASON};

mod accounts;

const EMAIL: &str = "ada@example.com";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dry_run_of_a_rotation_changes_nothing_and_says_what_it_would_do() {
    let local = Local::start("dry").await;
    let ada = local.join(EMAIL).await;
    let tokens = local.log_in(&ada).await;
    let rotate = [
        "tokens", "rotate", "--user", EMAIL, "--reason", REASON, "--json",
    ];
    let dry = local
        .ops(&[&rotate[..], &["--dry-run"]].concat())
        .await
        .assert(0)
        .document();
    assert_eq!(
        (&dry["dry_run"], &dry["sessions_affected"]),
        (&json!(true), &json!(1))
    );
    assert_eq!(local.me(&tokens).await, 200);
    let done = local
        .ops(&[&rotate[..], &["--yes"]].concat())
        .await
        .assert(0)
        .document();
    assert_eq!(done["new_version"], dry["new_version"]);
    assert_eq!(local.me(&tokens).await, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_global_rotation_with_grace_lets_sessions_in_until_it_ends() {
    let local = Local::start("grace").await;
    let ada = local.join(EMAIL).await;
    let tokens = local.log_in(&ada).await;
    local
        .ops(&[
            "tokens", "rotate", "--global", "--reason", REASON, "--grace", "3600", "--yes",
        ])
        .await
        .assert(0);
    assert_eq!(local.me(&tokens).await, 200);
    local
        .ops(&["tokens", "rotate", "--global", "--reason", REASON, "--yes"])
        .await
        .assert(0);
    assert_eq!(local.me(&tokens).await, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_compromised_signing_key_is_replaced_at_once() {
    let local = Local::start("keys").await;
    let ada = local.join(EMAIL).await;
    let tokens = local.log_in(&ada).await;
    let before = local
        .ops(&["keys", "list", "--json"])
        .await
        .assert(0)
        .document();
    let rotate = [
        "keys",
        "rotate",
        "--mode",
        "compromised",
        "--reason",
        REASON,
        "--yes",
        "--json",
    ];
    let after = local.ops(&rotate).await.assert(0).document();
    assert_eq!(after["signing_keys"].as_array().map(Vec::len), Some(1));
    assert_ne!(
        after["signing_keys"][0]["kid"],
        before["signing_keys"][0]["kid"]
    );
    assert_eq!(after["signing_keys"][0]["state"], "active");
    assert_eq!(local.me(&tokens).await, 401);
    let anew = local.log_in(&ada).await;
    assert_eq!(local.me(&anew).await, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_who_need_the_new_key_at_once_all_get_it() {
    let local = Local::start("many").await;
    let ada = local.join(EMAIL).await;
    let mut sessions = Vec::new();
    for _ in 0..30 {
        sessions.push((local.connect(), local.log_in(&ada).await));
    }
    let rotate = [
        "keys",
        "rotate",
        "--mode",
        "compromised",
        "--reason",
        REASON,
        "--yes",
    ];
    local.ops(&rotate).await.assert(0);
    let refreshes = sessions.iter_mut().map(async |(connection, tokens)| {
        let body = json!({ "refresh_token": tokens.refresh });
        connection
            .post("/api/v1/auth/refresh", None, &body)
            .await
            .expect("an answer")
            .status
    });
    let statuses = futures::future::join_all(refreshes).await;
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_session_is_ended_and_the_others_live_on() {
    let local = Local::start("sessions").await;
    let ada = local.join(EMAIL).await;
    let (first, second) = (local.log_in(&ada).await, local.log_in(&ada).await);
    let listed = local
        .ops(&["sessions", "list", EMAIL, "--json"])
        .await
        .assert(0)
        .document();
    assert_eq!(listed["total_count"], 2);
    // The newest activity comes first.
    let id = listed["sessions"][0]["id"].as_str().expect("an id");
    let revoke = [
        "sessions", "revoke", id, "--user", EMAIL, "--reason", REASON, "--yes",
    ];
    local.ops(&revoke).await.assert(0);
    assert_eq!(
        (local.me(&first).await, local.me(&second).await),
        (200, 401)
    );
    local.ops(&revoke).await.assert(3);
    local
        .ops(&[
            "sessions", "revoke", "--all", "--user", EMAIL, "--reason", REASON, "--yes",
        ])
        .await
        .assert(0);
    assert_eq!(local.me(&first).await, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_finds_records_by_time_and_action_the_newest_last() {
    let local = Local::start("query").await;
    let ada = local.join(EMAIL).await;
    local.log_in(&ada).await;
    local.log_in(&ada).await;
    let query = async |more: &[&str]| {
        let all = [&["audit", "query", "--user", EMAIL, "--json"], more].concat();
        local.ops(&all).await.assert(0).document()["events"]
            .as_array()
            .expect("events")
            .clone()
    };
    let all = query(&[]).await;
    let times: Vec<_> = all
        .iter()
        .map(|event| event["occurred_at"].as_str().expect("a time").to_owned())
        .collect();
    assert!(times.is_sorted() && times.len() >= 4, "{times:?}");
    assert_eq!(query(&["--action", "auth.login"]).await.len(), 2);
    assert!(query(&["--action", "auth."]).await.len() >= 4);
    assert_eq!(query(&["--limit", "1"]).await, all[all.len() - 1..]);
    assert_eq!(query(&["--to", "2020-01-01"]).await.len(), 0);
    assert_eq!(query(&["--from", "1h"]).await.len(), all.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tail_with_a_beginning_shows_what_has_happened_since_as_one_document() {
    let local = Local::start("tail-from").await;
    let ada = local.join(EMAIL).await;
    local.log_in(&ada).await;
    let tail = [
        "audit", "tail", "--user", EMAIL, "--from", "1h", "--for", "0", "--json",
    ];
    let events = local.ops(&tail).await.assert(0).document();
    let query = local
        .ops(&["audit", "query", "--user", EMAIL, "--json"])
        .await
        .assert(0)
        .document();
    assert_eq!(events, query["events"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tail_shows_what_happens_while_it_runs() {
    let local = Local::start("tail").await;
    let ada = local.join(EMAIL).await;
    let seen = Seen {
        wanted: "auth.login",
        text: String::new(),
        found: Arc::default(),
    };
    let found = Arc::clone(&seen.found);
    let tail = local.ops_to(&["audit", "tail", "--user", EMAIL, "--every", "1"], seen);
    let login = async {
        // The first one may be over before the tail begins.
        loop {
            local.log_in(&ada).await;
            if tokio::time::timeout(Duration::from_secs(3), found.notified())
                .await
                .is_ok()
            {
                return;
            }
        }
    };
    tokio::select! {
        ran = tail => panic!("it ended with {}", ran.code),
        () = login => {}
    }
}

/// A stream that tells when something has been written to it.
struct Seen {
    wanted: &'static str,
    text: String,
    found: Arc<Notify>,
}

impl Write for Seen {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.text.push_str(&String::from_utf8_lossy(bytes));
        if self.text.contains(self.wanted) {
            self.found.notify_one();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
