//! Security notices: one mail each, with device, place and time, and the "this wasn't me" link.

use bundle_tests::{Actor, PASSWORD, TestApp};
use serde_json::json;

const EMAIL: &str = "ada@example.com";
const WRONG: &str = "Wrong-Horse-7-Battery";
const NEW: &str = "Other-Horse-8-Battery";
const FIREFOX: &str =
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0";
const NEWER_FIREFOX: &str =
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:144.0) Gecko/20100101 Firefox/144.0";
const PLACES: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../shared/tests/data/documentation-ranges.mmdb"
);

async fn count(app: &TestApp, subject: &str) -> usize {
    app.subjects(EMAIL)
        .await
        .into_iter()
        .filter(|other| other == subject)
        .count()
}

async fn sign_in(client: Actor<'_>) {
    client.try_log_in(EMAIL, PASSWORD).await.assert(200);
}

async fn secure(app: &TestApp, token: &str) -> bundle_tests::Answer {
    app.anonymous()
        .post("/api/v1/auth/secure-account", &json!({ "token": token }))
        .await
}

#[tokio::test]
async fn a_new_device_is_told_once_and_the_first_one_and_an_update_are_not() {
    let app = TestApp::start().await;
    app.verified(EMAIL).await;
    sign_in(app.anonymous().header("user-agent", FIREFOX)).await;
    sign_in(app.anonymous().header("user-agent", NEWER_FIREFOX)).await;
    assert_eq!(count(&app, "Sign-in from a new device").await, 0);
    sign_in(app.anonymous().header("user-agent", "curl/8.14.1")).await;
    sign_in(app.anonymous().header("user-agent", "curl/8.15.0")).await;
    assert_eq!(count(&app, "Sign-in from a new device").await, 1);
}

#[tokio::test]
async fn a_notice_says_device_place_and_time() {
    let app = TestApp::with(&[("GEOIP_FILE", PLACES)]).await;
    app.verified(EMAIL).await;
    sign_in(app.anonymous()).await;
    sign_in(
        app.anonymous()
            .at("192.0.2.7")
            .header("user-agent", FIREFOX),
    )
    .await;
    app.drain().await;
    let mail = app.aws.mailbox.messages(Some(EMAIL)).remove(0);
    for part in [&mail.text, &mail.html] {
        for fact in [
            "Firefox on Windows",
            "Zurich",
            "CH",
            "192.0.2.7",
            "15 January 2027, 08:00 UTC",
            "/secure-account#token=dsa_",
        ] {
            assert!(part.contains(fact), "without {fact}: {part}");
        }
    }
}

#[tokio::test]
async fn a_notice_repeats_no_text_of_the_senders_choosing() {
    let app = TestApp::with(&[("LOCKOUT_THRESHOLD", "3")]).await;
    app.verified(EMAIL).await;
    let stranger = || {
        app.anonymous().header(
            "user-agent",
            "Call 0800 to unlock your money/1 CFNetwork/1 Darwin/1",
        )
    };
    for _ in 0..3 {
        stranger().try_log_in(EMAIL, WRONG).await.assert(401);
    }
    app.advance(4);
    stranger().try_log_in(EMAIL, WRONG).await.assert(423);
    assert_eq!(count(&app, "Sign-in is locked").await, 1);
    let mail = app.aws.mailbox.messages(Some(EMAIL)).remove(0);
    for part in [&mail.text, &mail.html] {
        assert!(
            part.contains("An app on iOS") && !part.contains("0800"),
            "{part}"
        );
    }
}

#[tokio::test]
async fn a_new_build_of_a_phones_system_is_no_new_device() {
    let app = TestApp::start().await;
    app.verified(EMAIL).await;
    for build in [
        "Android 15; Pixel 9 Build/AP3A.240905.015",
        "Android 16; Pixel 9 Build/BP2A.250605.031",
    ] {
        sign_in(
            app.anonymous()
                .header("user-agent", &format!("Dalvik/2.1.0 (Linux; U; {build})")),
        )
        .await;
    }
    assert_eq!(count(&app, "A new device signed in").await, 0);
}

#[tokio::test]
async fn a_new_country_is_told_and_one_that_is_known_is_not() {
    let app = TestApp::with(&[("GEOIP_FILE", PLACES)]).await;
    app.verified(EMAIL).await;
    for _ in 0..2 {
        for address in ["192.0.2.7", "198.51.100.1"] {
            sign_in(app.anonymous().at(address)).await;
        }
    }
    assert_eq!(count(&app, "Sign-in from a new country").await, 1);
}

#[tokio::test]
async fn suspicion_logs_nobody_out() {
    let app = TestApp::start().await;
    let ada = app.logged_in(EMAIL).await;
    sign_in(app.anonymous().header("user-agent", "curl/8")).await;
    assert_eq!(count(&app, "Sign-in from a new device").await, 1);
    ada.me().await.assert(200);
}

