//! Accounts: disabled, unlocked, moved, and made an admin.

use ops::drill::cast::Person;
use serde_json::{Value, json};

use super::EMAIL;
use crate::local::{Local, PASSWORD, REASON};

const PRESENT: &str = "ada@new.example";

/// The records of an action in a trail that was printed.
fn records<'a>(document: &'a Value, action: &str) -> Vec<&'a Value> {
    let events = document["events"].as_array().expect("events");
    events
        .iter()
        .filter(|event| event["action"] == action)
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn disabling_an_account_ends_its_tokens_and_is_recorded_with_the_operators_name() {
    let local = Local::start("disable").await;
    let ada = local.join(EMAIL).await;
    let tokens = local.log_in(&ada).await;
    local
        .ops(&["users", "disable", EMAIL, "--reason", REASON, "--yes"])
        .await
        .assert(0);
    assert_eq!(local.me(&tokens).await, 401);
    let trail = local
        .ops(&["audit", "query", "--user", EMAIL, "--json"])
        .await
        .assert(0)
        .document();
    let found = records(&trail, "admin.disable_user");
    assert_eq!(found.len(), 1, "{trail:#}");
    assert_eq!(
        (
            &found[0]["details"]["operator"],
            &found[0]["reason"],
            &found[0]["endpoint"]
        ),
        (&json!("olga"), &json!(REASON), &json!("ops users disable"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_enabled_account_can_log_in_again_and_its_old_tokens_stay_dead() {
    let local = Local::start("enable").await;
    let ada = local.join(EMAIL).await;
    let tokens = local.log_in(&ada).await;
    local
        .ops(&["users", "disable", EMAIL, "--reason", REASON, "--yes"])
        .await
        .assert(0);
    local
        .ops(&["users", "enable", EMAIL, "--reason", REASON, "--yes"])
        .await
        .assert(0);
    assert_eq!(local.me(&tokens).await, 401);
    let anew = local.log_in(&ada).await;
    assert_eq!(local.me(&anew).await, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unlock_lifts_the_lock_that_show_tells_of() {
    let local = Local::start("unlock").await;
    let ada = local.join(EMAIL).await;
    let mut connection = local.connect();
    for _ in 0..10 {
        let guess = json!({ "email": EMAIL, "password": "Wrong-Horse-7-Battery" });
        connection
            .post("/api/v1/auth/login", None, &guess)
            .await
            .expect("an answer")
            .json(401)
            .expect("refused");
    }
    let shown = local
        .ops(&["users", "show", EMAIL, "--json"])
        .await
        .assert(0)
        .document();
    assert_eq!(shown["lock"]["failures"], 10);
    assert!(
        shown["lock"]["locked_for_seconds"]
            .as_u64()
            .is_some_and(|seconds| seconds > 3_500),
        "{shown:#}"
    );
    local
        .ops(&["users", "unlock", EMAIL, "--reason", REASON, "--yes"])
        .await
        .assert(0);
    local.log_in(&ada).await;
    let shown = local
        .ops(&["users", "show", EMAIL, "--json"])
        .await
        .assert(0)
        .document();
    assert_eq!(
        (
            &shown["lock"]["locked_for_seconds"],
            &shown["live_sessions"]
        ),
        (&Value::Null, &json!(1))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_former_address_takes_nothing_back_once_its_claim_is_ended() {
    let local = Local::start("end-claim").await;
    let ada = local.join(EMAIL).await;
    move_to(&local, &ada, PRESENT).await;
    let link = ada
        .mailed(&mut local.connect(), "dsa_")
        .await
        .expect("a link");
    let end = [
        "users",
        "end-claim",
        PRESENT,
        "--address",
        EMAIL,
        "--reason",
        REASON,
    ];
    local.ops(&end).await.assert(2);
    local.ops(&[&end[..], &["--yes"]].concat()).await.assert(0);
    let body = json!({ "token": link });
    local
        .connect()
        .post("/api/v1/auth/secure-account", None, &body)
        .await
        .expect("an answer")
        .json(400)
        .expect("dead");
    local.ops(&["users", "show", PRESENT]).await.assert(0);
    // Its second time says what is so.
    let again = local.ops(&[&end[..], &["--yes"]].concat()).await.assert(3);
    assert!(again.err.contains("no claim"), "{}", again.err);
    let trail = local
        .ops(&["audit", "query", "--user", PRESENT, "--json"])
        .await
        .assert(0)
        .document();
    assert_eq!(records(&trail, "admin.end_claim").len(), 1, "{trail:#}");
}

/// Moves the account to another address.
async fn move_to(local: &Local, person: &Person, email: &str) {
    let (tokens, mut connection) = (local.log_in(person).await, local.connect());
    let moved = Person::new(email, PASSWORD);
    let body = json!({ "email": email, "current_password": PASSWORD }).to_string();
    let asked = connection
        .send("PATCH", "/api/v1/auth/me", Some(&tokens.access), &body)
        .await
        .expect("an answer");
    asked.json(200).expect("a mail is on its way");
    let body = json!({ "token": moved.mailed(&mut connection, "dvt_").await.expect("a link") });
    connection
        .post("/api/v1/auth/verify-email", None, &body)
        .await
        .expect("an answer")
        .json(200)
        .expect("moved");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_admin_role_counts_from_the_next_request_on_and_so_does_its_end() {
    let local = Local::start("admin").await;
    let ada = local.join(EMAIL).await;
    let tokens = local.log_in(&ada).await;
    let path = "/api/v1/admin/security-config";
    assert_eq!(local.get(path, &tokens).await.status, 403);
    local
        .ops(&["users", "grant-admin", EMAIL, "--reason", REASON, "--yes"])
        .await
        .assert(0);
    assert_eq!(local.get(path, &tokens).await.status, 200);
    // Somebody else takes over: the last admin keeps the role.
    local.join("bob@example.com").await;
    local
        .ops(&[
            "users",
            "grant-admin",
            "bob@example.com",
            "--reason",
            REASON,
            "--yes",
        ])
        .await
        .assert(0);
    local
        .ops(&["users", "revoke-admin", EMAIL, "--reason", REASON, "--yes"])
        .await
        .assert(0);
    assert_eq!(local.get(path, &tokens).await.status, 403);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_admin_keeps_the_role_until_another_one_can_use_it() {
    // AZ-08
    let local = Local::start("last-admin").await;
    let tokens = local.log_in(&local.join(EMAIL).await).await;
    local.join("bob@example.com").await;
    let change = async |verb: &str, email: &str| {
        local
            .ops(&["users", verb, email, "--reason", REASON, "--yes"])
            .await
    };
    change("grant-admin", EMAIL).await.assert(0);
    let refused = change("revoke-admin", EMAIL).await.assert(1);
    assert!(
        refused.err.contains("last admin") && refused.err.contains("grant-admin"),
        "{}",
        refused.err
    );
    // An admin whose account is closed is none.
    change("grant-admin", "bob@example.com").await.assert(0);
    change("disable", "bob@example.com").await.assert(0);
    change("revoke-admin", EMAIL).await.assert(1);
    assert_eq!(
        local
            .get("/api/v1/admin/security-config", &tokens)
            .await
            .status,
        200
    );
    change("enable", "bob@example.com").await.assert(0);
    change("revoke-admin", EMAIL).await.assert(0);
    // What is no admin loses nothing.
    change("revoke-admin", EMAIL).await.assert(0);
}
