//! Nothing that the service answers, and nothing that it does on the way, tells whether an address has an account.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use bundle_tests::{Answer, PASSWORD, TestApp};
use serde_json::{Value, json};
use uuid::Uuid;

const WRONG: &str = "Wrong-Horse-7-Battery";
const LOGIN: &str = "/api/v1/auth/login";
/// The classes of addresses. All have the same length, so that answers and items have it, too.
const CLASSES: [&str; 5] = ["unknown", "correct", "pending", "closedd", "no-hash"];

fn address(class: &str) -> String {
    format!("{class}@example.com")
}

/// A service that knows one address of each class.
async fn classes() -> TestApp {
    let app = TestApp::with(&[("RATE_LIMIT_SCALE", "100")]).await;
    for class in ["correct", "closedd", "no-hash"] {
        app.verified(&address(class)).await;
    }
    app.registered(&address("pending")).await;
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let closed = app.db_user(&address("closedd")).await;
    app.db_set("users", &closed, "status", text("disabled"))
        .await;
    // What a "this wasn't me" link leaves: a password that nobody has.
    let without = app.db_user(&address("no-hash")).await;
    app.db_set("users", &without, "password_hash", text("!"))
        .await;
    app
}

/// An answer to the byte, ids aside.
fn to_the_byte(answer: &Answer) -> (u16, Vec<(String, String)>, String) {
    let id = answer.header("x-request-id").expect("an id").to_owned();
    let mut headers: Vec<_> = answer
        .headers
        .iter()
        .map(|(name, value)| {
            (
                name.to_string(),
                value.to_str().expect("text").replace(&id, "ID"),
            )
        })
        .collect();
    headers.sort();
    (
        answer.status.as_u16(),
        headers,
        answer.text().replace(&id, "ID"),
    )
}

#[tokio::test]
async fn a_wrong_password_is_answered_alike_to_the_byte_whoever_is_meant() {
    // EN-01
    let app = classes().await;
    let mut answers = BTreeSet::new();
    for class in CLASSES {
        let answer = app.anonymous().try_log_in(&address(class), WRONG).await;
        answer.assert_problem(401, "invalid_credentials");
        answers.insert(to_the_byte(&answer));
    }
    assert_eq!(answers.len(), 1, "{answers:#?}");
}

#[tokio::test]
async fn a_locked_address_is_answered_alike_to_the_byte_whoever_is_meant() {
    // EN-01, EN-06: the same failures, the same lock, also with the right password
    let app = classes().await;
    let (mut failures, mut locks) = (BTreeSet::new(), BTreeSet::new());
    for class in CLASSES {
        for _ in 0..10 {
            failures.insert(to_the_byte(
                &app.anonymous().try_log_in(&address(class), WRONG).await,
            ));
        }
    }
    app.advance(3);
    for class in CLASSES {
        for password in [WRONG, PASSWORD] {
            let answer = app.anonymous().try_log_in(&address(class), password).await;
            answer.assert_problem(423, "account_locked");
            locks.insert(to_the_byte(&answer));
        }
    }
    assert_eq!(
        (failures.len(), locks.len()),
        (1, 1),
        "{failures:#?} {locks:#?}"
    );
}

#[tokio::test]
async fn every_class_costs_the_same_calls_and_one_hash() {
    // EN-08: the processor's time is measured by the benchmark `hashing`; here the work is counted
    let app = classes().await;
    let mut works = BTreeSet::new();
    for class in CLASSES {
        app.proxy.take_calls();
        let before = app.hashes();
        app.anonymous()
            .try_log_in(&address(class), WRONG)
            .await
            .assert(401);
        let mut calls = app.proxy.take_calls();
        calls.sort();
        works.insert((calls, app.hashes() - before));
    }
    assert!(
        works.len() == 1 && works.iter().all(|(_, hashes)| *hashes == 1),
        "{works:#?}"
    );
}

