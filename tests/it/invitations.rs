//! Invitations: sent by an admin, accepted by the owner of the address, dead as soon as either may not any more.

use bundle_tests::{Actor, Answer, PASSWORD, TestApp};
use http::Method;
use serde_json::{Value, json};

const PATH: &str = "/api/v1/admin/invitations";
const GUEST: &str = "guest@example.com";
const CHOSEN: &str = "Brave-Otter-9-Lantern";
const REASON: &str = "joins the support team";

async fn invite(admin: &Actor<'_>, email: &str) -> Answer {
    admin
        .post(
            PATH,
            &json!({ "email": email, "name": "Grace", "reason": REASON }),
        )
        .await
}

async fn accept(app: &TestApp, token: &str) -> Answer {
    let body = json!({ "token": token, "name": "Grace Hopper", "password": CHOSEN });
    app.anonymous()
        .post("/api/v1/auth/accept-invitation", &body)
        .await
}

async fn listed(admin: &Actor<'_>) -> Vec<Value> {
    let answer = admin.get(PATH).await;
    answer.assert(200);
    answer
        .json()
        .get("invitations")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default()
}

#[tokio::test]
async fn an_invitation_makes_an_account_also_where_registration_is_closed() {
    let app = TestApp::start().await;
    let root = app.admin("root@example.com").await;
    let answer = invite(&root, GUEST).await;
    answer.assert(202);
    let token = app.mailed(GUEST, "div_").await;
    let closed = app.router_with(&[("DASHTAM_REGISTRATION", "closed")]).await;
    let body = json!({ "token": token, "name": "Grace Hopper", "password": CHOSEN });
    let client = app.anonymous();
    let path = "/api/v1/auth/accept-invitation";
    client
        .request_to(closed, Method::POST, path, Some(&body))
        .await
        .assert(200);
    let guest = app
        .anonymous()
        .log_in(GUEST, CHOSEN)
        .await
        .me()
        .await
        .json();
    assert_eq!(
        (&guest["name"], &guest["email_verified"], &guest["role"]),
        (&json!("Grace Hopper"), &json!(true), &json!("user"))
    );
    accept(&app, &token)
        .await
        .assert_problem(400, "invalid_or_expired_token");
    assert!(listed(&root).await.is_empty());
}

#[tokio::test]
async fn the_mail_holds_nothing_that_the_admin_typed() {
    let app = TestApp::start().await;
    let root = app.admin("root@example.com").await;
    invite(&root, GUEST).await.assert(202);
    app.drain().await;
    let mail = app.aws.mailbox.messages(Some(GUEST)).remove(0);
    for typed in ["Grace", REASON] {
        assert!(
            !mail.text.contains(typed) && !mail.html.contains(typed),
            "{typed}"
        );
    }
    assert!(mail.text.contains("/accept-invitation#token=div_"));
}

#[tokio::test]
async fn a_refused_password_does_not_use_an_invitation_up() {
    let app = TestApp::start().await;
    let root = app.admin("root@example.com").await;
    invite(&root, GUEST).await.assert(202);
    let token = app.mailed(GUEST, "div_").await;
    for bad in ["short", "Guest2026!x"] {
        let body = json!({ "token": token, "name": "Grace", "password": bad });
        app.anonymous()
            .post("/api/v1/auth/accept-invitation", &body)
            .await
            .assert(422);
    }
    accept(&app, &token).await.assert(200);
}

#[tokio::test]
async fn an_address_with_an_account_is_not_invited() {
    let app = TestApp::start().await;
    let root = app.admin("root@example.com").await;
    app.verified(GUEST).await;
    invite(&root, GUEST).await.assert_problem(409, "conflict");
}

#[tokio::test]
async fn an_address_that_can_take_back_is_not_invited_and_gets_its_link_again() {
    let app = TestApp::start().await;
    let root = app.admin("root@example.com").await;
    let thief = app.logged_in(GUEST).await;
    let change = json!({ "email": "evil@example.com", "current_password": PASSWORD });
    thief.patch("/api/v1/auth/me", &change).await.assert(200);
    let proof = json!({ "token": app.mailed("evil@example.com", "dvt_").await });
    app.anonymous()
        .post("/api/v1/auth/verify-email", &proof)
        .await
        .assert(200);
    app.advance(1);
    invite(&root, GUEST).await.assert_problem(409, "conflict");
    assert_eq!(
        app.subjects(GUEST).await[0],
        "This email address can take its account back"
    );
    let token = json!({ "token": app.mailed(GUEST, "dsa_").await });
    app.anonymous()
        .post("/api/v1/auth/secure-account", &token)
        .await
        .assert(200);
}

