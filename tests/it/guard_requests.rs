//! A request for every route that is granted, as a client of the service would send it.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use bundle_tests::{Actor, Answer, PASSWORD, TestApp};
use http::Method;
use serde_json::{Value, json};
use shared::http::app;
use shared::routes::{Access, Route, program_of};

use crate::guard_project::assert_same;

/// A password that no account has yet.
pub const NEW_PASSWORD: &str = "Brave-Otter-9-Lantern";

/// A request that its route grants, once.
#[derive(Clone)]
pub struct Granted<'a> {
    /// The route.
    pub route: &'static Route,
    /// Who sends it.
    pub actor: Actor<'a>,
    /// The path, parameters filled in.
    pub path: String,
    /// The body, where the route takes one.
    pub body: Option<Value>,
}

impl<'a> Granted<'a> {
    /// Sends it.
    pub async fn send(&self) -> Answer {
        self.send_as(&self.actor).await
    }

    /// Sends it as somebody else.
    pub async fn send_as(&self, actor: &Actor<'a>) -> Answer {
        actor
            .request(self.route.method.clone(), &self.path, self.body.as_ref())
            .await
    }

    /// Sends it to another composition of the service.
    pub async fn send_to(&self, router: axum::Router) -> Answer {
        self.actor
            .request_to(
                router,
                self.route.method.clone(),
                &self.path,
                self.body.as_ref(),
            )
            .await
    }

    /// Sends another body.
    pub async fn send_body(&self, body: impl Into<Vec<u8>>) -> Answer {
        self.send_typed(Some("application/json"), body).await
    }

    /// Sends another body under another content type.
    pub async fn send_typed(&self, kind: Option<&str>, body: impl Into<Vec<u8>>) -> Answer {
        let body = axum::body::Body::from(body.into());
        self.actor
            .raw(self.route.method.clone(), &self.path, kind, body)
            .await
    }

    /// The names of the body's members.
    pub fn members(&self) -> Vec<String> {
        let members = self.body.as_ref().and_then(Value::as_object);
        members
            .into_iter()
            .flat_map(|members| members.keys().cloned())
            .collect()
    }
}

/// The same client with another access token, or none.
pub fn showing<'a>(actor: &Actor<'a>, token: Option<&str>) -> Actor<'a> {
    let mut actor = actor.clone();
    actor.access = token.map(str::to_owned);
    actor
}

/// Prepares an account of its own, as far as `route` needs one, and a request about it that is granted. `who` keeps the
/// accounts of several requests apart.
#[expect(clippy::too_many_lines, reason = "a table")]
pub async fn granted<'a>(app: &'a TestApp, route: &'static Route, who: &str) -> Granted<'a> {
    let email = format!("{who}.{}@example.com", route.function);
    let anonymous = || app.anonymous();
    let mut path = route.path.to_owned();
    let (actor, body) = match route.function {
        "auth-register" => (
            anonymous(),
            Some(json!({ "email": email, "password": PASSWORD, "name": "Ada" })),
        ),
        "auth-verify-email" => {
            app.registered(&email).await;
            (
                anonymous(),
                Some(json!({ "token": app.mailed(&email, "dvt_").await })),
            )
        }
        "auth-resend-verification" => {
            app.registered(&email).await;
            (anonymous(), Some(json!({ "email": email })))
        }
        "auth-login" => {
            app.verified(&email).await;
            (
                anonymous(),
                Some(json!({ "email": email, "password": PASSWORD })),
            )
        }
        "auth-refresh" => {
            let token = app.logged_in(&email).await.refresh;
            (anonymous(), Some(json!({ "refresh_token": token })))
        }
        "auth-logout" => {
            let actor = app.logged_in(&email).await;
            let body = json!({ "refresh_token": actor.refresh });
            (actor, Some(body))
        }
        "auth-request-password-reset" => {
            app.verified(&email).await;
            (anonymous(), Some(json!({ "email": email })))
        }
        "auth-reset-password" => {
            app.verified(&email).await;
            anonymous()
                .post(
                    "/api/v1/auth/request-password-reset",
                    &json!({ "email": email }),
                )
                .await
                .assert(202);
            (
                anonymous(),
                Some(
                    json!({ "token": app.mailed(&email, "drs_").await, "new_password": NEW_PASSWORD }),
                ),
            )
        }
        "auth-update-me" => {
            let actor = app.logged_in(&email).await;
            (
                actor,
                Some(
                    json!({ "name": "Ada King", "email": format!("new.{email}"), "current_password": PASSWORD }),
                ),
            )
        }
        "auth-change-password" => {
            let actor = app.logged_in(&email).await;
            (
                actor,
                Some(json!({ "current_password": PASSWORD, "new_password": NEW_PASSWORD })),
            )
        }
        "auth-me"
        | "sessions-list"
        | "sessions-revoke"
        | "sessions-revoke-others"
        | "sessions-revoke-all" => {
            let actor = app.logged_in(&email).await;
            let other = app.anonymous().log_in(&email, PASSWORD).await;
            if route.path.contains("{id}") {
                path = path.replace("{id}", &other.session_id().await);
            }
            (actor, None)
        }
        "auth-activity" | "auth-export-me" => (app.logged_in(&email).await, None),
        "auth-reauthenticate" | "auth-delete-me" => (
            app.logged_in(&email).await,
            Some(json!({ "password": PASSWORD })),
        ),
        "auth-secure-account" => {
            let actor = app.logged_in(&email).await;
            actor.delete("/api/v1/auth/sessions/all").await.assert(200);
            (
                anonymous(),
                Some(json!({ "token": app.mailed(&email, "dsa_").await })),
            )
        }
        "auth-accept-invitation" => {
            let admin = app.admin(&format!("root.{email}")).await;
            let invitee = json!({ "email": email, "reason": "Asked for by a guard of the tests" });
            admin
                .post("/api/v1/admin/invitations", &invitee)
                .await
                .assert(202);
            let token = app.mailed(&email, "div_").await;
            (
                anonymous(),
                Some(json!({ "token": token, "name": "Ada", "password": NEW_PASSWORD })),
            )
        }
        _ if route.access == Access::Admin => {
            let actor = app.admin(&email).await;
            let (target, body) = of_admin(app, route, &email).await;
            if route.function == "admin-revoke-invitation" {
                let invited = actor
                    .post("/api/v1/admin/invitations", &invitee(&email))
                    .await
                    .json();
                path = path.replace("{id}", invited["id"].as_str().unwrap_or_default());
            }
            path = path.replace("{id}", &target);
            if route.function == "admin-find-users" {
                path = format!("{path}?email=target.{email}");
            }
            if route.function == "admin-audit-events" {
                path = format!("{path}?user_id={target}&action=auth.login");
            }
            (actor, body)
        }
        _ if route.method == Method::GET => {
            path = path.replace("{code}", "not_found");
            (anonymous(), None)
        }
        function => panic!("there is no granted request for {function}: write one here"),
    };
    Granted {
        route,
        actor,
        path,
        body,
    }
}

