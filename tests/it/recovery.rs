//! Recovery: who gets an account back, whatever a thief has done to it in between.

use bundle_tests::{Actor, Answer, PASSWORD, TestApp, text};
use serde_json::json;
use shared::accounts::import::Newcomer;
use shared::audit_event::Actor as By;
use shared::domain::{DisplayName, EmailAddress, Reason, UserId};
use shared::request::{RequestMeta, Task};
use shared::store::Admitted;

const OWNER: &str = "owner@example.com";
const EVIL: &str = "evil@example.com";
const NEW: &str = "Other-Horse-8-Battery";
const AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0";
const WEEK: u64 = 604_800;

async fn secure(app: &TestApp, token: &str) -> Answer {
    app.anonymous()
        .post("/api/v1/auth/secure-account", &json!({ "token": token }))
        .await
}

async fn request_change(actor: &Actor<'_>, to: &str) -> Answer {
    actor
        .patch(
            "/api/v1/auth/me",
            &json!({ "email": to, "current_password": PASSWORD }),
        )
        .await
}

/// Moves the account of `actor` to `to` and signs in again.
async fn moved<'a>(app: &'a TestApp, actor: &Actor<'a>, to: &str) -> Actor<'a> {
    app.advance(1);
    request_change(actor, to).await.assert(200);
    let proof = json!({ "token": app.mailed(to, "dvt_").await });
    app.anonymous()
        .post("/api/v1/auth/verify-email", &proof)
        .await
        .assert(200);
    app.advance(1);
    app.anonymous().log_in(to, PASSWORD).await
}

/// Sets a new password by the newest reset link in a mailbox, and signs in with it.
async fn recovered<'a>(app: &'a TestApp, email: &str) -> Actor<'a> {
    let reset = json!({ "token": app.mailed(email, "drs_").await, "new_password": NEW });
    app.anonymous()
        .post("/api/v1/auth/reset-password", &reset)
        .await
        .assert(200);
    app.anonymous().log_in(email, NEW).await
}

/// A mailbox's newest mail with this subject.
async fn mail(app: &TestApp, email: &str, subject: &str) -> String {
    app.drain().await;
    let mails = app.aws.mailbox.messages(Some(email));
    mails
        .into_iter()
        .find(|mail| mail.subject == subject)
        .map(|mail| mail.text)
        .expect(subject)
}

async fn link(app: &TestApp, email: &str, subject: &str) -> String {
    let text = mail(app, email, subject).await;
    let start = text.find("dsa_").expect("a link");
    text[start..]
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || "_-".contains(*c))
        .collect()
}

#[tokio::test]
async fn an_export_names_the_former_addresses_that_can_take_the_account_back() {
    let app = TestApp::start().await;
    let owner = app.logged_in(OWNER).await;
    let owner = moved(&app, &owner, EVIL).await;
    let exported = owner.get("/api/v1/auth/me/export").await.json();
    assert_eq!(
        exported.pointer("/account/former_emails"),
        Some(&json!([OWNER]))
    );
    app.advance(WEEK);
    let owner = app.anonymous().log_in(EVIL, PASSWORD).await;
    let exported = owner.get("/api/v1/auth/me/export").await.json();
    assert_eq!(exported.pointer("/account/former_emails"), Some(&json!([])));
}

#[tokio::test]
async fn a_notice_from_before_a_move_restores_its_address() {
    for subject in [
        "Sign-in from a new device",
        "Your email address is about to change",
    ] {
        let app = TestApp::start().await;
        app.logged_in(OWNER).await;
        let thief = app
            .anonymous()
            .header("user-agent", AGENT)
            .log_in(OWNER, PASSWORD)
            .await;
        moved(&app, &thief, EVIL).await;
        let token = link(&app, OWNER, subject).await;
        secure(&app, &token).await.assert(200);
        assert!(
            app.subjects(EVIL)
                .await
                .iter()
                .all(|subject| subject != "Reset your password"),
            "{subject}"
        );
        let owner = recovered(&app, OWNER).await;
        assert_eq!(owner.me().await.json()["email"], OWNER, "{subject}");
        app.anonymous()
            .try_log_in(EVIL, PASSWORD)
            .await
            .assert_problem(401, "invalid_credentials");
    }
}

