//! Registrations of an unverified address: whose password counts for it.

use bundle_tests::{Answer, PASSWORD, TestApp, text};
use serde_json::json;
use shared::store::Admitted;

use crate::recovery::import;

const EMAIL: &str = "ada@example.com";
const OTHER: &str = "Other-Horse-8-Battery";
const CHOSEN: &str = "Brave-Otter-9-Lantern";
const REGISTER: &str = "/api/v1/auth/register";
const VERIFY: &str = "/api/v1/auth/verify-email";

async fn register(app: &TestApp, email: &str, password: &str, name: &str) -> Answer {
    let body = json!({ "email": email, "password": password, "name": name });
    let client = app.anonymous();
    client.post(REGISTER, &body).await
}

async fn verify(app: &TestApp, token: &str) -> Answer {
    app.anonymous()
        .post(VERIFY, &json!({ "token": token }))
        .await
}

async fn reset(app: &TestApp, token: &str, more: serde_json::Value) -> Answer {
    let mut body = json!({ "token": token, "new_password": CHOSEN });
    body.as_object_mut()
        .expect("an object")
        .extend(more.as_object().expect("an object").clone());
    app.anonymous()
        .post("/api/v1/auth/reset-password", &body)
        .await
}

#[tokio::test]
async fn the_same_password_again_is_the_same_registration_and_sends_the_same_link() {
    let app = TestApp::start().await;
    register(&app, EMAIL, PASSWORD, "Ada").await.assert(201);
    let first = app.mailed(EMAIL, "dvt_").await;
    app.advance(60);
    register(&app, "ADA@example.com", PASSWORD, "Ada")
        .await
        .assert(201);
    assert_eq!(
        app.mailed_tokens(EMAIL, "dvt_").await,
        [first.clone(), first.clone()]
    );
    verify(&app, &first).await.assert(200);
    app.anonymous()
        .try_log_in(EMAIL, PASSWORD)
        .await
        .assert(200);
}

#[tokio::test]
async fn another_password_makes_the_address_contested_and_no_link_and_no_password_counts() {
    let app = TestApp::start().await;
    register(&app, EMAIL, PASSWORD, "Ada").await.assert(201);
    let first = app.mailed(EMAIL, "dvt_").await;
    app.advance(1);
    register(&app, EMAIL, OTHER, "Mallory").await.assert(201);
    verify(&app, &first)
        .await
        .assert_problem(400, "invalid_or_expired_token");
    assert_eq!(
        app.mailed_tokens(EMAIL, "dvt_").await.len(),
        1,
        "the second mail confirms nothing"
    );
    for password in [PASSWORD, OTHER] {
        app.anonymous()
            .try_log_in(EMAIL, password)
            .await
            .assert_problem(401, "invalid_credentials");
    }
    let subjects = app.subjects(EMAIL).await;
    assert_eq!(
        subjects,
        ["Finish your sign-up", "Confirm your email address"]
    );
    reset(
        &app,
        &app.mailed(EMAIL, "drs_").await,
        json!({ "name": "Ada Lovelace" }),
    )
    .await
    .assert(200);
    for password in [PASSWORD, OTHER] {
        app.anonymous()
            .try_log_in(EMAIL, password)
            .await
            .assert_problem(401, "invalid_credentials");
    }
    let ada = app.anonymous().log_in(EMAIL, CHOSEN).await;
    assert_eq!(ada.me().await.json()["name"], "Ada Lovelace");
}

/// What page and mail say once a password was chosen by the newest link in the mailbox.
async fn said_of_the_password(app: &TestApp, email: &str) -> (String, String) {
    let answer = reset(app, &app.mailed(email, "drs_").await, json!({})).await;
    answer.assert(200);
    let message = answer.member("message").expect("a message");
    (message, app.subjects(email).await.remove(0))
}

#[tokio::test]
async fn a_first_password_is_not_called_a_changed_one() {
    let app = TestApp::with(&[("ADMIN_EMAILS", "root@example.com")]).await;
    register(&app, EMAIL, PASSWORD, "Ada").await.assert(201);
    register(&app, EMAIL, OTHER, "Ada").await.assert(201);
    let root = "root@example.com";
    register(&app, root, PASSWORD, "Ada").await.assert(201);
    let imported = "imported@example.com";
    let id = "3f6c1f0e-7a54-4b0e-9c58-0d4a5f1f7a11"
        .parse()
        .expect("an id");
    assert_eq!(import(&app, id, imported, false).await, Admitted::Done);
    register(&app, imported, PASSWORD, "Ada").await.assert(201);
    for email in [EMAIL, root, imported] {
        let (message, subject) = said_of_the_password(&app, email).await;
        assert_eq!(
            message, "The password is set and your email address is verified. Sign in with them.",
            "{email}"
        );
        assert_eq!(subject, "Your account is ready", "{email}");
    }
}

