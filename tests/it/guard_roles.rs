//! Who may do what: every route, shown by every kind of caller (OWASP ASVS 5.0, chapter 8). A new route is in the matrix by
//! being in the table of routes.
#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use bundle_tests::{Actor, PASSWORD, TestApp, text};
use dashtam_local::cloudformation;
use serde_json::json;
use shared::routes::{self, Access, Route};

use crate::guard_project::read;
use crate::guard_requests::{
    Granted, NEW_PASSWORD, assert_unchanged, granted, showing, state, unlimited,
};

/// A kind of caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Without a token.
    Nobody,
    /// With a token whose time is over.
    Expired,
    /// The user whom the request is about; for an admin's route a user without the role.
    User,
    /// Another user.
    Other,
    /// Whose address is not proved.
    Unverified,
    /// Whose account is closed.
    Disabled,
    /// An admin; about other people's things, where the route is a user's.
    Admin,
}

const KINDS: [Kind; 7] = [
    Kind::Nobody,
    Kind::Expired,
    Kind::User,
    Kind::Other,
    Kind::Unverified,
    Kind::Disabled,
    Kind::Admin,
];

/// The refusal, or nothing where the caller is let in.
fn expected(route: &Route, kind: Kind) -> Option<(u16, &'static str)> {
    // Whoever has no good token gets as far as whoever has none.
    let without = match kind {
        Kind::Nobody | Kind::Unverified => Some((401, "missing_token")),
        Kind::Expired => Some((401, "token_expired")),
        Kind::Disabled => Some((401, "token_version_too_old")),
        Kind::User | Kind::Other | Kind::Admin => None,
    };
    let is_about_another = route.path.contains("{id}") && matches!(kind, Kind::Other | Kind::Admin);
    match route.access {
        // A refresh token in the body is a credential of its own, and ends its session whoever shows it.
        Access::Public | Access::BearerOrToken => None,
        Access::Bearer if is_about_another => Some((404, "not_found")),
        // The last admin could lock everybody out (AZ-08).
        Access::Bearer if kind == Kind::Admin && route.function == "auth-delete-me" => {
            Some((409, "conflict"))
        }
        Access::Admin if matches!(kind, Kind::User | Kind::Other) => Some((403, "forbidden")),
        Access::Bearer | Access::Admin => without,
    }
}

/// The access token that a caller of this kind has; `None` also where it is the request's own.
async fn token(app: &TestApp, route: &Route, kind: Kind) -> Option<String> {
    let email = format!("{kind:?}.{}@example.com", route.function).to_lowercase();
    let logged_in = async || app.logged_in(&email).await;
    match kind {
        Kind::Nobody => None,
        Kind::Expired => {
            let token = logged_in().await.access;
            app.advance(1_800);
            token
        }
        Kind::User | Kind::Other => logged_in().await.access,
        Kind::Unverified => {
            app.registered(&email).await;
            app.anonymous()
                .try_log_in(&email, PASSWORD)
                .await
                .assert_problem(403, "email_not_verified");
            None
        }
        Kind::Disabled => {
            let user = logged_in().await;
            let id = user.me().await.json()["id"]
                .as_str()
                .expect("an id")
                .to_owned();
            let admin = app.admin(&format!("by.{email}")).await;
            let path = format!("/api/v1/admin/users/{id}/disable");
            admin
                .post(&path, &json!({ "reason": "Asked for by a guard" }))
                .await
                .assert(200);
            app.anonymous()
                .try_log_in(&email, PASSWORD)
                .await
                .assert_problem(403, "account_disabled");
            user.access
        }
        Kind::Admin => app.admin(&email).await.access,
    }
}

#[tokio::test]
async fn every_route_lets_in_exactly_the_callers_that_its_access_names() {
    // AZ-01
    let app = unlimited().await;
    for route in routes::ALL {
        for kind in KINDS {
            let token = token(&app, route, kind).await;
            let request = granted(&app, route, &format!("of.{kind:?}").to_lowercase()).await;
            let own = kind == Kind::User && route.access != Access::Admin;
            let actor: Actor<'_> = if own {
                request.actor.clone()
            } else {
                showing(&request.actor, token.as_deref())
            };
            // An address is one account's, so everybody who changes theirs asks for another.
            let before = state(&app).await;
            let answer = request.send_as(&actor).await;
            let what = format!("{} as {kind:?}: {}", route.function, answer.text());
            match expected(route, kind) {
                None => assert!(answer.status.is_success(), "{what}"),
                Some(refusal) => {
                    assert_eq!(
                        (answer.status.as_u16(), answer.code().as_str()),
                        refusal,
                        "{what}"
                    );
                    assert_unchanged(&app, &before, &what).await;
                }
            }
        }
    }
}

