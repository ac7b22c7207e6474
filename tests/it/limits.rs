//! The client's bucket of the credential endpoints.

use bundle_tests::{Fault, PASSWORD, TestApp};
use futures::future::join_all;
use serde_json::json;

const CLIENT: &str = "198.51.100.7";

async fn request(app: &TestApp, path: &str) -> bundle_tests::Answer {
    let body = match path {
        "login" => json!({ "email": "nobody@example.com", "password": PASSWORD }),
        "register" => json!({ "email": "new@example.com", "password": PASSWORD, "name": "N" }),
        "verify-email" => json!({ "token": "dvt_x" }),
        "reset-password" => json!({ "token": "drs_x", "new_password": PASSWORD }),
        _ => {
            json!({ "email": format!("{}@example.com", uuid::Uuid::from_u128(u128::from(rand()))) })
        }
    };
    app.anonymous()
        .at(CLIENT)
        .post(&format!("/api/v1/auth/{path}"), &body)
        .await
}

/// A number that does not come again in this process.
fn rand() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fresh_bucket_admits_exactly_its_capacity_of_a_hundred_parallel_calls() {
    // RL-01
    let app = TestApp::with(&[("LOCKOUT_THRESHOLD", "100")]).await;
    for (path, capacity) in [
        ("login", 20),
        ("register", 10),
        ("request-password-reset", 5),
        ("resend-verification", 5),
        ("verify-email", 20),
        ("reset-password", 20),
    ] {
        let answers = join_all((0..100).map(|_| request(&app, path))).await;
        let refused = answers.iter().filter(|answer| answer.status == 429).count();
        assert_eq!(refused, 100 - capacity, "{path}");
    }
}

#[tokio::test]
async fn after_k_intervals_exactly_k_more_are_admitted() {
    // RL-02
    let app = TestApp::with(&[("LOCKOUT_THRESHOLD", "100")]).await;
    for _ in 0..20 {
        request(&app, "login").await.assert(401);
    }
    app.advance(3 * 12);
    for _ in 0..3 {
        request(&app, "login").await.assert(401);
    }
    request(&app, "login").await.assert(429);
    app.advance(86_400);
    for _ in 0..20 {
        request(&app, "login").await.assert(401);
    }
    request(&app, "login").await.assert(429);
}

#[tokio::test]
async fn retry_after_is_honest_and_the_fields_parse() {
    // RL-03, RL-04
    let app = TestApp::with(&[("LOCKOUT_THRESHOLD", "100")]).await;
    for _ in 0..20 {
        request(&app, "login").await;
    }
    app.advance(5);
    let refused = request(&app, "login").await;
    refused.assert_problem(429, "rate_limited");
    assert_eq!(refused.header("retry-after"), Some("7"));
    assert_eq!(
        refused.header("ratelimit-policy"),
        Some("\"login\";q=20;w=240")
    );
    assert_eq!(refused.header("ratelimit"), Some("\"login\";r=0;t=7"));
    app.advance(6);
    request(&app, "login").await.assert(429);
    app.advance(1);
    request(&app, "login").await.assert(401);
}

#[tokio::test]
async fn a_successful_login_gives_its_token_back() {
    let app = TestApp::start().await;
    app.verified("a@example.com").await;
    for _ in 0..30 {
        app.anonymous()
            .at(CLIENT)
            .try_log_in("a@example.com", PASSWORD)
            .await
            .assert(200);
    }
}

#[tokio::test]
async fn one_source_that_tries_many_accounts_is_stopped() {
    // LG-09
    let app = TestApp::start().await;
    let mut statuses = Vec::new();
    for n in 0..60 {
        statuses.push(
            app.anonymous()
                .at(CLIENT)
                .try_log_in(&format!("user{n}@example.com"), PASSWORD)
                .await
                .status
                .as_u16(),
        );
    }
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 40);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_gets_few_mails_however_many_clients_ask() {
    // EM-20
    let app = TestApp::start().await;
    app.verified("victim@example.com").await;
    let asks = (0..100).map(|_| async {
        app.anonymous()
            .post(
                "/api/v1/auth/request-password-reset",
                &json!({ "email": "Victim@example.com" }),
            )
            .await
            .status
            .as_u16()
    });
    assert!(
        join_all(asks).await.into_iter().all(|status| status == 202),
        "the bucket never shows"
    );
    assert!(app.mailed_tokens("victim@example.com", "drs_").await.len() <= 3);
}

