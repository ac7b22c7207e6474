//! POST /auth/refresh.

use bundle_tests::{Fault, PASSWORD, TestApp};
use futures::future::join_all;
use serde_json::json;

#[tokio::test]
async fn each_refresh_gives_new_tokens_and_retires_the_old_one() {
    // RT-03
    let app = TestApp::start().await;
    let mut ada = app.logged_in("a@example.com").await;
    let first = ada.refresh.clone().expect("a token");
    ada.refresh().await;
    assert_ne!(ada.refresh.as_ref(), Some(&first));
    ada.me().await.assert(200);
}

#[tokio::test]
async fn a_retry_within_the_grace_gets_the_same_successor() {
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    let token = ada.refresh.clone().expect("a token");
    let first = ada.try_refresh(&token).await.json();
    app.advance(29);
    let second = ada.try_refresh(&token).await;
    second.assert(200);
    assert_eq!(first["refresh_token"], second.json()["refresh_token"]);
    assert_ne!(first["access_token"], second.json()["access_token"]);
    ada.try_refresh(first["refresh_token"].as_str().expect("a token"))
        .await
        .assert(200);
}

#[tokio::test]
async fn reuse_after_the_grace_is_theft_and_ends_the_session_for_both_parties() {
    // RT-06
    let app = TestApp::start().await;
    let mut ada = app.logged_in("a@example.com").await;
    let stolen = ada.refresh.clone().expect("a token");
    ada.refresh().await;
    app.advance(30);
    ada.try_refresh(&stolen)
        .await
        .assert_problem(401, "invalid_refresh_token");
    ada.me().await.assert_problem(401, "session_revoked");
    let newest = ada.refresh.clone().expect("a token");
    ada.try_refresh(&newest)
        .await
        .assert_problem(401, "invalid_refresh_token");
    assert_eq!(
        app.subjects("a@example.com")
            .await
            .first()
            .map(String::as_str),
        Some("We ended a session to protect your account")
    );
    assert!(
        app.db_audit()
            .await
            .contains(&"auth.refresh refused refresh_token_reused".to_owned())
    );
}

#[tokio::test]
async fn every_ancestor_is_recognised_as_stolen_even_within_the_grace() {
    let app = TestApp::start().await;
    let mut ada = app.logged_in("a@example.com").await;
    let ancestor = ada.refresh.clone().expect("a token");
    for _ in 0..5 {
        ada.refresh().await;
    }
    ada.try_refresh(&ancestor)
        .await
        .assert_problem(401, "invalid_refresh_token");
    ada.me().await.assert_problem(401, "session_revoked");
}

#[tokio::test]
async fn theft_ends_all_sessions_where_that_is_configured() {
    let app = TestApp::with(&[("THEFT_SCOPE", "user")]).await;
    let mut ada = app.logged_in("a@example.com").await;
    let phone = app.anonymous().log_in("a@example.com", PASSWORD).await;
    let stolen = ada.refresh.clone().expect("a token");
    ada.refresh().await;
    app.advance(30);
    ada.try_refresh(&stolen).await.assert(401);
    phone
        .me()
        .await
        .assert_problem(401, "token_version_too_old");
}

#[tokio::test]
async fn theft_ends_one_session_by_default() {
    let app = TestApp::start().await;
    let mut ada = app.logged_in("a@example.com").await;
    let phone = app.anonymous().log_in("a@example.com", PASSWORD).await;
    let stolen = ada.refresh.clone().expect("a token");
    ada.refresh().await;
    app.advance(30);
    ada.try_refresh(&stolen).await.assert(401);
    phone.me().await.assert(200);
}

#[tokio::test]
async fn made_up_mistyped_and_foreign_tokens_end_nothing() {
    // RT-14
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    let token = ada.refresh.clone().expect("a token");
    let mut mistyped = token.clone();
    let last = if mistyped.ends_with('A') { 'B' } else { 'A' };
    mistyped.pop();
    mistyped.push(last);
    let jwt = ada.access.clone().expect("a token");
    for other in [mistyped.as_str(), &token[..60], "", "dtr_", "x", &jwt] {
        ada.try_refresh(other)
            .await
            .assert_problem(401, "invalid_refresh_token");
    }
    ada.me().await.assert(200);
}

#[tokio::test]
async fn a_token_of_another_family_of_the_session_ends_nothing() {
    use shared::domain::{SessionId, UserId};
    use shared::ground::entropy::OsEntropy;
    use shared::tokens::{Family, RefreshToken};
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    let user: UserId = ada.me().await.json()["id"]
        .as_str()
        .expect("an id")
        .parse()
        .expect("a UUID");
    let session: SessionId = ada.session_id().await.parse().expect("a UUID");
    let forged = RefreshToken::random(user, session, Family::random(&OsEntropy), &OsEntropy);
    ada.try_refresh(&forged.expose())
        .await
        .assert_problem(401, "invalid_refresh_token");
    ada.me().await.assert(200);
}