#[tokio::test]
async fn the_mail_to_an_admins_address_says_that_a_request_was_made() {
    let app = TestApp::with(&[("ADMIN_EMAILS", EMAIL)]).await;
    register(&app, EMAIL, PASSWORD, "Ada").await.assert(201);
    app.drain().await;
    let mail = app.aws.mailbox.messages(Some(EMAIL)).remove(0);
    assert_eq!(mail.subject, "Choose a password for your account");
    for words in [
        "A request was made",
        "If you made it",
        "entered when signing up is not used",
    ] {
        assert!(mail.text.contains(words), "{words}: {}", mail.text);
    }
}

#[tokio::test]
async fn a_move_to_an_admins_address_says_that_a_password_is_chosen() {
    let app = TestApp::with(&[("ADMIN_EMAILS", "root@example.com")]).await;
    let ada = app.logged_in(EMAIL).await;
    let change = json!({ "email": "root@example.com", "current_password": PASSWORD });
    ada.patch("/api/v1/auth/me", &change).await.assert(200);
    app.drain().await;
    let mail = app.aws.mailbox.messages(Some("root@example.com")).remove(0);
    assert!(mail.text.contains("choose a new password"), "{}", mail.text);
    let (message, _) = said_of_the_password(&app, "root@example.com").await;
    assert!(
        message.contains("the new email address is confirmed"),
        "{message}"
    );
}

#[tokio::test]
async fn a_reset_says_that_every_session_ends() {
    let app = TestApp::start().await;
    app.verified(EMAIL).await;
    let body = json!({ "email": EMAIL });
    app.anonymous()
        .post("/api/v1/auth/request-password-reset", &body)
        .await
        .assert(202);
    let (message, subject) = said_of_the_password(&app, EMAIL).await;
    assert!(message.contains("every session is ended"), "{message}");
    assert_eq!(subject, "A password was set for your account");
    let mail = app.aws.mailbox.messages(Some(EMAIL)).remove(0).text;
    assert!(mail.contains("and every session was ended"), "{mail}");
}

#[tokio::test]
async fn nothing_that_was_typed_at_a_contested_sign_up_is_left() {
    let app = TestApp::start().await;
    register(&app, EMAIL, PASSWORD, "You were hacked")
        .await
        .assert(201);
    app.advance(1);
    register(&app, EMAIL, OTHER, "You too").await.assert(201);
    reset(&app, &app.mailed(EMAIL, "drs_").await, json!({}))
        .await
        .assert(200);
    assert_eq!(
        app.anonymous()
            .log_in(EMAIL, CHOSEN)
            .await
            .me()
            .await
            .json()["name"],
        "ada"
    );
}

#[tokio::test]
async fn another_mail_for_a_contested_address_sets_a_password_too() {
    let app = TestApp::start().await;
    register(&app, EMAIL, PASSWORD, "Ada").await.assert(201);
    register(&app, EMAIL, OTHER, "Ada").await.assert(201);
    app.drain().await;
    app.advance(1_000);
    app.anonymous()
        .post(
            "/api/v1/auth/resend-verification",
            &json!({ "email": EMAIL }),
        )
        .await
        .assert(202);
    assert!(app.mailed_tokens(EMAIL, "dvt_").await.is_empty());
    reset(&app, &app.mailed(EMAIL, "drs_").await, json!({}))
        .await
        .assert(200);
    app.anonymous()
        .log_in(EMAIL, CHOSEN)
        .await
        .me()
        .await
        .assert(200);
}

#[tokio::test]
async fn an_address_that_makes_an_admin_is_never_verified_by_a_mere_confirmation() {
    let app = TestApp::with(&[("ADMIN_EMAILS", EMAIL)]).await;
    register(&app, EMAIL, PASSWORD, "Mallory").await.assert(201);
    assert!(app.mailed_tokens(EMAIL, "dvt_").await.is_empty());
    reset(&app, &app.mailed(EMAIL, "drs_").await, json!({}))
        .await
        .assert(200);
    app.anonymous()
        .try_log_in(EMAIL, PASSWORD)
        .await
        .assert_problem(401, "invalid_credentials");
    let ada = app.anonymous().log_in(EMAIL, CHOSEN).await;
    assert_eq!(ada.me().await.json()["role"], "admin");
}

#[tokio::test]
async fn a_confirmation_from_before_an_address_made_an_admin_is_dead() {
    let app = TestApp::start().await;
    register(&app, EMAIL, PASSWORD, "Ada").await.assert(201);
    let token = app.mailed(EMAIL, "dvt_").await;
    let router = app.router_with(&[("DASHTAM_ADMIN_EMAILS", EMAIL)]).await;
    let client = app.anonymous();
    let answer = client
        .request_to(
            router,
            http::Method::POST,
            VERIFY,
            Some(&json!({ "token": token })),
        )
        .await;
    answer.assert_problem(400, "invalid_or_expired_token");
}