#[tokio::test]
async fn a_lock_is_told_once_and_to_nobody_where_there_is_no_account() {
    let app = TestApp::with(&[("LOCKOUT_THRESHOLD", "3")]).await;
    app.verified(EMAIL).await;
    for email in [EMAIL, "nobody@example.com"] {
        for _ in 0..3 {
            app.anonymous().try_log_in(email, WRONG).await.assert(401);
        }
        app.advance(4);
        app.anonymous().try_log_in(email, WRONG).await.assert(423);
    }
    assert_eq!(count(&app, "Sign-in is locked").await, 1);
    assert!(app.subjects("nobody@example.com").await.is_empty());
}

#[tokio::test]
async fn ending_all_sessions_and_theft_are_told() {
    let app = TestApp::start().await;
    let mut ada = app.logged_in(EMAIL).await;
    let spent = ada.refresh.clone().unwrap_or_default();
    ada.refresh().await;
    app.advance(60);
    ada.try_refresh(&spent).await.assert(401);
    assert_eq!(
        count(&app, "We ended a session to protect your account").await,
        1
    );
    let ada = app.anonymous().log_in(EMAIL, PASSWORD).await;
    ada.delete("/api/v1/auth/sessions/all").await.assert(200);
    assert_eq!(count(&app, "All your sessions were ended").await, 1);
}

/// An account with a session and the link of a notice about another one.
async fn noticed(app: &TestApp) -> (Actor<'_>, Actor<'_>, String) {
    let ada = app.logged_in(EMAIL).await;
    let thief = app
        .anonymous()
        .header("user-agent", "curl/8")
        .log_in(EMAIL, PASSWORD)
        .await;
    let token = app.mailed(EMAIL, "dsa_").await;
    (ada, thief, token)
}

#[tokio::test]
async fn this_was_not_me_ends_every_session_makes_the_password_useless_and_mails_a_reset() {
    let app = TestApp::start().await;
    let (ada, thief, token) = noticed(&app).await;
    secure(&app, &token).await.assert(200);
    for actor in [&ada, &thief] {
        actor
            .me()
            .await
            .assert_problem(401, "token_version_too_old");
        actor
            .try_refresh(actor.refresh.as_deref().unwrap_or_default())
            .await
            .assert(401);
    }
    app.anonymous()
        .try_log_in(EMAIL, PASSWORD)
        .await
        .assert_problem(401, "invalid_credentials");
    let reset = json!({ "token": app.mailed(EMAIL, "drs_").await, "new_password": NEW });
    app.anonymous()
        .post("/api/v1/auth/reset-password", &reset)
        .await
        .assert(200);
    app.anonymous()
        .log_in(EMAIL, NEW)
        .await
        .me()
        .await
        .assert(200);
    // Whoever comes next is new, also with the owner's own device.
    assert_eq!(count(&app, "Sign-in from a new device").await, 2);
}

#[tokio::test]
async fn a_take_back_of_a_disabled_account_promises_no_mail() {
    let app = TestApp::start().await;
    let (ada, _, token) = noticed(&app).await;
    let id = ada.me().await.member("id").expect("an id");
    let admin = app.admin("admin@example.com").await;
    let act = async |act: &str| {
        let reason = json!({ "reason": "reported as taken over" });
        let path = format!("/api/v1/admin/users/{id}/{act}");
        admin.post(&path, &reason).await.assert(200);
    };
    act("disable").await;
    let answer = secure(&app, &token).await;
    answer.assert(200);
    let message = answer.member("message").expect("a message");
    assert!(message.contains("The account is disabled"), "{message}");
    assert!(!message.contains("mailed"), "{message}");
    assert!(app.mailed_tokens(EMAIL, "drs_").await.is_empty());
    act("enable").await;
    let body = json!({ "email": EMAIL });
    app.anonymous()
        .post("/api/v1/auth/request-password-reset", &body)
        .await
        .assert(202);
    let reset = json!({ "token": app.mailed(EMAIL, "drs_").await, "new_password": NEW });
    app.anonymous()
        .post("/api/v1/auth/reset-password", &reset)
        .await
        .assert(200);
}