#[tokio::test]
async fn a_notice_that_is_mailed_after_a_move_goes_to_the_address_of_its_event() {
    let app = TestApp::start().await;
    app.logged_in(OWNER).await;
    app.drain().await;
    app.aws.ses.faults().set_down(true);
    let thief = app
        .anonymous()
        .header("user-agent", AGENT)
        .log_in(OWNER, PASSWORD)
        .await;
    app.drain().await;
    let row = row_of(&app, "new_device").await;
    app.aws.ses.faults().set_down(false);
    moved(&app, &thief, EVIL).await;
    deliver(&app, &row).await;
    let token = link(&app, OWNER, "Sign-in from a new device").await;
    assert!(
        app.subjects(EVIL)
            .await
            .iter()
            .all(|subject| subject != "Sign-in from a new device")
    );
    secure(&app, &token).await.assert(200);
    assert_eq!(
        recovered(&app, OWNER).await.me().await.json()["email"],
        OWNER
    );
}

async fn row_of(app: &TestApp, kind: &str) -> String {
    let rows = app.db_items("outbox", "OUTBOX#").await;
    let row = rows.iter().find(|row| text(row, "mail") == Some(kind));
    row.and_then(|row| text(row, "pk"))
        .expect("a row")
        .to_owned()
}

async fn deliver(app: &TestApp, row: &str) {
    let mailer = outbox_mailer::consumer(&app.function("outbox-mailer"))
        .await
        .expect("a mailer");
    mailer(json!({ "row": row }).to_string())
        .await
        .expect("delivered");
}

#[tokio::test]
async fn links_that_a_thief_has_gathered_are_dead_once_the_owner_has_the_account_back() {
    let app = TestApp::start().await;
    let thief = app.logged_in(OWNER).await;
    let thief = moved(&app, &thief, EVIL).await;
    let again = app
        .anonymous()
        .header("user-agent", AGENT)
        .log_in(EVIL, PASSWORD)
        .await;
    app.advance(1);
    request_change(&thief, "other@example.com")
        .await
        .assert(200);
    again.delete("/api/v1/auth/sessions/all").await.assert(200);
    app.drain().await;
    let gathered = app.mailed_tokens(EVIL, "dsa_").await;
    assert!(gathered.len() >= 3, "{gathered:?}");
    app.advance(1);
    secure(
        &app,
        &link(&app, OWNER, "Your email address was changed").await,
    )
    .await
    .assert(200);
    let owner = recovered(&app, OWNER).await;
    for token in &gathered {
        secure(&app, token)
            .await
            .assert_problem(400, "invalid_or_expired_token");
    }
    owner.me().await.assert(200);
}

#[tokio::test]
async fn every_address_that_can_take_back_is_told_of_each_move_and_keeps_its_own_end() {
    let app = TestApp::start().await;
    let first = app.logged_in("a@example.com").await;
    let second = moved(&app, &first, "b@example.com").await;
    let of_b = app.mailed_tokens("b@example.com", "dsa_").await.len();
    app.advance(WEEK / 2);
    let again = app.anonymous().log_in("b@example.com", PASSWORD).await;
    drop(second);
    moved(&app, &again, EVIL).await;
    for address in ["a@example.com", "b@example.com"] {
        let subjects = app.subjects(address).await;
        assert!(
            subjects
                .iter()
                .any(|subject| subject == "Your email address was changed"),
            "{address}: {subjects:?}"
        );
    }
    assert!(app.mailed_tokens("b@example.com", "dsa_").await.len() > of_b);
    let late = app.mailed("a@example.com", "dsa_").await;
    app.advance(WEEK / 2);
    // The newest link of the first address is of today, and its claim ended a week after it was left.
    secure(&app, &late)
        .await
        .assert_problem(400, "invalid_or_expired_token");
    secure(
        &app,
        &link(&app, "b@example.com", "Your email address was changed").await,
    )
    .await
    .assert(200);
    assert_eq!(
        recovered(&app, "b@example.com").await.me().await.json()["email"],
        "b@example.com"
    );
}