#[tokio::test]
async fn neighbours_in_one_ipv6_network_share_a_bucket() {
    // RL-06
    let app = TestApp::start().await;
    for n in 0..20 {
        let email = format!("a{n}@example.com");
        app.anonymous()
            .at(&format!("2001:db8::{n:x}"))
            .try_log_in(&email, PASSWORD)
            .await;
    }
    app.anonymous()
        .at("2001:db8::ffff")
        .try_log_in("b@example.com", PASSWORD)
        .await
        .assert(429);
    app.anonymous()
        .at("2001:db8:0:1::1")
        .try_log_in("b@example.com", PASSWORD)
        .await
        .assert(401);
}

#[tokio::test]
async fn capacity_zero_admits_none() {
    // RL-16
    let app = TestApp::with(&[("RATE_LIMIT_LOGIN", "0/5")]).await;
    request(&app, "login").await.assert(429);
}

#[tokio::test]
async fn without_its_bucket_a_credential_endpoint_fails_closed() {
    let app = TestApp::start().await;
    app.proxy.plan("UpdateItem", Fault::Throttled, 100);
    let answer = request(&app, "login").await;
    answer.assert_problem(503, "service_unavailable");
    assert!(answer.header("retry-after").is_some());
    app.proxy.heal();
    request(&app, "login").await.assert(401);
}

#[tokio::test]
async fn a_session_is_refreshed_thirty_times_at_once_and_once_in_two_seconds_after_that() {
    // RL-01, RL-02
    let app = TestApp::start().await;
    let mut ada = app.logged_in("a@example.com").await;
    for _ in 0..30 {
        ada.refresh().await;
    }
    let token = ada.refresh.clone().unwrap_or_default();
    let refused = ada.try_refresh(&token).await;
    refused.assert_problem(429, "rate_limited");
    assert_eq!(
        (refused.header("retry-after"), refused.header("ratelimit")),
        (Some("2"), Some("\"refresh\";r=0;t=2"))
    );
    app.advance(1);
    ada.try_refresh(&token).await.assert(429);
    app.advance(1);
    ada.refresh().await;
    ada.try_refresh(ada.refresh.as_deref().unwrap_or_default())
        .await
        .assert(429);
    let phone = app.anonymous().log_in("a@example.com", PASSWORD).await;
    phone
        .try_refresh(phone.refresh.as_deref().unwrap_or_default())
        .await
        .assert(200);
}