#[tokio::test]
async fn an_invitation_ends_every_registration_of_its_address() {
    let app = TestApp::start().await;
    let root = app.admin("root@example.com").await;
    app.registered(GUEST).await;
    let confirmation = app.mailed(GUEST, "dvt_").await;
    invite(&root, GUEST).await.assert(202);
    accept(&app, &app.mailed(GUEST, "div_").await)
        .await
        .assert(200);
    let proof = json!({ "token": confirmation });
    app.anonymous()
        .post("/api/v1/auth/verify-email", &proof)
        .await
        .assert_problem(400, "invalid_or_expired_token");
    app.anonymous()
        .try_log_in(GUEST, PASSWORD)
        .await
        .assert_problem(401, "invalid_credentials");
    app.anonymous()
        .log_in(GUEST, CHOSEN)
        .await
        .me()
        .await
        .assert(200);
}

#[tokio::test]
async fn a_verified_registration_ends_the_invitation() {
    let app = TestApp::start().await;
    let root = app.admin("root@example.com").await;
    invite(&root, GUEST).await.assert(202);
    let token = app.mailed(GUEST, "div_").await;
    app.verified(GUEST).await;
    accept(&app, &token)
        .await
        .assert_problem(400, "invalid_or_expired_token");
    assert!(listed(&root).await.is_empty());
}

#[tokio::test]
async fn a_newer_invitation_ends_the_older_one() {
    let app = TestApp::start().await;
    let root = app.admin("root@example.com").await;
    invite(&root, GUEST).await.assert(202);
    let older = app.mailed(GUEST, "div_").await;
    app.advance(1);
    invite(&root, GUEST).await.assert(202);
    let newer = app.mailed(GUEST, "div_").await;
    assert_eq!(listed(&root).await.len(), 1);
    accept(&app, &older)
        .await
        .assert_problem(400, "invalid_or_expired_token");
    accept(&app, &newer).await.assert(200);
}

#[tokio::test]
async fn an_invitation_lives_seven_days_to_the_second() {
    for (age, status) in [(604_799, 200), (604_800, 400)] {
        let app = TestApp::start().await;
        let root = app.admin("root@example.com").await;
        let answer = invite(&root, GUEST).await;
        assert_eq!(answer.json()["expires_at"], "2027-01-22T08:00:00.000Z");
        let token = app.mailed(GUEST, "div_").await;
        app.advance(age);
        accept(&app, &token).await.assert(status);
    }
}

#[tokio::test]
async fn a_withdrawn_invitation_is_dead() {
    let app = TestApp::start().await;
    let root = app.admin("root@example.com").await;
    let id = invite(&root, GUEST).await.json()["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let token = app.mailed(GUEST, "div_").await;
    root.delete(&format!("{PATH}/{id}")).await.assert(200);
    root.delete(&format!("{PATH}/{id}"))
        .await
        .assert_problem(404, "not_found");
    accept(&app, &token)
        .await
        .assert_problem(400, "invalid_or_expired_token");
}

/// An admin whose password a thief knows, and another admin.
pub struct Robbed<'a> {
    app: &'a TestApp,
    /// The thief, with a session of the admin's account.
    pub thief: Actor<'a>,
    other: Actor<'a>,
    id: String,
    notice: String,
}