#[tokio::test]
async fn of_two_claims_the_earlier_address_wins() {
    let app = TestApp::start().await;
    let first = app.logged_in("a@example.com").await;
    let second = moved(&app, &first, "b@example.com").await;
    moved(&app, &second, EVIL).await;
    let (of_a, of_b) = (
        app.mailed("a@example.com", "dsa_").await,
        app.mailed("b@example.com", "dsa_").await,
    );
    app.advance(1);
    secure(&app, &of_b).await.assert(200);
    recovered(&app, "b@example.com").await;
    app.advance(1);
    secure(&app, &of_a).await.assert(200);
    secure(&app, &of_b).await.assert(200);
    let owner = recovered(&app, "a@example.com").await;
    assert_eq!(owner.me().await.json()["email"], "a@example.com");
    app.anonymous()
        .try_log_in("b@example.com", NEW)
        .await
        .assert(401);
    let told = app.subjects("b@example.com").await;
    assert!(
        told.iter()
            .any(|subject| subject == "Your email address was removed from an account"),
        "{told:?}"
    );
    assert!(
        !mail(
            &app,
            "b@example.com",
            "Your email address was removed from an account"
        )
        .await
        .contains("http")
    );
}

#[tokio::test]
async fn a_finished_reset_kills_the_links_that_went_to_its_address_and_no_earlier_ones() {
    let app = TestApp::start().await;
    let first = app.logged_in("a@example.com").await;
    moved(&app, &first, "b@example.com").await;
    drop(
        app.anonymous()
            .header("user-agent", AGENT)
            .log_in("b@example.com", PASSWORD)
            .await,
    );
    let (of_a, of_b) = (
        app.mailed("a@example.com", "dsa_").await,
        app.mailed("b@example.com", "dsa_").await,
    );
    app.anonymous()
        .post(
            "/api/v1/auth/request-password-reset",
            &json!({ "email": "b@example.com" }),
        )
        .await
        .assert(202);
    recovered(&app, "b@example.com").await;
    secure(&app, &of_b)
        .await
        .assert_problem(400, "invalid_or_expired_token");
    secure(&app, &of_a).await.assert(200);
}

#[tokio::test]
async fn the_fourth_move_within_the_take_back_time_is_refused_and_an_undone_one_does_not_count() {
    let app = TestApp::with(&[("RATE_LIMIT_SCALE", "100")]).await;
    let mut actor = app.logged_in("a@example.com").await;
    for to in ["b@example.com", "c@example.com", "d@example.com"] {
        actor = moved(&app, &actor, to).await;
    }
    request_change(&actor, "e@example.com")
        .await
        .assert_problem(409, "conflict");
    secure(
        &app,
        &link(&app, "c@example.com", "Your email address was changed").await,
    )
    .await
    .assert(200);
    let actor = recovered(&app, "c@example.com").await;
    app.advance(1);
    let change = json!({ "email": "e@example.com", "current_password": NEW });
    actor.patch("/api/v1/auth/me", &change).await.assert(200);
    app.advance(WEEK);
    let actor = app.anonymous().log_in("c@example.com", NEW).await;
    actor.patch("/api/v1/auth/me", &change).await.assert(200);
}

#[tokio::test]
async fn an_account_that_can_be_taken_back_cannot_be_erased_by_who_holds_it() {
    let app = TestApp::start().await;
    let thief = app.logged_in(OWNER).await;
    let thief = moved(&app, &thief, EVIL).await;
    let erase = async |actor: &Actor<'_>| {
        actor
            .request(
                http::Method::DELETE,
                "/api/v1/auth/me",
                Some(&json!({ "password": PASSWORD })),
            )
            .await
    };
    erase(&thief).await.assert_problem(409, "conflict");
    app.advance(WEEK);
    erase(&app.anonymous().log_in(EVIL, PASSWORD).await)
        .await
        .assert(200);
}

