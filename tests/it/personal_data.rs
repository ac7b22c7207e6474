//! GET `/api/v1/auth/me/export` and DELETE `/api/v1/auth/me`: what is known of somebody, and its end.
#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use bundle_tests::{Actor, Answer, Fault, PASSWORD, TestApp, text};
use dashtam_local::mail::retention::remove_orphans;
use futures::future::join_all;
use http::Method;
use serde_json::{Value, json};
use shared::domain::{Liveness, VersionLevel};

const EMAIL: &str = "ada@example.com";
const ME: &str = "/api/v1/auth/me";
const EXPORT: &str = "/api/v1/auth/me/export";
const WRONG: &str = "Wrong-Horse-7-Battery";

async fn erase(actor: &Actor<'_>) -> Answer {
    erase_with(actor, PASSWORD).await
}

async fn erase_with(actor: &Actor<'_>, password: &str) -> Answer {
    actor
        .request(Method::DELETE, ME, Some(&json!({ "password": password })))
        .await
}

async fn id_of(actor: &Actor<'_>) -> String {
    actor.me().await.json()["id"]
        .as_str()
        .expect("an id")
        .to_owned()
}

/// What the tables but the trail and the buckets hold.
async fn left(app: &TestApp) -> String {
    let tables = ["users", "tokens", "outbox", "security"].map(|table| app.db_scan(table));
    format!("{:?}", join_all(tables).await)
}

#[tokio::test]
async fn an_export_holds_the_account_its_sessions_and_its_records() {
    let app = TestApp::start().await;
    let ada = app.logged_in(EMAIL).await;
    let _phone = app.anonymous().log_in(EMAIL, PASSWORD).await;
    app.anonymous().try_log_in(EMAIL, WRONG).await.assert(401);
    let answer = ada.get(EXPORT).await;
    answer.assert(200);
    assert_eq!(
        answer.header("content-disposition"),
        Some("attachment; filename=\"account.json\"")
    );
    let data = answer.json();
    assert_eq!(data["account"]["email"], EMAIL);
    assert_eq!(data["account"]["failed_logins"], 1);
    assert_eq!(data["sessions"].as_array().map(Vec::len), Some(2));
    assert_eq!(
        data["sessions"]
            .as_array()
            .expect("sessions")
            .iter()
            .filter(|one| one["is_current"] == true)
            .count(),
        1
    );
    let actions: Vec<_> = data["activity"]["events"]
        .as_array()
        .expect("events")
        .iter()
        .map(|one| &one["action"])
        .collect();
    for action in ["auth.register", "auth.verify_email", "auth.login"] {
        assert!(
            actions.contains(&&json!(action)),
            "{action} is missing: {actions:?}"
        );
    }
    assert_eq!(data["activity"]["next_cursor"], Value::Null);
    assert!(
        app.db_audit()
            .await
            .contains(&"auth.export_me success -".to_owned())
    );
}

#[tokio::test]
async fn captured_mail_to_an_erased_address_goes_within_a_day() {
    let app = TestApp::start().await;
    let ada = app.logged_in(EMAIL).await;
    let _bob = app.logged_in("bob@example.com").await;
    erase(&ada).await.assert(200);
    app.drain().await;
    let store = app.environment.store();
    let remove = async || {
        remove_orphans(&app.aws.mailbox, &store)
            .await
            .expect("removed")
    };
    app.advance(86_399);
    assert_eq!(remove().await, 0);
    assert!(
        app.subjects(EMAIL)
            .await
            .contains(&"Your account was deleted".to_owned())
    );
    app.advance(1);
    assert!(remove().await > 1);
    assert!(app.aws.mailbox.messages(Some(EMAIL)).is_empty());
    assert!(!app.aws.mailbox.messages(Some("bob@example.com")).is_empty());
}