impl<'a> Robbed<'a> {
    /// How the admin can lose what their invitations are worth.
    pub const FALLS: [&'static str; 3] = ["disabled", "demoted", "taken back"];

    pub async fn begin(app: &'a TestApp) -> Self {
        let root = app.admin("root@example.com").await;
        let other = app.admin("other@example.com").await;
        let thief = app
            .anonymous()
            .header("user-agent", "curl/8")
            .log_in("root@example.com", PASSWORD)
            .await;
        let id = root.me().await.member("id").expect("an id");
        let notice = app.mailed("root@example.com", "dsa_").await;
        Self {
            app,
            thief,
            other,
            id,
            notice,
        }
    }

    pub async fn falls(&self, how: &str) {
        match how {
            "disabled" => {
                let path = format!("/api/v1/admin/users/{}/disable", self.id);
                self.other
                    .post(&path, &json!({ "reason": "the laptop was stolen" }))
                    .await
                    .assert(200);
            }
            "demoted" => {
                let user = self.app.db_user("root@example.com").await;
                let role = aws_sdk_dynamodb::types::AttributeValue::S("user".to_owned());
                self.app.db_set("users", &user, "role", role).await;
            }
            _ => {
                let link = json!({ "token": self.notice });
                self.app
                    .anonymous()
                    .post("/api/v1/auth/secure-account", &link)
                    .await
                    .assert(200);
            }
        }
    }
}

#[tokio::test]
async fn an_invitation_is_worth_as_much_as_its_admin() {
    for fall in Robbed::FALLS {
        let app = TestApp::start().await;
        let admin = Robbed::begin(&app).await;
        invite(&admin.thief, GUEST).await.assert(202);
        let token = app.mailed(GUEST, "div_").await;
        app.advance(1);
        admin.falls(fall).await;
        let answer = accept(&app, &token).await;
        assert_eq!(
            answer.code(),
            "invalid_or_expired_token",
            "{fall}: {}",
            answer.text()
        );
    }
}

#[tokio::test]
async fn a_global_rotation_without_grace_ends_invitations() {
    let app = TestApp::start().await;
    let root = app.admin("root@example.com").await;
    invite(&root, GUEST).await.assert(202);
    let token = app.mailed(GUEST, "div_").await;
    let body = json!({ "scope": "global", "reason": "a copy of the table was found" });
    root.post("/api/v1/admin/token-rotations", &body)
        .await
        .assert(200);
    accept(&app, &token)
        .await
        .assert_problem(400, "invalid_or_expired_token");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_parallel_acceptances_exactly_one_makes_the_account() {
    let app = TestApp::with(&[("RATE_LIMIT_SCALE", "100")]).await;
    let root = app.admin("root@example.com").await;
    invite(&root, GUEST).await.assert(202);
    let token = app.mailed(GUEST, "div_").await;
    let answers = futures::future::join_all((0..20).map(|_| accept(&app, &token))).await;
    assert_eq!(
        answers.iter().filter(|answer| answer.status == 200).count(),
        1
    );
    assert!(
        answers
            .iter()
            .all(|answer| [200, 400].contains(&answer.status.as_u16()))
    );
}

#[tokio::test]
async fn users_are_listed_by_identifier_in_pages_that_hold_all_of_them() {
    let app = TestApp::with(&[("RATE_LIMIT_SCALE", "100")]).await;
    let root = app.admin("root@example.com").await;
    for n in 0..24 {
        app.registered(&format!("user{n}@example.com")).await;
    }
    let (mut ids, mut cursor) = (Vec::new(), String::new());
    loop {
        let answer = root
            .get(&format!("/api/v1/admin/users?limit=7{cursor}"))
            .await;
        answer.assert(200);
        let page = answer.json();
        let users = page["users"].as_array().cloned().unwrap_or_default();
        assert!(users.len() <= 7);
        ids.extend(
            users
                .iter()
                .map(|user| user["id"].as_str().unwrap_or_default().to_owned()),
        );
        let Some(next) = page["next_cursor"].as_str() else {
            break;
        };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(ids.len(), 25);
    assert!(ids.windows(2).all(|pair| pair[0] < pair[1]), "{ids:?}");
}

#[tokio::test]
async fn a_cursor_of_the_list_is_of_its_admin_and_search_alone() {
    let app = TestApp::with(&[("RATE_LIMIT_SCALE", "100")]).await;
    let (root, other) = (
        app.admin("root@example.com").await,
        app.admin("other@example.com").await,
    );
    let page = root.get("/api/v1/admin/users?limit=1").await.json();
    let cursor = page["next_cursor"].as_str().expect("a cursor").to_owned();
    other
        .get(&format!("/api/v1/admin/users?limit=1&cursor={cursor}"))
        .await
        .assert_problem(422, "validation_failed");
    let search = format!("/api/v1/admin/users?email=root@example.com&cursor={cursor}");
    root.get(&search)
        .await
        .assert_problem(422, "validation_failed");
    root.get(&format!("{PATH}?cursor={cursor}"))
        .await
        .assert_problem(422, "validation_failed");
    root.get(&format!("/api/v1/admin/users?cursor={cursor}"))
        .await
        .assert(200);
}

#[tokio::test]
async fn every_admin_route_has_a_bucket_of_its_admin() {
    let app = TestApp::with(&[
        ("RATE_LIMIT_ADMIN_READS", "2/1"),
        ("RATE_LIMIT_ADMIN_USERS", "2/1"),
    ])
    .await;
    let root = app.admin("root@example.com").await;
    for path in ["/api/v1/admin/security-config", "/api/v1/admin/users"] {
        for _ in 0..2 {
            root.get(path).await.assert(200);
        }
        root.get(path).await.assert_problem(429, "rate_limited");
    }
    root.me().await.assert(200);
}

#[tokio::test]
async fn an_invitation_sent_inside_a_grace_ends_with_it() {
    let app = TestApp::start().await;
    let chief = app.admin("chief@example.com").await;
    for scope in ["user", "global"] {
        let root = app.admin(&format!("{scope}@example.com")).await;
        let mut rotation = json!({ "scope": scope, "reason": REASON, "grace_period_seconds": 60 });
        if scope == "user" {
            rotation["user_id"] = root.me().await.json()["id"].clone();
        }
        let rotated = chief.post("/api/v1/admin/token-rotations", &rotation).await;
        rotated.assert(200);
        // A session that is under the present versions makes an old token no newer.
        let renewed = json!({ "password": PASSWORD });
        root.post("/api/v1/auth/reauthenticate", &renewed)
            .await
            .assert(200);
        let guest = format!("guest.{scope}@example.com");
        let invited = invite(&root, &guest).await;
        invited.assert(202);
        let token = app.mailed(&guest, "div_").await;
        app.advance(60);
        accept(&app, &token)
            .await
            .assert_problem(400, "invalid_or_expired_token");
    }
}