#[tokio::test]
async fn what_another_user_may_call_acts_on_their_own_account_alone() {
    // AZ-01: the same request under another token leaves the account that it was made for as it was
    let app = unlimited().await;
    for route in routes::ALL
        .into_iter()
        .filter(|route| route.access == Access::Bearer)
    {
        let request = granted(&app, route, "victim").await;
        let email = format!("victim.{}@example.com", route.function);
        let before = app.db_user(&email).await;
        for kind in [Kind::Other, Kind::Admin] {
            let token = token(&app, route, kind).await;
            request
                .send_as(&showing(&request.actor, token.as_deref()))
                .await;
        }
        assert_eq!(app.db_user(&email).await, before, "{}", route.function);
        request.actor.me().await.assert(200);
        app.anonymous()
            .try_log_in(&email, PASSWORD)
            .await
            .assert(200);
    }
}

#[tokio::test]
async fn an_admin_neither_sets_nor_sees_a_password() {
    // AZ-05
    let app = unlimited().await;
    for route in routes::ALL
        .into_iter()
        .filter(|route| route.access == Access::Admin)
    {
        let request = granted(&app, route, "a").await;
        let target = format!("target.a.{}@example.com", route.function);
        let before = app.db_user(&target).await;
        for member in [
            "password",
            "new_password",
            "password_hash",
            "current_password",
        ] {
            let Some(mut body) = request.body.clone() else {
                break;
            };
            body[member] = json!(NEW_PASSWORD);
            let answer = Granted {
                body: Some(body),
                ..request.clone()
            }
            .send()
            .await;
            answer.assert_problem(422, "validation_failed");
            assert_eq!(
                answer.rules(),
                [format!("/{member} unknown_member")],
                "{}",
                route.function
            );
        }
        let answer = request.send().await;
        assert!(answer.status.is_success(), "{}", answer.text());
        for word in [
            "password",
            "argon2",
            text(&before, "password_hash").expect("a hash"),
        ] {
            assert!(
                !answer.text().to_lowercase().contains(word),
                "{} shows {word}",
                route.function
            );
        }
        assert_eq!(
            text(&app.db_user(&target).await, "password_hash"),
            text(&before, "password_hash")
        );
    }
}

#[test]
fn every_route_is_closed_unless_it_is_on_the_list_of_open_ones() {
    // HT-14: a route that is open by mistake is not on this list
    let open: Vec<_> = routes::ALL
        .iter()
        .filter(|route| route.access == Access::Public)
        .map(|route| route.function)
        .collect();
    assert_eq!(open, OPEN);
}

/// What anybody may call, each for a reason: it begins with no account, or the credential is in the body, or it is public.
const OPEN: [&str; 19] = [
    "auth-register",
    "auth-verify-email",
    "auth-resend-verification",
    "auth-login",
    "auth-refresh",
    "auth-request-password-reset",
    "auth-reset-password",
    "auth-secure-account",
    "auth-accept-invitation",
    "well-known-jwks",
    "well-known-authorization-server",
    "well-known-openid-configuration",
    "service-health",
    "service-openapi",
    "pages-verify-email",
    "pages-reset-password",
    "pages-secure-account",
    "pages-accept-invitation",
    "pages-errors",
];

#[test]
fn a_domain_of_its_own_closes_the_gateways_own_address() {
    // HT-13
    let template = cloudformation::parse(&read("template.yaml")).expect("a template");
    let resources = &template["Resources"];
    assert_eq!(resources["DomainStack"]["Condition"], "HasDomain");
    let closed = &resources["Api"]["Properties"]["DisableExecuteApiEndpoint"];
    assert_eq!(
        closed,
        &json!({ "Fn::If": ["HasDomain", true, false] }),
        "the API answers under its own address, too"
    );
    let nested = cloudformation::parse(&read("infra/domain.yaml")).expect("a template");
    let domain = &nested["Resources"]["Domain"];
    assert_eq!(domain["Type"], "AWS::ApiGateway::DomainName");
    assert_eq!(domain["Properties"]["SecurityPolicy"], "TLS_1_2");
}

#[tokio::test]
async fn nobody_writes_what_the_service_alone_decides() {
    // ASVS 8.2.3: members that are the service's own are refused on every route that takes a body
    let app = unlimited().await;
    for route in crate::guard_answers::routes_with_body() {
        let request = granted(&app, route, "a").await;
        let before = state(&app).await;
        for (member, value) in [
            ("role", json!("admin")),
            ("is_active", json!(true)),
            ("email_verified", json!(true)),
            ("id", json!("00000000-0000-4000-8000-000000000000")),
            ("sub", json!("00000000-0000-4000-8000-000000000000")),
            ("ver_current", json!(1)),
            ("created_at", json!("2000-01-01T00:00:00Z")),
        ] {
            let mut body = request.body.clone().expect("a body");
            body[member] = value;
            let answer = Granted {
                body: Some(body),
                ..request.clone()
            }
            .send()
            .await;
            answer.assert_problem(422, "validation_failed");
            assert_eq!(
                answer.rules(),
                [format!("/{member} unknown_member")],
                "{}",
                route.function
            );
        }
        assert_unchanged(&app, &before, route.function).await;
    }
}