#[tokio::test]
async fn an_export_holds_no_hash_and_no_token() {
    let app = TestApp::start().await;
    let ada = app.logged_in(EMAIL).await;
    app.anonymous()
        .post(
            "/api/v1/auth/request-password-reset",
            &json!({ "email": EMAIL }),
        )
        .await
        .assert(202);
    let reset = app.mailed(EMAIL, "drs_").await;
    let exported = ada.get(EXPORT).await.text();
    let user = app.db_user(EMAIL).await;
    let session = &app.db_items("tokens", "USER#").await[0];
    let hashes = ["password_hash", "reset_hash"].map(|name| text(&user, name));
    let of_session = ["family", "current"].map(|name| text(session, name));
    for secret in hashes.into_iter().chain(of_session) {
        assert!(!exported.contains(secret.expect("a hash")), "{exported}");
    }
    for token in [ada.refresh.clone().expect("a token"), reset] {
        assert!(!exported.contains(&token));
    }
}

#[tokio::test]
async fn an_export_with_many_records_says_where_the_rest_is() {
    let app = TestApp::with(&[("RATE_LIMIT_SCALE", "10000")]).await;
    let ada = app.logged_in(EMAIL).await;
    let before = app.db_scan("audit").await;
    let sample = before
        .iter()
        .find(|record| text(record, "action") == Some("auth.login"))
        .expect("a record")
        .clone();
    let at = app.environment.store().now();
    for number in 0..1_600 {
        let mut record = sample.clone();
        // An hour of records, each a second before the one that follows.
        let moment = at.minus(std::time::Duration::from_secs(2 + number));
        let event = shared::domain::EventId::new(shared::ground::entropy::uuid_v7(
            moment,
            app.environment.store().entropy(),
        ));
        record.insert(
            "event_id".to_owned(),
            aws_sdk_dynamodb::types::AttributeValue::S(event.to_string()),
        );
        record.insert(
            "sk".to_owned(),
            aws_sdk_dynamodb::types::AttributeValue::S(format!("{moment}#{event}")),
        );
        app.db_put("audit", record).await;
    }
    let data = ada.get(EXPORT).await.json();
    let events = data["activity"]["events"].as_array().expect("events");
    assert_eq!(events.len(), 1_500);
    let cursor = data["activity"]["next_cursor"].as_str().expect("a cursor");
    let rest = ada
        .get(&format!("/api/v1/auth/activity?limit=200&cursor={cursor}"))
        .await;
    rest.assert(200);
    let rest = rest.json()["events"].as_array().expect("events").clone();
    assert!(
        rest.len() > 90 && rest.iter().all(|event| !events.contains(event)),
        "{}",
        rest.len()
    );
    // The operator hands out for somebody who cannot ask for the rest.
    let store = app.environment.store();
    let user = id_of(&ada).await.parse().expect("an id");
    let user = store.user(user).await.expect("read").expect("an account");
    let liveness = Liveness {
        user: user.level(),
        global: VersionLevel::FIRST,
        idle: None,
        now: store.now(),
    };
    let whole = json!(
        app.environment
            .export()
            .await
            .expect("keys")
            .of_user(&user, &liveness)
            .await
            .expect("data")
    );
    let whole = whole["activity"]["events"]
        .as_array()
        .expect("events")
        .clone();
    assert!(
        whole.len() > 1_600
            && events
                .iter()
                .chain(&rest)
                .all(|event| whole.contains(event)),
        "{}",
        whole.len()
    );
}

#[tokio::test]
async fn of_what_an_admin_did_an_export_does_not_tell_from_where() {
    let app = TestApp::start().await;
    let ada = app.logged_in(EMAIL).await;
    let id = id_of(&ada).await;
    let root = app.admin("root@example.com").await.at("203.0.113.99");
    let reason = json!({ "reason": "a look for a test of exports" });
    root.post(&format!("/api/v1/admin/users/{id}/unlock"), &reason)
        .await
        .assert(200);
    let exported = ada.get(EXPORT).await.text();
    assert!(
        exported.contains("admin.unlock_user") && !exported.contains("203.0.113.99"),
        "{exported}"
    );
}

