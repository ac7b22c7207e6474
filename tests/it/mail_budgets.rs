//! What the recipient of mails pays for: floods end, and no client can spend the budget of another.

use bundle_tests::{Actor, PASSWORD, TestApp, fresh_address};
use serde_json::json;

const EMAIL: &str = "ada@example.com";
const NEW: &str = "Other-Horse-8-Battery";
const RESET: &str = "/api/v1/auth/request-password-reset";
const RESEND: &str = "/api/v1/auth/resend-verification";
const HOUR: u64 = 3_600;

async fn mails(app: &TestApp, email: &str) -> usize {
    app.subjects(email).await.len()
}

async fn register(app: &TestApp, email: &str, password: &str) {
    let body = json!({ "email": email, "password": password, "name": "Ada" });
    app.anonymous()
        .at(&fresh_address())
        .post("/api/v1/auth/register", &body)
        .await
        .assert(201);
}

async fn request(app: &TestApp, path: &str, email: &str) {
    app.anonymous()
        .at(&fresh_address())
        .post(path, &json!({ "email": email }))
        .await
        .assert(202);
}

async fn request_move(actor: &Actor<'_>, to: &str) {
    let change = json!({ "email": to, "current_password": PASSWORD });
    actor.patch("/api/v1/auth/me", &change).await.assert(200);
}

/// Registers EMAIL again and again, then signs in with a new device; the digest of that hour.
async fn digest_after_a_flood(app: &TestApp, password: &str) -> String {
    app.drain().await;
    for _ in 0..24 {
        register(app, EMAIL, PASSWORD).await;
        app.drain().await;
    }
    let thief = app.anonymous().header("user-agent", "curl/8");
    drop(thief.log_in(EMAIL, password).await);
    app.drain().await;
    app.advance(HOUR);
    app.release_digests().await;
    app.drain().await;
    let newest = app.aws.mailbox.messages(Some(EMAIL)).remove(0);
    assert_eq!(newest.subject, "Recent activity on your account");
    newest.text
}

async fn secure(app: &TestApp, token: &str) -> u16 {
    let body = json!({ "token": token });
    let answer = app
        .anonymous()
        .post("/api/v1/auth/secure-account", &body)
        .await;
    answer.status.as_u16()
}

#[tokio::test]
async fn a_digest_tells_of_a_sign_in_however_much_strangers_cause() {
    let app = TestApp::start().await;
    drop(app.logged_in(EMAIL).await);
    let digest = digest_after_a_flood(&app, PASSWORD).await;
    let sign_in = digest.find("Sign-in from a new device\n");
    let taken = digest.find("You already have an account, 21 times; the first:\n");
    assert!(sign_in.is_some() && sign_in < taken, "{digest}");
    assert_eq!(digest.matches("Device:").count(), 2, "{digest}");
}

#[tokio::test]
async fn a_digest_links_to_its_first_event_that_has_a_usable_link() {
    let app = TestApp::start().await;
    drop(app.logged_in(EMAIL).await);
    // A recovery revokes the links of the level before it, and what strangers cause has no level.
    request(&app, RESET, EMAIL).await;
    let reset = json!({ "token": app.mailed(EMAIL, "drs_").await, "new_password": NEW });
    app.anonymous()
        .post("/api/v1/auth/reset-password", &reset)
        .await
        .assert(200);
    drop(app.anonymous().log_in(EMAIL, NEW).await);
    let digest = digest_after_a_flood(&app, NEW).await;
    assert_eq!(digest.matches("dsa_").count(), 1, "{digest}");
    let token = app.mailed(EMAIL, "dsa_").await;
    assert_eq!(secure(&app, &token).await, 200);
}

#[tokio::test]
async fn a_digest_of_what_strangers_cause_alone_has_no_link() {
    let app = TestApp::start().await;
    drop(app.logged_in(EMAIL).await);
    for _ in 0..5 {
        register(&app, EMAIL, PASSWORD).await;
        app.drain().await;
    }
    app.advance(HOUR);
    app.release_digests().await;
    app.drain().await;
    let digest = app.aws.mailbox.messages(Some(EMAIL)).remove(0).text;
    assert!(
        digest.contains("You already have an account, 2 times"),
        "{digest}"
    );
    assert!(!digest.contains("dsa_"), "{digest}");
}

