//! Invitations under concurrent writes: what an invitation was judged by is a condition of what is written.
#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use aws_sdk_dynamodb::types::AttributeValue;
use bundle_tests::{Actor, Answer, Fault, Item, PASSWORD, TestApp};
use futures::join;
use serde_json::{Value, json};
use shared::domain::{DisplayName, EmailAddress, User, UserId};
use shared::request::{RequestMeta, Task};

use crate::invitations::Robbed;

const PATH: &str = "/api/v1/admin/invitations";
const GUEST: &str = "guest@example.com";
const CHOSEN: &str = "Brave-Otter-9-Lantern";

async fn invite(admin: &Actor<'_>) -> Answer {
    admin
        .post(
            PATH,
            &json!({ "email": GUEST, "reason": "joins the support team" }),
        )
        .await
}

async fn accept(app: &TestApp, token: &str) -> Answer {
    let body = json!({ "token": token, "name": "Grace Hopper", "password": CHOSEN });
    app.anonymous()
        .post("/api/v1/auth/accept-invitation", &body)
        .await
}

async fn listed(admin: &Actor<'_>) -> Vec<Value> {
    admin.get(PATH).await.json()["invitations"]
        .as_array()
        .cloned()
        .unwrap_or_default()
}

/// A service with an admin who has invited GUEST, and the link's token.
async fn invited(app: &TestApp) -> (Actor<'_>, String) {
    let root = app.admin("root@example.com").await;
    invite(&root).await.assert(202);
    let token = app.mailed(GUEST, "div_").await;
    (root, token)
}

