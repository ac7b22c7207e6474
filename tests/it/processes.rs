//! The service is many processes that start at any time, on machines whose clocks differ.
#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use bundle_tests::{Actor, Answer, Fault, PASSWORD, Proxy, TestApp};
use dashtam_local::cloudformation;
use futures::future::join_all;
use http::Method;
use serde_json::json;
use shared::aws::AwsBase;
use shared::clock::{Clock as _, MockClock};
use shared::domain::Timestamp;
use shared::ground::entropy::OsEntropy;
use shared::http::{DEADLINE, app};
use shared::routes;
use shared::runtime::environment::Environment;

use crate::guard_project::read;
use crate::guard_requests::{granted, unlimited};
use crate::guard_rights::logical_id;

const LOGIN: &str = "/api/v1/auth/login";
const ME: &str = "/api/v1/auth/me";
/// Five minutes, in milliseconds.
const SKEW: i64 = 300_000;
/// What a REST API waits for a function, in seconds.
const GATEWAY: u64 = 29;

/// A process whose clock differs by `skew` milliseconds; its endpoints and its clock.
async fn process(app: &TestApp, skew: i64) -> (Router, Arc<MockClock>) {
    let clock = Arc::new(MockClock::at(Timestamp::from_millis(
        app.clock.now().as_millis() + skew,
    )));
    let environment = Environment::with(app.settings(), clock.clone(), Arc::new(OsEntropy))
        .expect("valid settings");
    let endpoints = dashtam_local::endpoints::all(&environment)
        .await
        .expect("endpoints");
    (self::app(endpoints, environment.app()), clock)
}

async fn me(app: &TestApp, router: Router, token: &str) -> Answer {
    app.anonymous()
        .bearer(token)
        .request_to(router, Method::GET, ME, None)
        .await
}

fn access(answer: &Answer) -> String {
    answer.assert(200);
    answer.json()["access_token"]
        .as_str()
        .expect("a token")
        .to_owned()
}

#[tokio::test]
async fn tokens_of_a_process_that_is_ahead_wait_until_its_moment_has_come() {
    // FT-15: to within the five seconds that machines may differ.
    let app = TestApp::start().await;
    app.verified("a@example.com").await;
    let (ahead, _) = process(&app, SKEW).await;
    let body = json!({ "email": "a@example.com", "password": PASSWORD });
    let login = app
        .anonymous()
        .request_to(ahead, Method::POST, LOGIN, Some(&body))
        .await;
    let token = access(&login);
    app.anonymous()
        .bearer(&token)
        .me()
        .await
        .assert_problem(401, "invalid_token");
    app.advance(294);
    app.anonymous()
        .bearer(&token)
        .me()
        .await
        .assert_problem(401, "invalid_token");
    app.advance(1);
    app.anonymous().bearer(&token).me().await.assert(200);
}

/// Tries a wrong password at a process whose clock is two hours ahead.
async fn guess_ahead(app: &TestApp, client: &Actor<'_>, email: &str) {
    let (ahead, _) = process(app, 7_200_000).await;
    let body = json!({ "email": email, "password": "Wrong-Horse-7-Battery" });
    client
        .request_to(ahead, Method::POST, LOGIN, Some(&body))
        .await
        .assert(401);
}

#[tokio::test]
async fn a_bucket_that_a_clock_ahead_has_written_stops_nobody() {
    let app = TestApp::start().await;
    app.verified("a@example.com").await;
    let client = app.anonymous();
    guess_ahead(&app, &client, "nobody@example.com").await;
    client
        .try_log_in("a@example.com", PASSWORD)
        .await
        .assert(200);
}

#[tokio::test]
async fn a_lock_that_a_clock_ahead_has_written_lasts_no_longer_than_any_other() {
    let app = TestApp::with(&[("LOCKOUT_THRESHOLD", "1")]).await;
    app.verified("a@example.com").await;
    guess_ahead(&app, &app.anonymous(), "a@example.com").await;
    let locked = app.anonymous().try_log_in("a@example.com", PASSWORD).await;
    locked.assert_problem(423, "account_locked");
    let wait: u64 = locked
        .header("retry-after")
        .and_then(|wait| wait.parse().ok())
        .expect("a wait");
    assert!(wait <= 3_600, "{wait}");
    app.advance(3_601);
    app.anonymous()
        .try_log_in("a@example.com", PASSWORD)
        .await
        .assert(200);
}

#[tokio::test]
async fn a_process_that_is_ahead_accepts_nothing_that_has_expired() {
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    let token = ada.access.clone().expect("a token");
    let (ahead, clock) = process(&app, SKEW).await;
    me(&app, ahead.clone(), &token).await.assert(200);
    clock.advance(Duration::from_secs(1_500));
    app.advance(1_500);
    me(&app, ahead, &token)
        .await
        .assert_problem(401, "token_expired");
    ada.me().await.assert(200);
}

