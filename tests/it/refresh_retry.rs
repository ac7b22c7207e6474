//! Refreshes whose answer was lost: the grace for everybody, and the retry key after it.
#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use aws_sdk_dynamodb::types::AttributeValue;
use bundle_tests::{Actor, Answer, Fault, PASSWORD, TestApp};
use futures::future::join_all;
use serde_json::json;

const PATH: &str = "/api/v1/auth/refresh";
const KEY: &str = "Mz8xk2v_Qb-7Yt0LwR4s3A";
const OTHER: &str = "AAAAAAAAAAAAAAAAAAAAAA";
const HOUR: u64 = 3_600;

async fn with_key(client: &Actor<'_>, token: &str, key: &str) -> Answer {
    client
        .post(PATH, &json!({ "refresh_token": token, "retry_key": key }))
        .await
}

fn refresh_token(answer: &Answer) -> String {
    answer.json()["refresh_token"]
        .as_str()
        .expect("a token")
        .to_owned()
}

/// A client, the token that it refreshed with `key`, and the successor that it never got.
async fn answer_lost<'a>(app: &'a TestApp, key: &str) -> (Actor<'a>, String, String) {
    let ada = app.logged_in("a@example.com").await;
    let spent = ada.refresh.clone().expect("a token");
    let answer = with_key(&ada, &spent, key).await;
    answer.assert(200);
    (ada, spent, refresh_token(&answer))
}

/// How many records there are of `outcome` with `reason`.
async fn recorded(app: &TestApp, line: &str) -> usize {
    app.db_audit()
        .await
        .iter()
        .filter(|found| *found == line)
        .count()
}

#[tokio::test]
async fn a_spent_token_may_be_retried_for_thirty_seconds() {
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    let spent = ada.refresh.clone().expect("a token");
    let first = ada.try_refresh(&spent).await;
    app.advance(29);
    // With whatever key or none.
    for answer in [
        ada.try_refresh(&spent).await,
        with_key(&ada, &spent, KEY).await,
    ] {
        answer.assert(200);
        assert_eq!(refresh_token(&answer), refresh_token(&first));
        ada.clone()
            .bearer(answer.json()["access_token"].as_str().expect("a token"))
            .me()
            .await
            .assert(200);
    }
    app.advance(1);
    ada.try_refresh(&spent)
        .await
        .assert_problem(401, "invalid_refresh_token");
    ada.me().await.assert_problem(401, "session_revoked");
}