#[tokio::test]
async fn an_account_that_moves_to_an_admins_address_gets_its_owners_password() {
    let app = TestApp::with(&[("ADMIN_EMAILS", "root@example.com")]).await;
    let ada = app.logged_in(EMAIL).await;
    let change = json!({ "email": "root@example.com", "current_password": PASSWORD });
    ada.patch("/api/v1/auth/me", &change).await.assert(200);
    assert!(
        app.mailed_tokens("root@example.com", "dvt_")
            .await
            .is_empty()
    );
    reset(
        &app,
        &app.mailed("root@example.com", "drs_").await,
        json!({}),
    )
    .await
    .assert(200);
    ada.me().await.assert(401);
    app.anonymous()
        .try_log_in("root@example.com", PASSWORD)
        .await
        .assert_problem(401, "invalid_credentials");
    let root = app.anonymous().log_in("root@example.com", CHOSEN).await;
    assert_eq!(root.me().await.json()["role"], "admin");
}

#[tokio::test]
async fn a_registration_ends_after_seven_days_while_its_items_are_still_there() {
    let app = TestApp::start().await;
    register(&app, EMAIL, PASSWORD, "Ada").await.assert(201);
    app.advance(604_799);
    app.anonymous()
        .try_log_in(EMAIL, PASSWORD)
        .await
        .assert_problem(403, "email_not_verified");
    app.anonymous()
        .post(
            "/api/v1/auth/resend-verification",
            &json!({ "email": EMAIL }),
        )
        .await
        .assert(202);
    let token = app.mailed(EMAIL, "dvt_").await;
    app.advance(1);
    app.anonymous()
        .try_log_in(EMAIL, PASSWORD)
        .await
        .assert_problem(401, "invalid_credentials");
    verify(&app, &token)
        .await
        .assert_problem(400, "invalid_or_expired_token");
    register(&app, EMAIL, OTHER, "Ada").await.assert(201);
    verify(&app, &app.mailed(EMAIL, "dvt_").await)
        .await
        .assert(200);
    app.anonymous().try_log_in(EMAIL, OTHER).await.assert(200);
}

#[tokio::test]
async fn a_verified_account_has_no_end() {
    let app = TestApp::start().await;
    app.verified(EMAIL).await;
    for item in app.db_items("users", "").await {
        assert!(
            !item.contains_key("ttl") && !item.contains_key("until"),
            "{:?}",
            text(&item, "pk")
        );
    }
}

#[tokio::test]
async fn the_mail_of_a_registration_says_when_and_from_where_and_repeats_nothing() {
    let app = TestApp::start().await;
    register(&app, EMAIL, PASSWORD, "Free money at evil example")
        .await
        .assert(201);
    app.drain().await;
    let mail = app.aws.mailbox.messages(Some(EMAIL)).remove(0);
    for fact in ["Device:", "Place:", "Time: 15 January 2027, 08:00 UTC"] {
        assert!(mail.text.contains(fact), "without {fact}: {}", mail.text);
    }
    assert!(!mail.text.contains("Free money") && !mail.html.contains("Free money"));
}

#[tokio::test]
async fn a_right_password_of_an_unverified_address_clears_no_failures() {
    let app = TestApp::with(&[("LOCKOUT_THRESHOLD", "4"), ("RATE_LIMIT_SCALE", "100")]).await;
    register(&app, EMAIL, PASSWORD, "Ada").await.assert(201);
    for _ in 0..3 {
        app.anonymous()
            .try_log_in(EMAIL, "Wrong-Horse-7-Battery")
            .await
            .assert_problem(401, "invalid_credentials");
    }
    for _ in 0..5 {
        app.anonymous()
            .try_log_in(EMAIL, PASSWORD)
            .await
            .assert_problem(403, "email_not_verified");
    }
    app.anonymous()
        .try_log_in(EMAIL, "Wrong-Horse-7-Battery")
        .await
        .assert_problem(401, "invalid_credentials");
    app.advance(4);
    app.anonymous()
        .try_log_in(EMAIL, PASSWORD)
        .await
        .assert_problem(423, "account_locked");
}

#[tokio::test]
async fn an_address_that_no_mail_can_reach_is_refused() {
    let app = TestApp::start().await;
    let answer = register(&app, "dieg\u{f8}@example.com", PASSWORD, "Diego").await;
    answer.assert_problem(422, "validation_failed");
    assert_eq!(answer.rules(), ["/email not_deliverable"]);
    register(&app, "diego@b\u{fc}cher.example", PASSWORD, "Diego")
        .await
        .assert(201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_parallel_registrations_with_different_passwords_none_counts() {
    let app = TestApp::with(&[("RATE_LIMIT_SCALE", "100")]).await;
    let passwords: Vec<String> = (0..20)
        .map(|n| format!("Parallel-Horse-{n}-Battery"))
        .collect();
    let all = passwords
        .iter()
        .map(|password| register(&app, EMAIL, password, "Ada"));
    for answer in futures::future::join_all(all).await {
        answer.assert(201);
    }
    app.drain().await;
    for token in app.mailed_tokens(EMAIL, "dvt_").await {
        verify(&app, &token)
            .await
            .assert_problem(400, "invalid_or_expired_token");
    }
    assert_eq!(app.db_items("users", "USER#").await.len(), 1);
    reset(&app, &app.mailed(EMAIL, "drs_").await, json!({}))
        .await
        .assert(200);
    app.anonymous()
        .log_in(EMAIL, CHOSEN)
        .await
        .me()
        .await
        .assert(200);
}