#[tokio::test]
async fn an_address_that_can_take_back_stays_taken_and_gets_its_link_again() {
    let app = TestApp::start().await;
    let thief = app.logged_in(OWNER).await;
    moved(&app, &thief, EVIL).await;
    app.drain().await;
    let stranger = app.logged_in("stranger@example.com").await;
    let reserved = "This email address can take its account back";
    let count = async || {
        app.subjects(OWNER)
            .await
            .iter()
            .filter(|subject| *subject == reserved)
            .count()
    };
    app.registered(OWNER).await;
    assert_eq!(count().await, 1);
    request_change(&stranger, OWNER).await.assert(200);
    assert_eq!(count().await, 2);
    assert!(
        app.mailed_tokens(OWNER, "dvt_").await.len() == 1,
        "no link moves the stranger there"
    );
    app.anonymous()
        .post(
            "/api/v1/auth/request-password-reset",
            &json!({ "email": OWNER }),
        )
        .await
        .assert(202);
    assert_eq!(count().await, 3);
    app.anonymous()
        .try_log_in(OWNER, PASSWORD)
        .await
        .assert_problem(401, "invalid_credentials");
    secure(&app, &link(&app, OWNER, reserved).await)
        .await
        .assert(200);
    assert_eq!(
        recovered(&app, OWNER).await.me().await.json()["email"],
        OWNER
    );
}

#[tokio::test]
async fn the_present_address_calls_a_pending_change_off() {
    let app = TestApp::start().await;
    let ada = app.logged_in(OWNER).await;
    request_change(&ada, "new@example.com").await.assert(200);
    let token = app.mailed("new@example.com", "dvt_").await;
    let mails = app.aws.mailbox.messages(None).len();
    let answer = request_change(&ada, "OWNER@example.com").await;
    answer.assert(200);
    assert_eq!(answer.json()["pending_email"], serde_json::Value::Null);
    app.drain().await;
    assert_eq!(app.aws.mailbox.messages(None).len(), mails);
    let proof = json!({ "token": token });
    app.anonymous()
        .post("/api/v1/auth/verify-email", &proof)
        .await
        .assert_problem(400, "invalid_or_expired_token");
    ada.me().await.assert(200);
}

#[tokio::test]
async fn a_mailed_token_carries_the_level_that_it_was_made_at() {
    let app = TestApp::start().await;
    let root = app.admin("root@example.com").await;
    app.verified(OWNER).await;
    app.anonymous()
        .post(
            "/api/v1/auth/request-password-reset",
            &json!({ "email": OWNER }),
        )
        .await
        .assert(202);
    let token = app.mailed(OWNER, "drs_").await;
    let rotate = async |actor: &Actor<'_>, grace: u64| {
        let body = json!({ "scope": "global", "reason": "a copy of the table was found", "grace_period_seconds": grace });
        actor
            .post("/api/v1/admin/token-rotations", &body)
            .await
            .assert(200);
    };
    rotate(&root, 0).await;
    app.advance(1);
    let root = app.anonymous().log_in("root@example.com", PASSWORD).await;
    rotate(&root, 600).await;
    let reset = json!({ "token": token, "new_password": NEW });
    app.anonymous()
        .post("/api/v1/auth/reset-password", &reset)
        .await
        .assert_problem(400, "invalid_or_expired_token");
}

#[tokio::test]
async fn an_address_that_is_set_to_unverified_opens_nothing() {
    let app = TestApp::start().await;
    let mut ada = app.logged_in(OWNER).await;
    ada.refresh().await;
    let user = app.db_user(OWNER).await;
    app.db_set(
        "users",
        &user,
        "email_verified",
        aws_sdk_dynamodb::types::AttributeValue::Bool(false),
    )
    .await;
    ada.me().await.assert_problem(401, "session_revoked");
    ada.try_refresh(ada.refresh.as_deref().unwrap_or_default())
        .await
        .assert_problem(401, "invalid_refresh_token");
}