#[tokio::test]
async fn an_erased_account_leaves_nothing_that_is_accepted_and_nothing_but_the_trail() {
    // RT-24
    let app = TestApp::start().await;
    let ada = app.logged_in(EMAIL).await;
    let phone = app.anonymous().log_in(EMAIL, PASSWORD).await;
    app.anonymous()
        .post(
            "/api/v1/auth/request-password-reset",
            &json!({ "email": EMAIL }),
        )
        .await
        .assert(202);
    let reset = app.mailed(EMAIL, "drs_").await;
    let id = id_of(&ada).await;
    erase(&ada).await.assert(200);
    for actor in [&ada, &phone] {
        actor.me().await.assert_problem(401, "session_revoked");
        let token = actor.refresh.clone().expect("a token");
        actor
            .try_refresh(&token)
            .await
            .assert_problem(401, "invalid_refresh_token");
    }
    app.anonymous()
        .try_log_in(EMAIL, PASSWORD)
        .await
        .assert_problem(401, "invalid_credentials");
    let new = json!({ "token": reset, "new_password": "Other-Horse-8-Battery" });
    let reset = app
        .anonymous()
        .post("/api/v1/auth/reset-password", &new)
        .await;
    reset.assert_problem(400, "invalid_or_expired_token");
    app.drain().await;
    let left = left(&app).await;
    assert!(
        !left.contains(EMAIL) && !left.contains("SESSION#"),
        "{left}"
    );
    let left = app.db_items("users", "").await;
    let keys: Vec<_> = left
        .iter()
        .filter_map(|item| text(item, "pk").map(str::to_owned))
        .collect();
    assert_eq!(
        keys,
        [format!("ERASED#{id}")],
        "nothing but that the identifier is used up"
    );
    let mut records = app.db_scan("audit").await;
    records.retain(|record| text(record, "action") == Some("auth.delete_me"));
    assert_eq!(records.len(), 1);
    assert_eq!(text(&records[0], "user_id"), Some(id.as_str()));
}

#[tokio::test]
async fn the_address_hears_of_it_once() {
    let app = TestApp::start().await;
    let ada = app.logged_in(EMAIL).await;
    erase(&ada).await.assert(200);
    let farewells = async || {
        app.subjects(EMAIL)
            .await
            .iter()
            .filter(|one| *one == "Your account was deleted")
            .count()
    };
    assert_eq!(farewells().await, 1);
    app.redeliver().await.expect("settled");
    assert_eq!(farewells().await, 1);
}

#[tokio::test]
async fn a_later_account_with_the_address_is_a_new_one() {
    let app = TestApp::start().await;
    let ada = app.logged_in(EMAIL).await;
    let id = id_of(&ada).await;
    erase(&ada).await.assert(200);
    app.advance(60);
    let again = app.logged_in(EMAIL).await;
    assert_ne!(id_of(&again).await, id);
    ada.me().await.assert_problem(401, "session_revoked");
    let activity = again.get("/api/v1/auth/activity").await.json();
    let of_other = |event: &Value| event["user_id"] == json!(id);
    assert!(
        !activity["events"]
            .as_array()
            .expect("events")
            .iter()
            .any(of_other),
        "{activity}"
    );
}

#[tokio::test]
async fn erasing_wants_the_password_and_a_recent_proof_of_it() {
    let app = TestApp::start().await;
    let ada = app.logged_in(EMAIL).await;
    erase_with(&ada, WRONG)
        .await
        .assert_problem(401, "invalid_credentials");
    assert_eq!(ada.delete(ME).await.code(), "unsupported_media_type");
    app.db_age_proofs(900).await;
    erase(&ada)
        .await
        .assert_problem(401, "reauthentication_required");
    ada.me().await.assert(200);
}