#[tokio::test]
async fn a_mistyped_token_is_refused_without_a_call() {
    let app = TestApp::start().await;
    app.anonymous().try_refresh("dtr_AAAA").await.assert(401);
    assert_eq!(app.proxy.take_calls(), Vec::<String>::new());
}

#[tokio::test]
async fn an_expired_session_is_refused_while_its_item_is_still_there() {
    // RT-12, FT-10
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    app.advance(30 * 86_400);
    assert_eq!(app.db_items("tokens", "USER#").await.len(), 1);
    let token = ada.refresh.clone().expect("a token");
    ada.try_refresh(&token)
        .await
        .assert_problem(401, "invalid_refresh_token");
    assert_eq!(
        app.db_audit().await.last().map(String::as_str),
        Some("auth.refresh refused expired")
    );
}

#[tokio::test]
async fn refreshing_never_extends_a_session() {
    let app = TestApp::with(&[("SESSION_TTL_SECONDS", "3600")]).await;
    let mut ada = app.logged_in("a@example.com").await;
    for _ in 0..3 {
        app.advance(1_190);
        ada.refresh().await;
    }
    app.advance(30);
    let token = ada.refresh.clone().expect("a token");
    ada.try_refresh(&token).await.assert(401);
    ada.me().await.assert(401);
}

#[tokio::test]
async fn an_idle_session_is_over_where_that_is_configured() {
    let app = TestApp::with(&[("SESSION_IDLE_SECONDS", "7200")]).await;
    let mut ada = app.logged_in("a@example.com").await;
    app.advance(7_199);
    ada.refresh().await;
    ada.me().await.assert(200);
    app.advance(7_200);
    let token = ada.refresh.clone().expect("a token");
    ada.try_refresh(&token).await.assert(401);
    ada.me().await.assert_problem(401, "token_expired");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_parallel_refreshes_are_one_lineage_and_nobody_is_logged_out() {
    // RT-04
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    let token = ada.refresh.clone().expect("a token");
    let answers = join_all((0..50).map(|_| ada.try_refresh(&token))).await;
    let (done, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    // One moves the session on, and the grace answers twenty more.
    assert_eq!(
        (
            done.len(),
            refused
                .iter()
                .filter(|answer| answer.code() == "rate_limited")
                .count()
        ),
        (21, 29)
    );
    let mut successors: Vec<_> = done
        .iter()
        .map(|answer| answer.json()["refresh_token"].to_string())
        .collect();
    successors.dedup();
    assert_eq!(successors.len(), 1);
    ada.me().await.assert(200);
    let newest = done[0].json()["refresh_token"]
        .as_str()
        .expect("a token")
        .to_owned();
    ada.try_refresh(&newest).await.assert(200);
    assert_eq!(
        app.db_audit()
            .await
            .iter()
            .filter(|line| line.starts_with("auth.refresh success"))
            .count(),
        2
    );
}

#[tokio::test]
async fn a_lost_answer_is_found_again() {
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    let token = ada.refresh.clone().expect("a token");
    app.proxy.plan("TransactWriteItems", Fault::LostAnswer, 1);
    let answer = ada.try_refresh(&token).await;
    answer.assert(200);
    ada.try_refresh(answer.json()["refresh_token"].as_str().expect("a token"))
        .await
        .assert(200);
}

#[tokio::test]
async fn the_grace_shelters_nothing_after_logout_or_password_change() {
    let app = TestApp::start().await;
    let mut ada = app.logged_in("a@example.com").await;
    let spent = ada.refresh.clone().expect("a token");
    ada.refresh().await;
    let change = json!({ "current_password": PASSWORD, "new_password": "Other-Horse-8-Battery" });
    let fresh = ada.post("/api/v1/auth/change-password", &change).await;
    fresh.assert(200);
    ada.try_refresh(&spent)
        .await
        .assert_problem(401, "invalid_refresh_token");
    // A dead family's token ends nothing: the session goes on under its new one.
    ada.try_refresh(fresh.json()["refresh_token"].as_str().expect("a token"))
        .await
        .assert(200);
}

#[tokio::test]
async fn a_refresh_keeps_the_versions_of_the_session() {
    let app = TestApp::start().await;
    let mut ada = app.logged_in("a@example.com").await;
    let phone = app.anonymous().log_in("a@example.com", PASSWORD).await;
    phone.delete("/api/v1/auth/sessions/all").await.assert(200);
    let token = ada.refresh.clone().expect("a token");
    ada.try_refresh(&token)
        .await
        .assert_problem(401, "invalid_refresh_token");
    ada = app.anonymous().log_in("a@example.com", PASSWORD).await;
    ada.refresh().await;
    ada.me().await.assert(200);
}

#[tokio::test]
async fn refresh_tokens_are_stored_as_hashes_only() {
    // RT-01
    let app = TestApp::start().await;
    let mut ada = app.logged_in("a@example.com").await;
    let tokens = [ada.refresh.clone(), {
        ada.refresh().await;
        ada.refresh.clone()
    }];
    let everything = app.db_everything().await;
    for token in tokens.into_iter().flatten() {
        assert!(!everything.contains(&token[4..40]) && !everything.contains(&token[60..]));
    }
}