/// Accepts an invitation of GUEST; `concurrent` happens between its reads and its write.
async fn accept_while(app: &TestApp, token: &str, concurrent: impl Future<Output = ()>) -> Answer {
    app.proxy.plan("TransactWriteItems", Fault::Held, 1);
    let concurrently = async {
        app.proxy.until_held().await;
        concurrent.await;
        app.proxy.release();
    };
    join!(accept(app, token), concurrently).0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_dies_with_its_admin_until_the_write() {
    for fall in Robbed::FALLS {
        let app = TestApp::start().await;
        let admin = Robbed::begin(&app).await;
        invite(&admin.thief).await.assert(202);
        let token = app.mailed(GUEST, "div_").await;
        app.advance(1);
        let falls = admin.falls(fall);
        let answer = Box::pin(accept_while(&app, &token, falls)).await;
        assert_eq!(
            answer.code(),
            "invalid_or_expired_token",
            "{fall}: {}",
            answer.text()
        );
        app.anonymous()
            .try_log_in(GUEST, CHOSEN)
            .await
            .assert_problem(401, "invalid_credentials");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_admins_other_work_does_not_end_an_invitation() {
    let app = TestApp::start().await;
    let (root, token) = invited(&app).await;
    let renamed = async {
        root.patch("/api/v1/auth/me", &json!({ "name": "Root" }))
            .await
            .assert(200);
    };
    accept_while(&app, &token, renamed).await.assert(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_withdrawal_before_the_write_ends_an_invitation() {
    let app = TestApp::start().await;
    let root = app.admin("root@example.com").await;
    let id = invite(&root).await.json()["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let token = app.mailed(GUEST, "div_").await;
    let withdrawn = async { root.delete(&format!("{PATH}/{id}")).await.assert(200) };
    accept_while(&app, &token, withdrawn)
        .await
        .assert_problem(400, "invalid_or_expired_token");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registration_of_the_address_does_not_stop_an_acceptance() {
    let app = TestApp::start().await;
    let (_root, token) = invited(&app).await;
    accept_while(&app, &token, app.registered(GUEST))
        .await
        .assert(200);
    app.anonymous()
        .log_in(GUEST, CHOSEN)
        .await
        .me()
        .await
        .assert(200);
    app.anonymous()
        .try_log_in(GUEST, PASSWORD)
        .await
        .assert_problem(401, "invalid_credentials");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_verification_of_the_address_before_the_write_ends_an_invitation() {
    let app = TestApp::start().await;
    let (_root, token) = invited(&app).await;
    accept_while(&app, &token, app.verified(GUEST))
        .await
        .assert_problem(400, "invalid_or_expired_token");
    app.anonymous()
        .log_in(GUEST, PASSWORD)
        .await
        .me()
        .await
        .assert(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_is_imported_before_the_write_is_the_one_that_is_finished() {
    let app = TestApp::start().await;
    let (_root, token) = invited(&app).await;
    let (store, id) = (
        app.environment.store(),
        UserId::new(uuid::Uuid::from_u128(7)),
    );
    let imported = async {
        static IMPORT: Task = Task {
            action: "admin.import_user",
            name: "a test",
        };
        let email = EmailAddress::parse(GUEST).expect("an address");
        let name = DisplayName::parse("Imported").expect("a name");
        let user = User::fresh(id, &email, &name, "!", store.now());
        let entry = store
            .entry(&RequestMeta::of_task(&IMPORT, store.now(), store.entropy()))
            .user(id);
        store
            .admit_user(&user, &email, &entry)
            .await
            .expect("imported");
    };
    Box::pin(accept_while(&app, &token, imported))
        .await
        .assert(200);
    let guest = app
        .anonymous()
        .log_in(GUEST, CHOSEN)
        .await
        .me()
        .await
        .json();
    assert_eq!(guest["id"], id.to_string());
    assert_eq!(app.db_items("users", "USER#").await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_invitations_at_once_one_is_left() {
    let app = TestApp::start().await;
    let (root, other) = (
        app.admin("root@example.com").await,
        app.admin("other@example.com").await,
    );
    app.proxy.plan("TransactWriteItems", Fault::Held, 1);
    let concurrently = async {
        app.proxy.until_held().await;
        invite(&other).await.assert(202);
        app.proxy.release();
    };
    let (answer, ()) = join!(invite(&root), concurrently);
    answer.assert(202);
    assert_eq!(listed(&root).await.len(), 1);
    accept(&app, &app.mailed(GUEST, "div_").await)
        .await
        .assert(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_succeeds_while_its_address_is_registered() {
    let app = TestApp::start().await;
    let root = app.admin("root@example.com").await;
    app.proxy.plan("TransactWriteItems", Fault::Held, 1);
    let concurrently = async {
        app.proxy.until_held().await;
        app.registered(GUEST).await;
        app.proxy.release();
    };
    let (answer, ()) = join!(invite(&root), concurrently);
    answer.assert(202);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registration_keeps_its_address_as_long_as_a_concurrent_invitation() {
    let app = TestApp::with(&[
        ("REGISTRATION_TTL_SECONDS", "3600"),
        ("VERIFICATION_TTL_SECONDS", "3600"),
    ])
    .await;
    let root = app.admin("root@example.com").await;
    app.proxy.plan("TransactWriteItems", Fault::Held, 1);
    let concurrently = async {
        app.proxy.until_held().await;
        invite(&root).await.assert(202);
        app.proxy.release();
    };
    join!(app.registered(GUEST), concurrently);
    let invitation = app.db_items("users", "INVITATION#").await.remove(0);
    let addresses = app.db_items("users", "EMAIL#").await;
    let address = addresses
        .iter()
        .find(|address| address.contains_key("invitation"))
        .expect("the address");
    let ttl = |item: &Item| {
        item["ttl"]
            .as_n()
            .expect("a number")
            .parse::<i64>()
            .expect("a number")
    };
    assert!(ttl(address) >= ttl(&invitation));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acceptance_that_loses_each_race_may_be_tried_again() {
    let app = TestApp::start().await;
    let (_root, token) = invited(&app).await;
    let addresses = app.db_items("users", "EMAIL#").await;
    let address = addresses
        .into_iter()
        .find(|address| address.contains_key("invitation"))
        .expect("the address");
    app.proxy.plan("TransactWriteItems", Fault::Held, 3);
    let imported_each_time = async {
        let text = |value: &str| AttributeValue::S(value.to_owned());
        for id in 1..=3 {
            app.proxy.until_held().await;
            let user = format!("00000000-0000-4000-8000-00000000000{id}");
            app.db_set("users", &address, "user_id", text(&user)).await;
            app.db_set("users", &address, "state", text("imported"))
                .await;
            app.proxy.release();
        }
    };
    join!(accept(&app, &token), imported_each_time)
        .0
        .assert_problem(503, "service_unavailable");
    app.db_put("users", address).await;
    accept(&app, &token).await.assert(200);
}