#[tokio::test]
async fn a_process_that_is_behind_is_late_by_as_much_as_its_clock_and_no_more() {
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    let token = ada.access.clone().expect("a token");
    let (behind, clock) = process(&app, -SKEW).await;
    // What the others have just made lies in its future.
    me(&app, behind.clone(), &token)
        .await
        .assert_problem(401, "invalid_token");
    clock.advance(Duration::from_secs(2_099));
    app.advance(2_099);
    ada.me().await.assert_problem(401, "token_expired");
    me(&app, behind.clone(), &token).await.assert(200);
    clock.advance(Duration::from_secs(1));
    me(&app, behind, &token)
        .await
        .assert_problem(401, "token_expired");
}

#[tokio::test]
async fn a_revocation_acts_at_once_whatever_the_clock_of_a_process_says() {
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    let token = ada.access.clone().expect("a token");
    app.advance(400);
    let (behind, _) = process(&app, -SKEW).await;
    me(&app, behind.clone(), &token).await.assert(200);
    ada.delete("/api/v1/auth/sessions/all").await.assert(200);
    me(&app, behind, &token)
        .await
        .assert_problem(401, "token_version_too_old");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_processes_that_start_at_once_answer_right_and_read_each_secret_once() {
    // FT-17
    let app = TestApp::with(&[("SESSION_CAP", "1000"), ("RATE_LIMIT_SCALE", "1000")]).await;
    app.verified("a@example.com").await;
    let (secrets, address) = Proxy::start(&app.aws, app.aws.endpoints.secrets_manager).await;
    let address = format!("http://{address}");
    let body = json!({ "email": "a@example.com", "password": PASSWORD });
    let start = || async {
        let environment = app.environment_with(&[("AWS_ENDPOINT_URL_SECRETS_MANAGER", &address)]);
        let login = auth_login::endpoint(&environment.with_access_key("auth-login"))
            .await
            .expect("an endpoint");
        let router = self::app(vec![login], environment.app());
        app.anonymous()
            .request_to(router, Method::POST, LOGIN, Some(&body))
            .await
    };
    let answers = join_all((0..100).map(|_| start())).await;
    for answer in &answers {
        app.anonymous()
            .bearer(&access(answer))
            .me()
            .await
            .assert(200);
    }
    assert_eq!(secrets.take_calls(), vec!["GetSecretValue"; 100]);
}

#[tokio::test]
async fn a_store_that_hangs_is_told_as_unavailable_before_anybody_waits_in_vain() {
    // FT-12
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    app.proxy.plan("BatchGetItem", Fault::Held, 100);
    let answer = tokio::time::timeout(DEADLINE, ada.me())
        .await
        .expect("an answer within the deadline");
    answer.assert_problem(503, "service_unavailable");
    assert!(answer.header("retry-after").is_some());
}

#[test]
fn each_time_limit_ends_within_the_one_around_it() {
    // FT-12: attempt, call, request, function, gateway.
    let template = cloudformation::parse(&read("template.yaml")).expect("a template");
    let function = Duration::from_secs(
        template["Globals"]["Function"]["Timeout"]
            .as_u64()
            .expect("a time-out"),
    );
    let calls = AwsBase::timeouts();
    let limits = [
        calls.connect_timeout().expect("set"),
        calls.operation_attempt_timeout().expect("set"),
        calls.operation_timeout().expect("set"),
        DEADLINE,
        function,
        Duration::from_secs(GATEWAY),
    ];
    assert!(
        limits.is_sorted_by(|inner, outer| inner < outer),
        "{limits:?}"
    );
    for (id, resource) in template["Resources"].as_object().expect("resources") {
        let own = resource["Properties"]["Timeout"]
            .as_u64()
            .map(Duration::from_secs);
        let has_route = routes::ALL
            .iter()
            .any(|route| logical_id(route.program()) == *id);
        assert!(
            !has_route || own.is_none(),
            "{id} has a time limit of its own"
        );
    }
}

#[tokio::test]
async fn what_hashes_has_more_than_half_a_processor_and_a_bound_on_its_cost() {
    // FT-18, SC-21: 1,769 MB are one whole core; `docs/performance.md` has the time of a hash.
    let template = cloudformation::parse(&read("template.yaml")).expect("a template");
    let app = unlimited().await;
    let mut hashing = 0;
    for route in routes::ALL {
        let request = granted(&app, route, "a").await;
        let before = app.hashes();
        request.send().await;
        let hashed = app.hashes() > before;
        let properties = &template["Resources"][logical_id(route.program())]["Properties"];
        let memory = properties["MemorySize"].as_u64().unwrap_or_default();
        let is_bounded = properties.get("ReservedConcurrentExecutions").is_some();
        assert_eq!(
            (hashed, hashed),
            (memory >= 1_024, is_bounded),
            "{}: {memory} MB",
            route.function
        );
        hashing += usize::from(hashed);
    }
    assert!(hashing > 5, "the guard finds {hashing} functions that hash");
}