#[tokio::test]
async fn strangers_at_the_login_cannot_keep_an_owner_from_acting() {
    let app = TestApp::start().await;
    let ada = app.logged_in(OWNER).await;
    for _ in 0..10 {
        app.anonymous()
            .try_log_in(OWNER, "Wrong-Horse-7-Battery")
            .await
            .assert(401);
    }
    app.advance(4);
    app.anonymous()
        .try_log_in(OWNER, PASSWORD)
        .await
        .assert_problem(423, "account_locked");
    ada.post(
        "/api/v1/auth/reauthenticate",
        &json!({ "password": PASSWORD }),
    )
    .await
    .assert(200);
    app.anonymous()
        .try_log_in(OWNER, PASSWORD)
        .await
        .assert_problem(423, "account_locked");
}

#[tokio::test]
async fn failures_inside_a_session_count_at_the_login_too() {
    let app = TestApp::with(&[("LOCKOUT_THRESHOLD", "4"), ("RATE_LIMIT_SCALE", "100")]).await;
    let ada = app.logged_in(OWNER).await;
    for _ in 0..4 {
        let wrong = json!({ "password": "Wrong-Horse-7-Battery" });
        ada.post("/api/v1/auth/reauthenticate", &wrong)
            .await
            .assert_problem(401, "invalid_credentials");
    }
    app.advance(4);
    app.anonymous()
        .try_log_in(OWNER, PASSWORD)
        .await
        .assert_problem(423, "account_locked");
    let right = json!({ "password": PASSWORD });
    ada.post("/api/v1/auth/reauthenticate", &right)
        .await
        .assert_problem(423, "account_locked");
}

/// The operator imports an account of OWNER with an identifier.
pub async fn import_again(app: &TestApp, id: UserId) -> Admitted {
    import(app, id, OWNER, true).await
}

/// The operator imports an account without a password.
pub async fn import(app: &TestApp, id: UserId, email: &str, email_verified: bool) -> Admitted {
    static TASK: Task = Task {
        action: "admin.import_user",
        name: "ops users import",
    };
    let newcomer = Newcomer {
        id: Some(id),
        email: EmailAddress::parse(email).expect("an address"),
        email_verified,
        name: DisplayName::parse("Ada").expect("a name"),
        password: None,
        is_active: true,
        created_at: None,
    };
    let reason = Reason::parse("moved from another system").expect("a reason");
    let meta = RequestMeta::of_task(
        &TASK,
        app.environment.store().now(),
        app.environment.store().entropy(),
    );
    let administration = app.environment.administration();
    administration
        .admit(&meta, By::Operator("olga"), &newcomer, &reason)
        .await
        .expect("an answer")
}

#[tokio::test]
async fn an_erased_identifier_is_not_used_again() {
    let app = TestApp::start().await;
    let ada = app.logged_in(OWNER).await;
    let id: UserId = ada.me().await.json()["id"]
        .as_str()
        .and_then(|id| id.parse().ok())
        .expect("an id");
    ada.request(
        http::Method::DELETE,
        "/api/v1/auth/me",
        Some(&json!({ "password": PASSWORD })),
    )
    .await
    .assert(200);
    assert_eq!(import_again(&app, id).await, Admitted::IdTaken);
    ada.me().await.assert_problem(401, "session_revoked");
}

#[tokio::test]
async fn an_erased_identifier_is_kept_as_long_as_its_records() {
    const DAYS: i64 = 3_650;
    let app = TestApp::with(&[("AUDIT_RETENTION_DAYS", &DAYS.to_string())]).await;
    let ada = app.logged_in(OWNER).await;
    let erasure = json!({ "password": PASSWORD });
    ada.request(http::Method::DELETE, "/api/v1/auth/me", Some(&erasure))
        .await
        .assert(200);
    let kept = app.db_items("users", "ERASED#").await.remove(0);
    let ttl = kept["ttl"].as_n().map(|ttl| ttl.parse::<i64>());
    let now = app.environment.store().now().as_secs();
    assert!(ttl.is_ok_and(|ttl| ttl.is_ok_and(|ttl| ttl >= now + DAYS * 86_400)));
}