#[tokio::test]
async fn a_user_pays_for_all_their_sessions_together_and_for_nobody_else() {
    let app = TestApp::with(&[("RATE_LIMIT_SESSIONS", "3/0")]).await;
    let ada = app.logged_in("a@example.com").await;
    let phone = app.anonymous().log_in("a@example.com", PASSWORD).await;
    let bob = app.logged_in("b@example.com").await;
    for actor in [&ada, &phone, &ada] {
        actor.get("/api/v1/auth/sessions").await.assert(200);
    }
    phone
        .get("/api/v1/auth/sessions")
        .await
        .assert_problem(429, "rate_limited");
    ada.delete("/api/v1/auth/sessions/others")
        .await
        .assert_problem(429, "rate_limited");
    bob.get("/api/v1/auth/sessions").await.assert(200);
    ada.me().await.assert(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_users_bucket_admits_exactly_its_capacity_of_a_hundred_parallel_calls() {
    // RL-01
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    let answers = join_all((0..100).map(|_| ada.get("/api/v1/auth/sessions"))).await;
    assert_eq!(
        answers.iter().filter(|answer| answer.status == 200).count(),
        60
    );
    assert_eq!(
        answers.iter().filter(|answer| answer.status == 429).count(),
        40
    );
}

#[tokio::test]
async fn without_its_bucket_a_read_goes_on_and_a_change_does_not() {
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    let phone = app
        .anonymous()
        .log_in("a@example.com", PASSWORD)
        .await
        .session_id()
        .await;
    app.proxy.plan("UpdateItem", Fault::Throttled, 1_000);
    ada.get("/api/v1/auth/sessions").await.assert(200);
    let path = format!("/api/v1/auth/sessions/{phone}");
    ada.delete(&path)
        .await
        .assert_problem(503, "service_unavailable");
    app.proxy.heal();
    ada.delete(&path).await.assert(200);
}

#[tokio::test]
async fn a_token_that_does_not_verify_pays_from_nobodys_bucket() {
    let app = TestApp::with(&[("RATE_LIMIT_SESSIONS", "1/0")]).await;
    let ada = app.logged_in("a@example.com").await;
    let token = ada.access.clone().unwrap_or_default();
    let forged = format!("{}AAAA", &token[..token.len() - 4]);
    for _ in 0..5 {
        ada.clone()
            .bearer(&forged)
            .get("/api/v1/auth/sessions")
            .await
            .assert_problem(401, "invalid_token");
    }
    ada.get("/api/v1/auth/sessions").await.assert(200);
}

#[tokio::test]
async fn case_slashes_and_invalid_bodies_open_no_second_bucket() {
    let app = TestApp::with(&[("RATE_LIMIT_LOGIN", "2/0")]).await;
    let body = json!({ "email": "nobody@example.com", "password": PASSWORD });
    for path in [
        "/api/v1/auth/login/",
        "/API/v1/auth/login",
        "//api/v1/auth/login",
    ] {
        app.anonymous()
            .at(CLIENT)
            .post(path, &body)
            .await
            .assert(404);
    }
    app.anonymous()
        .at(CLIENT)
        .post("/api/v1/auth/login", &json!({ "email": "x" }))
        .await
        .assert(422);
    for _ in 0..2 {
        request(&app, "login").await.assert(401);
    }
    request(&app, "login").await.assert(429);
}

#[tokio::test]
async fn calls_to_a_provider_are_counted_by_user_and_provider() {
    let app = TestApp::with(&[("RATE_LIMIT_PROVIDER_CALLS", "1/0")]).await;
    let limiter = app.environment.limiter();
    let user = |id| shared::domain::UserId::new(uuid::Uuid::from_u128(id));
    for (owner, provider) in [(1, "schwab"), (1, "other"), (2, "schwab")] {
        assert!(limiter.admit_provider(user(owner), provider).await.is_ok());
        assert!(limiter.admit_provider(user(owner), provider).await.is_err());
    }
}

#[tokio::test]
async fn refusals_at_a_limit_are_recorded_once_in_ten_minutes() {
    let app = TestApp::with(&[("RATE_LIMIT_LOGIN", "1/0")]).await;
    for _ in 0..5 {
        request(&app, "login").await;
    }
    let records = app.db_audit().await;
    assert_eq!(
        records
            .iter()
            .filter(|line| line.ends_with("rate_limited"))
            .count(),
        1,
        "{records:?}"
    );
}

#[tokio::test]
async fn a_bucket_that_is_cleaned_up_early_is_no_fuller() {
    // RL-15: its TTL lies behind the moment at which it is full.
    let app = TestApp::with(&[("LOCKOUT_THRESHOLD", "100")]).await;
    for _ in 0..20 {
        request(&app, "login").await;
    }
    let bucket = app.db_items("limits", "LIMIT#login").await.remove(0);
    let number = |name: &str| {
        bucket[name]
            .as_n()
            .expect("a number")
            .parse::<i64>()
            .expect("a number")
    };
    assert!(number("ttl") * 1_000_000 >= number("tat"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_that_refills_faster_than_it_is_asked_never_says_that_it_is_busy() {
    // Each call sees a later time than the one before, as with a clock that runs.
    let app = TestApp::with(&[("RATE_LIMIT_SCALE", "10000"), ("LOCKOUT_THRESHOLD", "100")]).await;
    let calls = async { join_all((0..200).map(|_| request(&app, "login"))).await };
    let time = async {
        loop {
            app.clock.advance(std::time::Duration::from_millis(1));
            tokio::task::yield_now().await;
        }
    };
    let answers = tokio::select! { answers = calls => answers, () = time => Vec::new() };
    let busy = answers.iter().filter(|answer| answer.status == 503).count();
    assert_eq!((busy, answers.len()), (0, 200));
}
