//! `ops outbox`: what was asked for and not done is handed on once more.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};

use crate::local::{Local, REASON, Ran};

const EMAIL: &str = "ada@example.com";
/// More looks than anything here takes, each of them a whole command.
const LOOKS: usize = 2_000;

async fn list(local: &Local) -> Value {
    local
        .ops(&["outbox", "list", "--to", "0s", "--json"])
        .await
        .assert(0)
        .document()
}

async fn redrive(local: &Local, of: &str, more: &[&str]) -> Ran {
    let command = [
        "outbox", "redrive", "--of", of, "--to", "0s", "--reason", REASON, "--json",
    ];
    local.ops(&[&command[..], more].concat()).await
}

/// Waits until the mailer has sent whatever waits.
async fn until_sent(local: &Local) {
    for _ in 0..LOOKS {
        if list(local).await["total_count"] == 0 {
            return;
        }
    }
    panic!("a mail was not sent");
}

/// The bodies of all mails to the account.
async fn mails(local: &Local) -> Vec<String> {
    let reply = local
        .connect()
        .get(&format!("/_local/mail?to={EMAIL}"), None)
        .await
        .expect("an answer");
    let document = reply.json(200).expect("mails");
    let mails = document["messages"].as_array().expect("a list");
    mails
        .iter()
        .map(|mail| mail["text"].as_str().expect("a text").to_owned())
        .collect()
}

/// A row whose message was lost before its work was done: nothing in it says otherwise.
async fn lose(local: &Local, mail: &str) {
    until_sent(local).await;
    let table = "dashtam-local-outbox";
    let rows = local
        .database()
        .scan()
        .table_name(table)
        .send()
        .await
        .expect("a page")
        .items
        .unwrap_or_default();
    let is_wanted = |row: &&std::collections::HashMap<String, AttributeValue>| {
        row.get("mail")
            .and_then(|kind| kind.as_s().ok())
            .is_some_and(|kind| kind == mail)
    };
    let key = rows.iter().find(is_wanted).expect("a row")["pk"].clone();
    let update = local
        .database()
        .update_item()
        .table_name(table)
        .key("pk", key);
    update
        .update_expression("REMOVE settled_at, claimed_until")
        .send()
        .await
        .expect("changed");
}

/// An account that has asked for a new password, whose mail was lost.
async fn with_a_lost_mail(name: &str) -> Local {
    let local = Local::start(name).await;
    local.join(EMAIL).await;
    let body = json!({ "email": EMAIL });
    local
        .connect()
        .post("/api/v1/auth/request-password-reset", None, &body)
        .await
        .expect("an answer");
    lose(&local, "password_reset").await;
    local
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_whose_message_was_lost_is_listed_and_sent_with_the_link_that_it_would_have_had() {
    let local = with_a_lost_mail("outbox-mail").await;
    let waiting = list(&local).await;
    let mail = waiting["rows"][0]["mail"].as_str();
    assert_eq!(
        (waiting["total_count"].as_u64(), mail),
        (Some(1), Some("password_reset"))
    );
    let before = mails(&local).await;
    let done = redrive(&local, "mails", &["--yes"])
        .await
        .assert(0)
        .document();
    assert_eq!(
        (done["handed_on"].as_u64(), done["done_meanwhile"].as_u64()),
        (Some(1), Some(0))
    );
    until_sent(&local).await;
    let after = mails(&local).await;
    assert_eq!(after.len(), before.len() + 1);
    assert_eq!(link(&after[0]), link(&before[0]));
}

/// The link of a mail; the words beside it say how long it still works.
fn link(mail: &str) -> &str {
    mail.lines()
        .find(|line| line.contains("#token="))
        .expect("a link")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_sent_is_not_sent_again() {
    let local = Local::start("outbox-sent").await;
    local.join(EMAIL).await;
    until_sent(&local).await;
    let before = mails(&local).await.len();
    let done = redrive(&local, "mails", &["--yes"])
        .await
        .assert(0)
        .document();
    assert_eq!(
        (done["handed_on"].as_u64(), mails(&local).await.len()),
        (Some(0), before)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_handed_on_without_being_confirmed() {
    let local = with_a_lost_mail("outbox-asked").await;
    let asked = redrive(&local, "mails", &[]).await.assert(2);
    assert!(
        asked.err.contains("hand 1 rows on") && asked.err.contains("--yes"),
        "{asked:?}"
    );
    assert_eq!(list(&local).await["total_count"], 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_trail_says_who_handed_mails_on_and_why() {
    let local = with_a_lost_mail("outbox-trail").await;
    redrive(&local, "mails", &["--yes"]).await.assert(0);
    let trail = local
        .ops(&[
            "audit",
            "query",
            "--action",
            "admin.redrive_outbox",
            "--json",
        ])
        .await
        .assert(0);
    assert!(
        trail.out.contains("olga") && trail.out.contains(REASON),
        "{trail:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_asked_for_just_now_is_left_to_its_message() {
    let local = with_a_lost_mail("outbox-young").await;
    let young = local
        .ops(&["outbox", "list", "--json"])
        .await
        .assert(0)
        .document();
    assert_eq!(young["total_count"], 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sweep_that_was_lost_is_done_after_all() {
    let local = Local::start("outbox-sweep").await;
    let ada = local.join(EMAIL).await;
    local.log_in(&ada).await;
    let (database, table) = (local.database(), "dashtam-local-tokens");
    let sessions = async || {
        database
            .scan()
            .table_name(table)
            .send()
            .await
            .expect("a page")
            .items
            .unwrap_or_default()
    };
    let session = sessions().await.remove(0);
    let rotate = [
        "tokens", "rotate", "--user", EMAIL, "--reason", REASON, "--yes",
    ];
    local.ops(&rotate).await.assert(0);
    // Until it is swept, and then as if it had not been.
    while !sessions().await.is_empty() {}
    database
        .put_item()
        .table_name(table)
        .set_item(Some(session))
        .send()
        .await
        .expect("put");
    let done = redrive(&local, "sweeps", &["--yes"])
        .await
        .assert(0)
        .document();
    assert_eq!(done["handed_on"], 1);
    for _ in 0..LOOKS {
        if sessions().await.is_empty() {
            return;
        }
    }
    panic!("the session of before the rotation was not swept");
}