#[tokio::test]
async fn a_link_acts_once_and_again_is_no_error() {
    let app = TestApp::start().await;
    let (_, _, token) = noticed(&app).await;
    secure(&app, &token).await.assert(200);
    let reset = json!({ "token": app.mailed(EMAIL, "drs_").await, "new_password": NEW });
    app.anonymous()
        .post("/api/v1/auth/reset-password", &reset)
        .await
        .assert(200);
    let ada = app.anonymous().log_in(EMAIL, NEW).await;
    secure(&app, &token).await.assert(200);
    ada.me().await.assert(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_parallel_uses_of_one_link_exactly_one_acts() {
    let app = TestApp::with(&[("RATE_LIMIT_SCALE", "100")]).await;
    let (_, _, token) = noticed(&app).await;
    let uses = futures::future::join_all((0..20).map(|_| secure(&app, &token))).await;
    assert!(
        uses.iter().all(|answer| answer.status == 200),
        "{:?}",
        uses.iter().map(|a| a.status).collect::<Vec<_>>()
    );
    let acted = app
        .db_audit()
        .await
        .into_iter()
        .filter(|line| line.starts_with("auth.secure_account success"))
        .count();
    assert_eq!(acted, 1);
}

#[tokio::test]
async fn a_link_lives_a_week_to_the_second() {
    let app = TestApp::start().await;
    let (_, _, token) = noticed(&app).await;
    app.advance(604_799);
    let other = noticed_again(&app).await;
    app.advance(1);
    secure(&app, &token)
        .await
        .assert_problem(400, "invalid_or_expired_token");
    secure(&app, &other).await.assert(200);
}

async fn noticed_again(app: &TestApp) -> String {
    sign_in(app.anonymous().header("user-agent", "wget/1")).await;
    app.mailed(EMAIL, "dsa_").await
}

#[tokio::test]
async fn no_other_token_is_a_notices_and_a_made_up_one_does_nothing() {
    // RT-18
    let app = TestApp::start().await;
    let (ada, _, token) = noticed(&app).await;
    app.anonymous()
        .post(
            "/api/v1/auth/request-password-reset",
            &json!({ "email": EMAIL }),
        )
        .await
        .assert(202);
    let reset = app.mailed(EMAIL, "drs_").await;
    let renamed = reset.replace("drs_", "dsa_");
    let mut mistyped = token.clone();
    mistyped.replace_range(10..11, if &token[10..11] == "A" { "B" } else { "A" });
    for other in [
        "",
        "x",
        "dsa_",
        reset.as_str(),
        &renamed,
        &mistyped,
        ada.refresh.as_deref().unwrap_or_default(),
    ] {
        secure(&app, other)
            .await
            .assert_problem(400, "invalid_or_expired_token");
    }
    ada.me().await.assert(200);
    let proof = json!({ "token": token });
    app.anonymous()
        .post("/api/v1/auth/verify-email", &proof)
        .await
        .assert_problem(400, "invalid_or_expired_token");
}

#[tokio::test]
async fn the_table_alone_gives_nobody_a_usable_link() {
    let app = TestApp::start().await;
    let (_, _, token) = noticed(&app).await;
    assert!(
        !app.db_everything()
            .await
            .contains(&token[token.len() - 32..])
    );
}

async fn change_address(app: &TestApp, actor: &Actor<'_>, to: &str) {
    let change = json!({ "email": to, "current_password": PASSWORD });
    actor.patch("/api/v1/auth/me", &change).await.assert(200);
    let proof = json!({ "token": app.mailed(to, "dvt_").await });
    app.anonymous()
        .post("/api/v1/auth/verify-email", &proof)
        .await
        .assert(200);
}

#[tokio::test]
async fn the_owner_of_a_changed_address_takes_it_back() {
    // EM-17
    let app = TestApp::start().await;
    let thief = app.logged_in(EMAIL).await;
    change_address(&app, &thief, "thief@example.com").await;
    assert_eq!(
        app.subjects(EMAIL).await.first().map(String::as_str),
        Some("Your email address was changed")
    );
    let token = app.mailed(EMAIL, "dsa_").await;
    secure(&app, &token).await.assert(200);
    app.anonymous()
        .try_log_in("thief@example.com", PASSWORD)
        .await
        .assert_problem(401, "invalid_credentials");
    assert!(
        app.subjects("thief@example.com")
            .await
            .iter()
            .all(|subject| subject != "Reset your password")
    );
    let reset = json!({ "token": app.mailed(EMAIL, "drs_").await, "new_password": NEW });
    app.anonymous()
        .post("/api/v1/auth/reset-password", &reset)
        .await
        .assert(200);
    let ada = app.anonymous().log_in(EMAIL, NEW).await;
    assert_eq!(ada.me().await.json()["email"], EMAIL);
}

#[tokio::test]
async fn changing_an_address_twice_does_not_make_the_first_one_forgotten() {
    let app = TestApp::start().await;
    let thief = app.logged_in(EMAIL).await;
    change_address(&app, &thief, "thief@example.com").await;
    let token = app.mailed(EMAIL, "dsa_").await;
    let thief = app.anonymous().log_in("thief@example.com", PASSWORD).await;
    app.advance(1);
    change_address(&app, &thief, "thief2@example.com").await;
    secure(&app, &token).await.assert(200);
    let reset = json!({ "token": app.mailed(EMAIL, "drs_").await, "new_password": NEW });
    app.anonymous()
        .post("/api/v1/auth/reset-password", &reset)
        .await
        .assert(200);
    app.anonymous()
        .log_in(EMAIL, NEW)
        .await
        .me()
        .await
        .assert(200);
}

#[tokio::test]
async fn opening_the_page_does_nothing() {
    let app = TestApp::start().await;
    let (ada, _, token) = noticed(&app).await;
    let page = app
        .anonymous()
        .get(&format!("/secure-account?token={token}"))
        .await;
    page.assert(200);
    assert!(page.text().contains("This wasn't me") && !page.text().contains(&token));
    ada.me().await.assert(200);
}