#[tokio::test]
async fn what_is_asked_for_by_address_is_answered_alike_to_the_byte() {
    // EN-04
    let app = classes().await;
    for (path, more) in [
        (
            "/api/v1/auth/register",
            json!({ "password": PASSWORD, "name": "Ada" }),
        ),
        ("/api/v1/auth/request-password-reset", json!({})),
        ("/api/v1/auth/resend-verification", json!({})),
    ] {
        let mut answers = BTreeSet::new();
        for class in CLASSES {
            let mut body = more.clone();
            body["email"] = json!(address(class));
            app.proxy.take_calls();
            let answer = app.anonymous().post(path, &body).await;
            assert!(answer.status.is_success(), "{}", answer.text());
            let mut calls = app.proxy.take_calls();
            calls.sort();
            answers.insert((to_the_byte(&answer), calls));
        }
        assert_eq!(answers.len(), 1, "{path}: {answers:#?}");
    }
}

#[tokio::test]
async fn a_taken_address_is_told_its_owner_and_nobody_else() {
    // EN-04
    let app = TestApp::start().await;
    app.verified("ada@example.com").await;
    let before = app.subjects("ada@example.com").await.len();
    let body = json!({ "email": "ADA@example.com", "password": "Brave-Otter-9-Lantern", "name": "Mallory" });
    app.anonymous()
        .post("/api/v1/auth/register", &body)
        .await
        .assert(201);
    assert_eq!(app.subjects("ada@example.com").await.len(), before + 1);
    app.anonymous()
        .try_log_in("ada@example.com", PASSWORD)
        .await
        .assert(200);
}

#[tokio::test]
async fn what_has_the_wrong_form_reaches_no_table_in_any_class() {
    // EN-11
    let app = classes().await;
    let long = format!("Aa1!{}", "x".repeat(1_100));
    for class in CLASSES {
        let email = address(class);
        for body in [
            json!({ "email": format!("<{email}>"), "password": WRONG }),
            json!({ "email": format!("{email}, {email}"), "password": WRONG }),
            json!({ "email": format!("{}{email}", "a".repeat(300)), "password": WRONG }),
            json!({ "email": email, "password": long }),
            json!({ "email": email, "password": 7 }),
            json!({ "email": email, "password": null }),
            json!({ "email": email }),
            json!({ "email": email, "password": WRONG, "role": "admin" }),
        ] {
            app.proxy.take_calls();
            let before = app.hashes();
            app.anonymous()
                .post(LOGIN, &body)
                .await
                .assert_problem(422, "validation_failed");
            assert_eq!(
                (app.proxy.take_calls().len(), app.hashes() - before),
                (0, 0),
                "{body}"
            );
        }
    }
}

#[tokio::test]
async fn no_answer_counts_users_and_no_id_follows_another() {
    // EN-10
    let app = TestApp::with(&[("RATE_LIMIT_SCALE", "100")]).await;
    let mut ids = BTreeSet::new();
    for n in 0..8 {
        let ada = app.logged_in(&format!("user{n}@example.com")).await;
        let me = ada.me().await.json();
        for id in [me["id"].clone(), json!(ada.session_id().await)] {
            let id: Uuid = id.as_str().expect("an id").parse().expect("a UUID");
            assert_eq!(id.get_version_num(), 4, "{id}: made of chance alone");
            assert!(ids.insert(id), "{id} came twice");
        }
    }
    let admin = app.admin("admin@example.com").await;
    for path in [
        "/api/v1/admin/users?email=user1@example.com",
        "/api/v1/admin/users?email=nobody@example.com",
    ] {
        let found = admin.get(path).await.json();
        let text = found.to_string();
        assert!(!text.contains("total") && !text.contains("count"), "{text}");
        assert!(found["users"].as_array().map_or(0, Vec::len) <= 1, "{text}");
    }
    let health = app.anonymous().get("/api/v1/health").await.json();
    let members: Vec<_> = health
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(members, ["status", "version"]);
    assert_ne!(health, Value::Null);
}