#[tokio::test]
async fn a_digest_lists_few_events_of_a_kind_and_counts_the_others() {
    let settings = [
        ("RATE_LIMIT_MAIL_NOTICE", "0/0"),
        ("RATE_LIMIT_LOGIN", "1000/1000"),
    ];
    let app = TestApp::with(&settings).await;
    drop(app.logged_in(EMAIL).await);
    for agent in [
        "curl/8",
        "Wget/1.21",
        "PostmanRuntime/7.1",
        "okhttp/4.9",
        "Go-http-client/1.1",
        "python-requests/2.3",
        "HTTPie/3.2",
    ] {
        let client = app.anonymous().header("user-agent", agent);
        client.try_log_in(EMAIL, PASSWORD).await.assert(200);
        app.drain().await;
    }
    app.advance(HOUR);
    app.release_digests().await;
    app.drain().await;
    let digest = app.aws.mailbox.messages(Some(EMAIL)).remove(0).text;
    assert!(
        digest.contains("Sign-in from a new device, 7 times; the first 5:"),
        "{digest}"
    );
    assert_eq!(digest.matches("Device:").count(), 5, "{digest}");
}

#[tokio::test]
async fn no_request_shortens_a_link_whatever_its_life_is() {
    for life in ["60", "300", "599"] {
        let app = TestApp::with(&[("RESET_TTL_SECONDS", life)]).await;
        app.verified(EMAIL).await;
        request(&app, RESET, EMAIL).await;
        let owners = app.mailed(EMAIL, "drs_").await;
        for _ in 0..3 {
            app.advance(2);
            request(&app, RESET, EMAIL).await;
            app.drain().await;
        }
        let body = json!({ "token": owners, "new_password": NEW });
        let answer = app
            .anonymous()
            .post("/api/v1/auth/reset-password", &body)
            .await;
        assert_eq!(answer.status, 200, "a life of {life} s: {}", answer.text());
    }
}

#[tokio::test]
async fn no_request_shortens_the_link_of_a_registration_near_its_end() {
    let app = TestApp::start().await;
    // The link of a contested address ends with the registration.
    register(&app, EMAIL, PASSWORD).await;
    register(&app, EMAIL, NEW).await;
    app.drain().await;
    app.advance(7 * 24 * HOUR - 200);
    request(&app, RESET, EMAIL).await;
    let owners = app.mailed(EMAIL, "drs_").await;
    for _ in 0..3 {
        app.advance(2);
        request(&app, RESET, EMAIL).await;
        app.drain().await;
    }
    let body = json!({ "token": owners, "new_password": "Brave-Otter-9-Lantern" });
    app.anonymous()
        .post("/api/v1/auth/reset-password", &body)
        .await
        .assert(200);
}

#[tokio::test]
async fn a_registration_that_is_made_again_keeps_its_link_whatever_its_life_is() {
    let app = TestApp::with(&[("VERIFICATION_TTL_SECONDS", "1800")]).await;
    register(&app, EMAIL, PASSWORD).await;
    let first = app.mailed(EMAIL, "dvt_").await;
    app.advance(10);
    register(&app, EMAIL, PASSWORD).await;
    let links = app.mailed_tokens(EMAIL, "dvt_").await;
    assert_eq!(links, [first.clone(), first]);
}

#[tokio::test]
async fn many_clients_that_register_one_address_send_three_mails() {
    let app = TestApp::start().await;
    for n in 0..40 {
        register(&app, EMAIL, &format!("Parallel-Horse-{n}-Battery")).await;
        app.drain().await;
        app.advance(1);
    }
    assert_eq!(mails(&app, EMAIL).await, 3);
}

#[tokio::test]
async fn many_accounts_that_move_to_one_address_send_twelve_mails() {
    let app = TestApp::start().await;
    for n in 0..14 {
        let actor = app.logged_in(&format!("mover{n}@example.com")).await;
        request_move(&actor, EMAIL).await;
    }
    assert_eq!(mails(&app, EMAIL).await, 12);
}

#[tokio::test]
async fn one_account_that_moves_to_one_address_sends_three_mails() {
    let app = TestApp::with(&[("RATE_LIMIT_ADDRESS_CHANGE", "100/100")]).await;
    let actor = app.logged_in("mover@example.com").await;
    for _ in 0..5 {
        request_move(&actor, EMAIL).await;
        app.drain().await;
        app.advance(1);
    }
    assert_eq!(mails(&app, EMAIL).await, 3);
}

