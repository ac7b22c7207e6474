//! Every bucket that the route table names is asked by its route, before any work.

use bundle_tests::TestApp;
use shared::routes::{self, Route, Rule};

use crate::guard_requests::{assert_unchanged, granted, state, unlimited};

fn limited() -> impl Iterator<Item = (&'static Route, Rule)> {
    routes::ALL
        .into_iter()
        .flat_map(|route| route.limits.iter().map(move |rule| (route, *rule)))
}

/// The same tables behind a service whose bucket of `rule` admits none.
async fn without_tokens(app: &TestApp, rule: Rule) -> axum::Router {
    let name = format!(
        "DASHTAM_RATE_LIMIT_{}",
        rule.name().to_uppercase().replace('-', "_")
    );
    app.router_with(&[(&name, "0/0")]).await
}

#[tokio::test]
async fn an_empty_bucket_refuses_its_route_and_nothing_happens() {
    // RL-10, RL-16
    let app = unlimited().await;
    for (route, rule) in limited() {
        let request = granted(&app, route, &rule.name().replace('-', "")).await;
        app.drain().await;
        let before = state(&app).await;
        let router = without_tokens(&app, rule).await;
        let what = format!("{} without a token of {}", route.function, rule.name());
        let answer = request.send_to(router).await;
        answer.assert_problem(429, "rate_limited");
        let policy = answer.header("ratelimit-policy").unwrap_or_default();
        assert!(
            policy.starts_with(&format!("\"{}\";", rule.name())),
            "{what}: {policy}"
        );
        assert!(answer.header("retry-after").is_some(), "{what}");
        assert_unchanged(&app, &before, &what).await;
        assert!(
            request.send().await.status.is_success(),
            "{what}, then with one"
        );
    }
}

#[tokio::test]
async fn an_empty_bucket_of_refused_tokens_refuses_before_anything_is_recorded() {
    use shared::domain::{SessionId, UserId};
    use shared::ground::entropy::OsEntropy;
    use shared::tokens::{Family, RefreshToken};
    let app = unlimited().await;
    let by_refusal = routes::ALL
        .into_iter()
        .flat_map(|route| route.refusal_limits.iter().map(move |rule| (route, *rule)));
    for (number, (route, rule)) in (1..).zip(by_refusal) {
        let (user, session) = (
            UserId::new(uuid::Uuid::from_u128(number)),
            SessionId::new(uuid::Uuid::from_u128(1)),
        );
        let token =
            RefreshToken::random(user, session, Family::random(&OsEntropy), &OsEntropy).expose();
        let body = serde_json::json!({ "refresh_token": token });
        let (router, client) = (without_tokens(&app, rule).await, app.anonymous());
        let answer = client
            .request_to(router, route.method.clone(), route.path, Some(&body))
            .await;
        answer.assert_problem(429, "rate_limited");
        let policy = answer.header("ratelimit-policy").unwrap_or_default();
        assert!(
            policy.starts_with(&format!("\"{}\";", rule.name())),
            "{}: {policy}",
            route.function
        );
        let recorded = app.db_audit().await;
        let reasons: Vec<_> = recorded
            .iter()
            .filter(|line| line.starts_with(route.action.unwrap_or("-")))
            .collect();
        assert_eq!(reasons.len(), 1, "{recorded:?}");
        assert!(reasons[0].ends_with("refused rate_limited"), "{reasons:?}");
    }
}

#[tokio::test]
async fn a_route_without_a_bucket_asks_none() {
    let app = unlimited().await;
    for route in routes::ALL
        .into_iter()
        .filter(|route| route.limits.is_empty())
    {
        let request = granted(&app, route, "a").await;
        let before = app.db_items("limits", "LIMIT#").await.len();
        assert!(
            request.send().await.status.is_success(),
            "{}",
            route.function
        );
        assert_eq!(
            app.db_items("limits", "LIMIT#").await.len(),
            before,
            "{}",
            route.function
        );
    }
}