#[tokio::test]
async fn wrong_passwords_lock_here_as_everywhere() {
    // LG-06
    let app = TestApp::with(&[("LOCKOUT_THRESHOLD", "2")]).await;
    let ada = app.logged_in(EMAIL).await;
    for _ in 0..2 {
        erase_with(&ada, WRONG)
            .await
            .assert_problem(401, "invalid_credentials");
    }
    app.advance(4);
    erase(&ada).await.assert_problem(423, "account_locked");
    ada.me().await.assert(200);
}

#[tokio::test]
async fn an_admin_is_not_erased_and_the_try_is_recorded() {
    // AZ-08
    let app = TestApp::start().await;
    let root = app.admin("root@example.com").await;
    erase(&root).await.assert_problem(409, "conflict");
    root.me().await.assert(200);
    assert!(
        app.db_audit()
            .await
            .contains(&"auth.delete_me refused is_admin".to_owned())
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_parallel_erasures_one_counts() {
    let app = TestApp::with(&[("RATE_LIMIT_SCALE", "10000"), ("LOCKOUT_THRESHOLD", "100")]).await;
    let ada = app.logged_in(EMAIL).await;
    let answers = join_all((0..8).map(|_| erase(&ada))).await;
    let granted = answers
        .iter()
        .filter(|answer| answer.status.is_success())
        .count();
    assert_eq!(
        granted,
        1,
        "{:?}",
        answers
            .iter()
            .map(|answer| answer.status)
            .collect::<Vec<_>>()
    );
    assert!(
        answers
            .iter()
            .all(|answer| [200, 401, 409].contains(&answer.status.as_u16()))
    );
    let done = app
        .db_audit()
        .await
        .iter()
        .filter(|one| *one == "auth.delete_me success -")
        .count();
    assert_eq!(done, 1);
}

#[tokio::test]
async fn a_login_that_an_erasure_overtakes_begins_no_session() {
    let app = TestApp::start().await;
    let ada = app.logged_in(EMAIL).await;
    // The login has read the account and is about to write its session.
    app.proxy.plan("TransactWriteItems", Fault::Held, 1);
    let login = app.anonymous();
    let overtaken = async {
        app.proxy.until_held().await;
        erase(&ada).await.assert(200);
        app.proxy.release();
    };
    let (answer, ()) = tokio::join!(login.try_log_in(EMAIL, PASSWORD), overtaken);
    assert!(!answer.status.is_success(), "{}", answer.text());
    app.drain().await;
    assert!(app.db_scan("tokens").await.is_empty());
}

#[tokio::test]
async fn an_erasure_that_a_password_change_overtakes_is_refused() {
    let app = TestApp::start().await;
    let ada = app.logged_in(EMAIL).await;
    app.proxy.plan("TransactWriteItems", Fault::Held, 1);
    let overtaken = async {
        app.proxy.until_held().await;
        let change =
            json!({ "current_password": PASSWORD, "new_password": "Other-Horse-8-Battery" });
        ada.post("/api/v1/auth/change-password", &change)
            .await
            .assert(200);
        app.proxy.release();
    };
    let (answer, ()) = tokio::join!(erase(&ada), overtaken);
    answer.assert_problem(409, "conflict");
    assert_eq!(app.db_items("users", "USER#").await.len(), 1);
}

#[tokio::test]
async fn an_erasure_whose_answer_is_lost_is_done_once() {
    let app = TestApp::start().await;
    let ada = app.logged_in(EMAIL).await;
    app.proxy.plan("TransactWriteItems", Fault::LostAnswer, 1);
    erase(&ada).await.assert(200);
    let done = app
        .db_audit()
        .await
        .iter()
        .filter(|one| *one == "auth.delete_me success -")
        .count();
    assert_eq!(done, 1);
    erase(&ada).await.assert_problem(401, "session_revoked");
}