#[tokio::test]
async fn no_account_spends_what_another_has_for_its_new_address() {
    let app = TestApp::start().await;
    let evil = app.logged_in("evil@example.com").await;
    for _ in 0..3 {
        request_move(&evil, EMAIL).await;
        app.drain().await;
        app.advance(1);
    }
    let before = mails(&app, EMAIL).await;
    let owner = app.logged_in("owner@example.com").await;
    request_move(&owner, EMAIL).await;
    assert_eq!(mails(&app, EMAIL).await, before + 1);
    let token = json!({ "token": app.mailed(EMAIL, "dvt_").await });
    app.anonymous()
        .post("/api/v1/auth/verify-email", &token)
        .await
        .assert(200);
    assert_eq!(
        app.anonymous()
            .log_in(EMAIL, PASSWORD)
            .await
            .me()
            .await
            .member("email")
            .as_deref(),
        Some(EMAIL)
    );
}

#[tokio::test]
async fn one_account_changes_its_address_three_times_and_then_waits() {
    let app = TestApp::start().await;
    let ada = app.logged_in(EMAIL).await;
    let change = async |n: u32| {
        let change =
            json!({ "email": format!("new{n}@example.com"), "current_password": PASSWORD });
        ada.patch("/api/v1/auth/me", &change).await
    };
    for n in 0..3 {
        change(n).await.assert(200);
    }
    change(3).await.assert_problem(429, "rate_limited");
    ada.patch("/api/v1/auth/me", &json!({ "name": "Ada" }))
        .await
        .assert(200);
}

#[tokio::test]
async fn requests_that_send_nothing_cost_the_owner_no_reset() {
    let app = TestApp::start().await;
    app.verified(EMAIL).await;
    for _ in 0..10 {
        request(&app, RESEND, EMAIL).await;
    }
    let before = mails(&app, EMAIL).await;
    request(&app, RESET, EMAIL).await;
    assert_eq!(mails(&app, EMAIL).await, before + 1);
}

#[tokio::test]
async fn a_reset_link_that_lives_is_sent_again_and_not_over_the_limit() {
    let app = TestApp::start().await;
    app.verified(EMAIL).await;
    for _ in 0..10 {
        request(&app, RESET, EMAIL).await;
        app.drain().await;
        app.advance(30);
    }
    let links = app.mailed_tokens(EMAIL, "drs_").await;
    assert_eq!(links.len(), 3);
    assert!(
        links.windows(2).all(|pair| pair[0] == pair[1]),
        "the same link each time"
    );
    let body = json!({ "token": links[0], "new_password": NEW });
    app.anonymous()
        .post("/api/v1/auth/reset-password", &body)
        .await
        .assert(200);
}

#[tokio::test]
async fn a_stranger_who_spends_the_budget_leaves_the_owner_a_link() {
    let app = TestApp::start().await;
    app.verified(EMAIL).await;
    // The stranger asks all the time; whenever the owner looks, the newest link works.
    for round in 0..20 {
        request(&app, RESET, EMAIL).await;
        app.advance(100);
        let page = json!({ "token": app.mailed(EMAIL, "drs_").await, "new_password": "short" });
        let answer = app
            .anonymous()
            .at(&fresh_address())
            .post("/api/v1/auth/reset-password", &page)
            .await;
        assert_eq!(answer.status, 422, "round {round}: {}", answer.text());
    }
}

#[tokio::test]
async fn a_newer_reset_link_leaves_the_older_its_rest_and_the_first_use_ends_both() {
    let app = TestApp::start().await;
    app.verified(EMAIL).await;
    request(&app, RESET, EMAIL).await;
    let older = app.mailed(EMAIL, "drs_").await;
    app.advance(601);
    request(&app, RESET, EMAIL).await;
    let newer = app.mailed(EMAIL, "drs_").await;
    assert_ne!(older, newer);
    let reset = async |token: &str, password: &str| {
        let body = json!({ "token": token, "new_password": password });
        app.anonymous()
            .post("/api/v1/auth/reset-password", &body)
            .await
    };
    reset(&older, "short").await.assert(422);
    reset(&older, NEW).await.assert(200);
    reset(&newer, "Brave-Otter-9-Lantern")
        .await
        .assert_problem(400, "invalid_or_expired_token");
}