#[tokio::test]
async fn the_grace_answers_twenty_times_and_the_next_ends_nothing() {
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    let spent = ada.refresh.clone().expect("a token");
    let first = ada.try_refresh(&spent).await;
    for _ in 0..20 {
        assert_eq!(
            refresh_token(&ada.try_refresh(&spent).await),
            refresh_token(&first)
        );
    }
    for _ in 0..3 {
        let refused = ada.try_refresh(&spent).await;
        refused.assert_problem(429, "rate_limited");
        assert_eq!(refused.header("retry-after"), Some("30"));
        assert!(
            refused.header("ratelimit").is_some() && refused.header("ratelimit-policy").is_some()
        );
    }
    ada.me().await.assert(200);
    ada.try_refresh(&refresh_token(&first)).await.assert(200);
    // The count is that of one refresh, so the next one begins with none.
    ada.try_refresh(&refresh_token(&first)).await.assert(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_got_no_answer_of_fifty_parallel_refreshes_retries_later() {
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    let token = ada.refresh.clone().expect("a token");
    let answers = join_all((0..50).map(|_| with_key(&ada, &token, KEY))).await;
    let count = |status: u16| {
        answers
            .iter()
            .filter(|answer| answer.status.as_u16() == status)
            .count()
    };
    assert_eq!((count(200), count(429)), (21, 29));
    let mut successors: Vec<_> = answers
        .iter()
        .filter(|answer| answer.status == 200)
        .map(refresh_token)
        .collect();
    successors.dedup();
    assert_eq!(successors.len(), 1);
    ada.me().await.assert(200);
    assert_eq!(recorded(&app, "auth.refresh success -").await, 1);
    // Who got none of the answers still gets the successor, with the key that all of them shared.
    app.advance(60);
    assert_eq!(
        vec![refresh_token(&with_key(&ada, &token, KEY).await)],
        successors
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_late_retries_all_get_the_successor() {
    let app = TestApp::start().await;
    let (ada, spent, successor) = answer_lost(&app, KEY).await;
    app.advance(32);
    let answers = join_all((0..20).map(|_| with_key(&ada, &spent, KEY))).await;
    for answer in answers {
        answer.assert(200);
        assert_eq!(refresh_token(&answer), successor);
    }
}

#[tokio::test]
async fn the_key_of_a_refresh_finds_its_successor_for_a_day() {
    let app = TestApp::start().await;
    let (ada, spent, successor) = answer_lost(&app, KEY).await;
    for seconds in [12, 48, 23 * HOUR + 3_539] {
        app.advance(seconds);
        let answer = with_key(&ada, &spent, KEY).await;
        answer.assert(200);
        assert_eq!(refresh_token(&answer), successor);
        ada.clone()
            .bearer(answer.json()["access_token"].as_str().expect("a token"))
            .me()
            .await
            .assert(200);
    }
    app.advance(1);
    with_key(&ada, &spent, KEY)
        .await
        .assert_problem(401, "invalid_refresh_token");
    ada.try_refresh(&successor)
        .await
        .assert_problem(401, "invalid_refresh_token");
}

#[tokio::test]
async fn after_the_grace_another_key_or_none_is_theft() {
    for key in [None, Some(OTHER)] {
        let app = TestApp::start().await;
        let (ada, spent, _) = answer_lost(&app, KEY).await;
        app.advance(30);
        let answer = match key {
            Some(key) => with_key(&ada, &spent, key).await,
            None => ada.try_refresh(&spent).await,
        };
        answer.assert_problem(401, "invalid_refresh_token");
        ada.me().await.assert_problem(401, "session_revoked");
        let subjects = app.subjects("a@example.com").await;
        assert_eq!(
            subjects.first().map(String::as_str),
            Some("We ended a session to protect your account")
        );
    }
}

#[tokio::test]
async fn only_the_key_of_the_call_that_retired_the_token_counts() {
    // Neither a later key of the grace nor one that follows a call without any.
    for first in [None, Some(KEY)] {
        let app = TestApp::start().await;
        let ada = app.logged_in("a@example.com").await;
        let spent = ada.refresh.clone().expect("a token");
        match first {
            Some(key) => with_key(&ada, &spent, key).await.assert(200),
            None => ada.try_refresh(&spent).await.assert(200),
        }
        with_key(&ada, &spent, OTHER).await.assert(200);
        app.advance(30);
        with_key(&ada, &spent, OTHER)
            .await
            .assert_problem(401, "invalid_refresh_token");
        ada.me().await.assert_problem(401, "session_revoked");
    }
}

#[tokio::test]
async fn once_its_successor_was_presented_the_key_finds_nothing() {
    let app = TestApp::start().await;
    let (ada, spent, successor) = answer_lost(&app, KEY).await;
    ada.try_refresh(&successor).await.assert(200);
    with_key(&ada, &spent, KEY)
        .await
        .assert_problem(401, "invalid_refresh_token");
    ada.me().await.assert_problem(401, "session_revoked");
}

#[tokio::test]
async fn with_a_current_token_the_key_of_the_refresh_before_is_refused() {
    let app = TestApp::start().await;
    let (ada, _, successor) = answer_lost(&app, KEY).await;
    for _ in 0..40 {
        let refused = with_key(&ada, &successor, KEY).await;
        refused.assert_problem(422, "validation_failed");
        assert_eq!(refused.rules(), ["/retry_key reused"]);
    }
    // Nothing was spent, neither the token nor a token of the bucket.
    with_key(&ada, &successor, OTHER).await.assert(200);
}

#[tokio::test]
async fn a_late_retry_pays_from_the_bucket_of_its_session() {
    let app = TestApp::with(&[("RATE_LIMIT_REFRESH", "3/0.01")]).await;
    let (ada, spent, successor) = answer_lost(&app, KEY).await;
    app.advance(60);
    for _ in 0..2 {
        with_key(&ada, &spent, KEY).await.assert(200);
    }
    with_key(&ada, &spent, KEY)
        .await
        .assert_problem(429, "rate_limited");
    ada.try_refresh(&successor)
        .await
        .assert_problem(429, "rate_limited");
    ada.me().await.assert(200);
}

#[tokio::test]
async fn late_retries_are_recorded_once_in_ten_minutes() {
    let app = TestApp::start().await;
    let (ada, spent, _) = answer_lost(&app, KEY).await;
    app.advance(60);
    for (seconds, records) in [(0, 1), (1, 1), (598, 1), (1, 2), (1, 2)] {
        app.advance(seconds);
        with_key(&ada, &spent, KEY).await.assert(200);
        assert_eq!(
            recorded(&app, "auth.refresh success retried").await,
            records,
            "{seconds} s later"
        );
    }
}

#[tokio::test]
async fn a_late_retry_never_outlives_its_session() {
    let app = TestApp::with(&[
        ("SESSION_TTL_SECONDS", "7200"),
        ("SESSION_IDLE_SECONDS", "3600"),
    ])
    .await;
    let (ada, spent, _) = answer_lost(&app, KEY).await;
    app.advance(3_599);
    with_key(&ada, &spent, KEY).await.assert(200);
    app.advance(3_599);
    let answer = with_key(&ada, &spent, KEY).await;
    answer.assert(200);
    assert_eq!(answer.json()["expires_in"], 2);
    app.advance(2);
    with_key(&ada, &spent, KEY)
        .await
        .assert_problem(401, "invalid_refresh_token");
    assert_eq!(
        app.db_audit().await.last().map(String::as_str),
        Some("auth.refresh refused expired")
    );
}

#[tokio::test]
async fn an_idle_session_is_not_brought_back_by_a_late_retry() {
    let app = TestApp::with(&[("SESSION_IDLE_SECONDS", "600")]).await;
    let (ada, spent, _) = answer_lost(&app, KEY).await;
    app.advance(600);
    with_key(&ada, &spent, KEY)
        .await
        .assert_problem(401, "invalid_refresh_token");
}

#[tokio::test]
async fn no_retry_outlives_a_logout_a_rotation_or_a_new_password() {
    for end in ["logout", "sessions/all", "change-password"] {
        let app = TestApp::start().await;
        let (ada, spent, _) = answer_lost(&app, KEY).await;
        let path = format!("/api/v1/auth/{end}");
        match end {
            "logout" => ada.post(&path, &json!({})).await.assert(200),
            "sessions/all" => ada.delete(&path).await.assert(200),
            _ => {
                let change = json!({ "current_password": PASSWORD, "new_password": "Other-Horse-8-Battery" });
                ada.post(&path, &change).await.assert(200);
            }
        }
        for seconds in [0, 60] {
            app.advance(seconds);
            with_key(&ada, &spent, KEY)
                .await
                .assert_problem(401, "invalid_refresh_token");
        }
    }
}

#[tokio::test]
async fn the_late_retry_can_be_switched_off() {
    let app = TestApp::with(&[("REFRESH_RETRY_SECONDS", "0")]).await;
    let (ada, spent, _) = answer_lost(&app, KEY).await;
    app.advance(29);
    with_key(&ada, &spent, KEY).await.assert(200);
    app.advance(1);
    with_key(&ada, &spent, KEY)
        .await
        .assert_problem(401, "invalid_refresh_token");
}

#[tokio::test]
async fn a_retry_key_of_another_form_is_refused_and_nothing_is_spent() {
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    let token = ada.refresh.clone().expect("a token");
    let long = "k".repeat(129);
    for (key, code) in [
        (json!("k".repeat(21)), "too_short"),
        (json!(long), "too_long"),
        (json!("spaces are not allowed here"), "invalid_format"),
        (json!("=========================="), "invalid_format"),
        (json!("k\u{e9}".repeat(20)), "invalid_format"),
        (json!(7), "invalid_type"),
        (json!(null), "invalid_type"),
    ] {
        let answer = ada
            .post(PATH, &json!({ "refresh_token": token, "retry_key": key }))
            .await;
        answer.assert_problem(422, "validation_failed");
        assert_eq!(answer.rules(), [format!("/retry_key {code}")], "{key}");
    }
    with_key(&ada, &token, &"k".repeat(128)).await.assert(200);
}

#[tokio::test]
async fn a_retry_key_is_stored_as_its_hash_alone() {
    let app = TestApp::start().await;
    let _lost = answer_lost(&app, KEY).await;
    assert!(!app.db_everything().await.contains(KEY));
}

#[tokio::test]
async fn a_lost_count_of_the_grace_counts_once() {
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    let spent = ada.refresh.clone().expect("a token");
    ada.try_refresh(&spent).await.assert(200);
    for _ in 0..20 {
        app.proxy.plan("UpdateItem", Fault::LostAnswer, 1);
        ada.try_refresh(&spent).await.assert(200);
    }
    ada.try_refresh(&spent)
        .await
        .assert_problem(429, "rate_limited");
}

#[tokio::test]
async fn a_late_retry_whose_answer_is_lost_in_the_store_succeeds_once() {
    let app = TestApp::with(&[("RATE_LIMIT_REFRESH", "3/0.01")]).await;
    let (ada, spent, successor) = answer_lost(&app, KEY).await;
    app.advance(60);
    for operation in ["TransactWriteItems", "UpdateItem"] {
        app.proxy.plan(operation, Fault::LostAnswer, 1);
        assert_eq!(refresh_token(&with_key(&ada, &spent, KEY).await), successor);
    }
    // Three tokens were in the bucket: one for the refresh, one for each retry.
    with_key(&ada, &spent, KEY)
        .await
        .assert_problem(429, "rate_limited");
    assert_eq!(recorded(&app, "auth.refresh success retried").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_retry_and_its_successor_at_once_leave_one_lineage() {
    let app = TestApp::start().await;
    let (ada, spent, successor) = answer_lost(&app, KEY).await;
    app.advance(60);
    app.proxy.plan("TransactWriteItems", Fault::Held, 1);
    let refreshed = async {
        app.proxy.until_held().await;
        let answer = ada.try_refresh(&successor).await;
        app.proxy.release();
        answer
    };
    let (late, refreshed) = tokio::join!(with_key(&ada, &spent, KEY), refreshed);
    // The client that presents the successor is first, so the key is that of an ancestor by then.
    refreshed.assert(200);
    late.assert_problem(401, "invalid_refresh_token");
    ada.me().await.assert_problem(401, "session_revoked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_late_retries_take_exactly_what_the_bucket_holds() {
    let app = TestApp::with(&[("RATE_LIMIT_REFRESH", "6/0.01")]).await;
    let (ada, spent, successor) = answer_lost(&app, KEY).await;
    app.advance(60);
    let answers = join_all((0..4).map(|_| with_key(&ada, &spent, KEY))).await;
    assert!(
        answers
            .iter()
            .all(|answer| answer.status == 200 && refresh_token(answer) == successor)
    );
    with_key(&ada, &spent, KEY).await.assert(200);
    with_key(&ada, &spent, KEY)
        .await
        .assert_problem(429, "rate_limited");
}

#[tokio::test]
async fn a_retry_is_activity_of_its_session() {
    let app = TestApp::with(&[("SESSION_IDLE_SECONDS", "600")]).await;
    let (ada, spent, successor) = answer_lost(&app, KEY).await;
    app.advance(20);
    ada.try_refresh(&spent).await.assert(200);
    app.advance(590);
    with_key(&ada, &spent, KEY).await.assert(200);
    app.advance(590);
    ada.try_refresh(&successor).await.assert(200);
}

#[tokio::test]
async fn a_retry_by_a_clock_that_is_behind_gets_the_successor() {
    // The clock of the process that retries is behind that of the one that rotated.
    let app = TestApp::start().await;
    let (ada, spent, successor) = answer_lost(&app, KEY).await;
    let session = app.db_items("tokens", "USER#").await.remove(0);
    let mut retired = session["retired"].as_m().expect("a map").clone();
    let at: i64 = retired["at"]
        .as_n()
        .expect("a number")
        .parse()
        .expect("a number");
    retired.insert("at".to_owned(), AttributeValue::N((at + 5_000).to_string()));
    app.db_set("tokens", &session, "retired", AttributeValue::M(retired))
        .await;
    assert_eq!(refresh_token(&ada.try_refresh(&spent).await), successor);
}