/// The account that an admin's request is about, and its body.
async fn of_admin(app: &TestApp, route: &Route, email: &str) -> (String, Option<Value>) {
    let target = app
        .logged_in(&format!("target.{email}"))
        .await
        .me()
        .await
        .json()["id"]
        .clone();
    let reason = "Asked for by a guard of the tests";
    let body = match route.function {
        "admin-rotate-tokens" => {
            Some(json!({ "scope": "user", "user_id": target, "reason": reason }))
        }
        "admin-rotate-signing-keys" => Some(json!({ "mode": "compromised", "reason": reason })),
        "admin-create-invitation" => Some(invitee(email)),
        _ if [Method::GET, Method::DELETE].contains(&route.method) => None,
        _ => Some(json!({ "reason": reason })),
    };
    (target.as_str().unwrap_or_default().to_owned(), body)
}

/// Whom an admin invites.
fn invitee(email: &str) -> Value {
    json!({ "email": format!("guest.{email}"), "reason": "Asked for by a guard of the tests" })
}

/// The function of an endpoint alone, as it runs in Lambda; `service-fallback` is the one without an endpoint.
pub async fn function(app_of_all: &TestApp, name: &str) -> axum::Router {
    let mut endpoints = dashtam_local::endpoints::all(&app_of_all.environment)
        .await
        .expect("endpoints");
    endpoints.retain(|endpoint| endpoint.route().program() == program_of(name));
    assert_eq!(endpoints.is_empty(), name == "service-fallback", "{name}");
    app(endpoints, app_of_all.environment.app())
}

/// Everything that a refused request must leave alone: an entry for each item of all tables but the trail of refusals and
/// the buckets that count them.
pub async fn state(app: &TestApp) -> BTreeSet<String> {
    let mut items = BTreeSet::new();
    for table in ["users", "tokens", "security", "outbox"] {
        items.extend(
            app.db_scan(table)
                .await
                .into_iter()
                .map(|item| format!("{table} {}", in_order(&AttributeValue::M(item)))),
        );
    }
    items
}

/// Fails if anything is not as it was before.
pub async fn assert_unchanged(app: &TestApp, before: &BTreeSet<String>, what: &str) {
    let now = state(app).await;
    assert_same(
        (&format!("the tables before {what}"), before),
        ("the tables after it", &now),
    );
}

/// A value as text, members in order.
fn in_order(value: &AttributeValue) -> String {
    match value {
        AttributeValue::M(members) => {
            let members: BTreeSet<_> = members
                .iter()
                .map(|(name, value)| format!("{name}={}", in_order(value)))
                .collect();
            format!("{members:?}")
        }
        AttributeValue::L(values) => {
            format!("{:?}", values.iter().map(in_order).collect::<Vec<_>>())
        }
        plain => format!("{plain:?}"),
    }
}

/// The service with limits so high that no test meets them.
pub async fn unlimited() -> TestApp {
    TestApp::with(&[("RATE_LIMIT_SCALE", "10000")]).await
}