#[tokio::test]
async fn the_first_mail_of_a_registration_is_sent_whatever_its_address_has_spent() {
    let app = TestApp::with(&[("REGISTRATION_TTL_SECONDS", "3600")]).await;
    for n in 0..40 {
        register(&app, EMAIL, &format!("Parallel-Horse-{n}-Battery")).await;
        app.advance(1);
    }
    app.drain().await;
    app.advance(HOUR - 20);
    register(&app, EMAIL, PASSWORD).await;
    let token = app.mailed(EMAIL, "dvt_").await;
    app.anonymous()
        .post("/api/v1/auth/verify-email", &json!({ "token": token }))
        .await
        .assert(200);
}

#[tokio::test]
async fn notices_of_new_devices_are_gathered_after_the_third_and_mailed_within_the_hour() {
    let app = TestApp::with(&[("RATE_LIMIT_LOGIN", "1000/1000")]).await;
    app.logged_in(EMAIL).await;
    app.drain().await;
    let before = mails(&app, EMAIL).await;
    let browsers = [
        "Firefox/143.0",
        "Chrome/140.0.0.0 Safari/537.36",
        "Version/18.0 Safari/605.1.15",
    ];
    let systems = [
        "Windows NT 10.0; Win64; x64",
        "X11; Linux x86_64",
        "Macintosh; Intel Mac OS X 10_15_7",
        "X11; CrOS x86_64 14541",
    ];
    for browser in browsers {
        for system in systems {
            let agent =
                format!("Mozilla/5.0 ({system}) AppleWebKit/537.36 (KHTML, like Gecko) {browser}");
            let client = app
                .anonymous()
                .at(&fresh_address())
                .header("user-agent", &agent);
            client.try_log_in(EMAIL, PASSWORD).await.assert(200);
        }
    }
    let single = mails(&app, EMAIL).await - before;
    assert_eq!(single, 3);
    app.advance(HOUR);
    app.release_digests().await;
    let subjects = app.subjects(EMAIL).await;
    assert_eq!(subjects.len(), before + 4, "{subjects:?}");
    assert_eq!(subjects[0], "Recent activity on your account");
    let digest = app.aws.mailbox.messages(Some(EMAIL)).remove(0).text;
    assert_eq!(digest.matches("dsa_").count(), 1, "{digest}");
    assert!(digest.matches("Device:").count() >= 2, "{digest}");
    app.release_digests().await;
    assert_eq!(mails(&app, EMAIL).await, before + 4, "once");
    let token = app.mailed(EMAIL, "dsa_").await;
    app.anonymous()
        .post("/api/v1/auth/secure-account", &json!({ "token": token }))
        .await
        .assert(200);
}

#[tokio::test]
async fn a_password_change_is_always_told_at_once() {
    let app = TestApp::with(&[("RATE_LIMIT_CHANGE_PASSWORD", "100/100")]).await;
    let mut ada = app.logged_in(EMAIL).await;
    let mut current = PASSWORD.to_owned();
    for n in 0..6 {
        let new = format!("Parallel-Horse-{n}-Battery");
        let change = json!({ "current_password": current, "new_password": new });
        let answer = ada.post("/api/v1/auth/change-password", &change).await;
        answer.assert(200);
        ada = ada.bearer(answer.json()["access_token"].as_str().unwrap_or_default());
        current = new;
        app.drain().await;
    }
    let subjects = app.subjects(EMAIL).await;
    assert_eq!(
        subjects
            .iter()
            .filter(|subject| *subject == "Your password was changed")
            .count(),
        6
    );
}

#[tokio::test]
async fn a_redelivered_row_is_charged_once() {
    use local_aws::ses::Fault;
    let app = TestApp::start().await;
    app.verified(EMAIL).await;
    app.drain().await;
    app.advance(HOUR);
    for _ in 0..3 {
        app.aws.ses.faults().fail_next(3, Fault::DropAnswer);
        request(&app, RESET, EMAIL).await;
        app.drain().await;
        app.redeliver().await.expect("delivered");
        app.advance(1);
    }
    assert_eq!(
        app.mailed_tokens(EMAIL, "drs_").await.len() % 3,
        0,
        "each of the three requests was sent"
    );
}
