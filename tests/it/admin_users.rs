//! What admins do to accounts: find, disable, enable, unlock.
#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use bundle_tests::{Actor, Fault, PASSWORD, TestApp, text};
use serde_json::{Value, json};
use shared::accounts::AdminError;
use shared::audit_event::Actor as By;
use shared::domain::{Reason, Role, User};
use shared::request::{RequestMeta, Task};
use shared::store::AdminChange;

static DELETE: Task = Task {
    action: "admin.delete_user",
    name: "a test",
};
static REVOKE: Task = Task {
    action: "admin.set_role",
    name: "a test",
};
const WRONG: &str = "Wrong-Horse-7-Battery";

fn reason() -> Value {
    json!({ "reason": "the owner asked us on the phone" })
}

async fn account(app: &TestApp, actor: &Actor<'_>) -> User {
    let id = actor.me().await.json()["id"]
        .as_str()
        .expect("an id")
        .parse()
        .expect("an id");
    app.environment
        .store()
        .user(id)
        .await
        .expect("read")
        .expect("an account")
}

async fn path(actor: &Actor<'_>, verb: &str) -> String {
    let id = actor.me().await.json()["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    format!("/api/v1/admin/users/{id}/{verb}")
}

#[tokio::test]
async fn a_disabled_account_is_dead_everywhere_and_an_enabled_one_signs_in_anew() {
    let app = TestApp::start().await;
    let root = app.admin("root@example.com").await;
    let ada = app.logged_in("ada@example.com").await;
    app.anonymous()
        .post(
            "/api/v1/auth/request-password-reset",
            &json!({ "email": "ada@example.com" }),
        )
        .await
        .assert(202);
    let reset = json!({ "token": app.mailed("ada@example.com", "drs_").await, "new_password": "Other-Horse-8-Battery" });
    let (disable, enable) = (path(&ada, "disable").await, path(&ada, "enable").await);
    root.post(&disable, &reason()).await.assert(200);
    ada.me().await.assert(401);
    ada.try_refresh(ada.refresh.as_deref().unwrap_or_default())
        .await
        .assert_problem(401, "invalid_refresh_token");
    app.anonymous()
        .try_log_in("ada@example.com", PASSWORD)
        .await
        .assert_problem(403, "account_disabled");
    app.anonymous()
        .try_log_in("ada@example.com", WRONG)
        .await
        .assert_problem(401, "invalid_credentials");
    let client = app.anonymous();
    client
        .post("/api/v1/auth/reset-password", &reset)
        .await
        .assert_problem(400, "invalid_or_expired_token");
    root.post(&enable, &reason()).await.assert(200);
    ada.me().await.assert(401);
    app.anonymous()
        .log_in("ada@example.com", PASSWORD)
        .await
        .me()
        .await
        .assert(200);
}

#[tokio::test]
async fn no_admin_disables_themselves() {
    // AZ-08
    let app = TestApp::start().await;
    let root = app.admin("root@example.com").await;
    root.post(&path(&root, "disable").await, &reason())
        .await
        .assert_problem(409, "conflict");
    root.me().await.assert(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_admins_who_disable_each_other_at_once_one_stays() {
    // AZ-08
    let app = TestApp::with(&[("ADMIN_EMAILS", "one@example.com,other@example.com")]).await;
    let (one, other) = (
        app.logged_in("one@example.com").await,
        app.logged_in("other@example.com").await,
    );
    let (disable_one, disable_other) = (path(&one, "disable").await, path(&other, "disable").await);
    app.proxy.plan("TransactWriteItems", Fault::Held, 1);
    let reason = reason();
    let held = one.post(&disable_other, &reason);
    let overtaking = async {
        app.proxy.until_held().await;
        other.post(&disable_one, &reason).await.assert(200);
        app.proxy.release();
    };
    let (answer, ()) = tokio::join!(held, overtaking);
    answer.assert_problem(409, "conflict");
    other.get("/api/v1/admin/security-config").await.assert(200);
    one.me().await.assert(401);
}

const MOVED: &str = "moved@example.com";

/// Asks for the move of an admin's address; what confirms it.
async fn moving(app: &TestApp, admin: &Actor<'_>) -> Value {
    let change = json!({ "email": MOVED, "current_password": PASSWORD });
    admin.patch("/api/v1/auth/me", &change).await.assert(200);
    json!({ "token": app.mailed(MOVED, "dvt_").await })
}

#[tokio::test]
async fn an_admin_by_configuration_is_one_by_the_present_address_alone() {
    let app = TestApp::with(&[("ADMIN_EMAILS", "one@example.com")]).await;
    let one = app.logged_in("one@example.com").await;
    let confirmation = moving(&app, &one).await;
    app.anonymous()
        .post("/api/v1/auth/verify-email", &confirmation)
        .await
        .assert(200);
    let moved = app.anonymous().log_in(MOVED, PASSWORD).await;
    assert_eq!(moved.me().await.json()["role"], "user");
    moved
        .get("/api/v1/admin/security-config")
        .await
        .assert_problem(403, "forbidden");
    // The configured address takes the account back, and with it the role.
    let link = json!({ "token": app.mailed("one@example.com", "dsa_").await });
    app.anonymous()
        .post("/api/v1/auth/secure-account", &link)
        .await
        .assert(200);
    let reset = json!({ "token": app.mailed("one@example.com", "drs_").await, "new_password": "Brave-Otter-9-Lantern" });
    app.anonymous()
        .post("/api/v1/auth/reset-password", &reset)
        .await
        .assert(200);
    let back = app
        .anonymous()
        .log_in("one@example.com", "Brave-Otter-9-Lantern")
        .await;
    back.get("/api/v1/admin/security-config").await.assert(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_admin_whose_address_moves_away_concurrently_disables_nobody() {
    let app = TestApp::with(&[("ADMIN_EMAILS", "one@example.com,other@example.com")]).await;
    let (one, other) = (
        app.logged_in("one@example.com").await,
        app.logged_in("other@example.com").await,
    );
    let confirmation = moving(&app, &one).await;
    let disable_other = path(&other, "disable").await;
    app.proxy.plan("TransactWriteItems", Fault::Held, 1);
    let reason = reason();
    let concurrently = async {
        app.proxy.until_held().await;
        app.anonymous()
            .post("/api/v1/auth/verify-email", &confirmation)
            .await
            .assert(200);
        app.proxy.release();
    };
    let (answer, ()) = tokio::join!(one.post(&disable_other, &reason), concurrently);
    answer.assert_problem(409, "conflict");
    other.get("/api/v1/admin/security-config").await.assert(200);
}

#[tokio::test]
async fn a_role_is_revoked_only_while_the_other_admin_is_one() {
    let app = TestApp::start().await;
    let (one, other) = (
        app.admin("one@example.com").await,
        app.admin("other@example.com").await,
    );
    let store = app.environment.store();
    let (admin, keeper) = (account(&app, &one).await, account(&app, &other).await);
    one.post(&path(&other, "disable").await, &reason())
        .await
        .assert(200);
    let entry = store
        .entry(&RequestMeta::of_task(&REVOKE, store.now(), store.entropy()))
        .user(admin.id);
    let revoke = async |keeper| {
        store
            .set_role(admin.id, Role::User, keeper, &entry)
            .await
            .expect("answered")
    };
    assert_eq!(revoke(Some(&keeper)).await, AdminChange::NoOtherAdmin);
    one.get("/api/v1/admin/security-config").await.assert(200);
    assert_eq!(revoke(None).await, AdminChange::Done);
    one.get("/api/v1/admin/security-config")
        .await
        .assert_problem(403, "forbidden");
}

#[tokio::test]
async fn of_two_admins_who_are_erased_at_once_one_stays() {
    let app = TestApp::start().await;
    let (one, other) = (
        app.admin("one@example.com").await,
        app.admin("other@example.com").await,
    );
    let store = app.environment.store();
    let (first, second) = (account(&app, &one).await, account(&app, &other).await);
    let (administration, meta) = (
        app.environment.administration(),
        RequestMeta::of_task(&DELETE, store.now(), store.entropy()),
    );
    let reason = Reason::parse("two operators at the same time").expect("a reason");
    let erase = async |erased: &User, keeper: &User| {
        administration
            .erase(&meta, By::Operator("olga"), (erased, Some(keeper)), &reason)
            .await
    };
    app.proxy.plan("TransactWriteItems", Fault::Held, 1);
    let overtaking = async {
        app.proxy.until_held().await;
        erase(&second, &first).await.expect("erased");
        app.proxy.release();
    };
    let (held, ()) = tokio::join!(erase(&first, &second), overtaking);
    assert!(matches!(held, Err(AdminError::Conflict)), "{held:?}");
    one.get("/api/v1/admin/security-config").await.assert(200);
}

#[tokio::test]
async fn an_unlocked_account_takes_its_password_again() {
    let app = TestApp::with(&[("LOCKOUT_THRESHOLD", "2")]).await;
    let root = app.admin("root@example.com").await;
    let ada = app.logged_in("ada@example.com").await;
    for _ in 0..2 {
        app.anonymous()
            .try_log_in("ada@example.com", WRONG)
            .await
            .assert(401);
    }
    app.advance(4);
    app.anonymous()
        .try_log_in("ada@example.com", PASSWORD)
        .await
        .assert_problem(423, "account_locked");
    root.post(&path(&ada, "unlock").await, &reason())
        .await
        .assert(200);
    app.anonymous()
        .try_log_in("ada@example.com", PASSWORD)
        .await
        .assert(200);
}

#[tokio::test]
async fn a_user_is_found_by_any_spelling_of_the_address_and_the_look_is_recorded() {
    let app = TestApp::start().await;
    let root = app.admin("root@example.com").await;
    let ada = app.logged_in("ada@example.com").await;
    let found = root
        .get("/api/v1/admin/users?email=ADA%40Example.com")
        .await;
    found.assert(200);
    assert_eq!(found.json()["users"], json!([ada.me().await.json()]));
    let nobody = root
        .get("/api/v1/admin/users?email=nobody@example.com")
        .await;
    assert_eq!(
        (nobody.status.as_u16(), nobody.json()),
        (200, json!({ "users": [], "next_cursor": null }))
    );
    for query in [
        "?email=x",
        "?limit=0",
        "?limit=101",
        "?cursor=x",
        "?mail=a@example.com",
    ] {
        root.get(&format!("/api/v1/admin/users{query}"))
            .await
            .assert_problem(422, "validation_failed");
    }
    root.get("/api/v1/admin/users?email=a@example.com&email=b@example.com")
        .await
        .assert_problem(422, "validation_failed");
    let mut looks = app.db_scan("audit").await;
    looks.retain(|record| {
        text(record, "action") == Some("admin.find_users")
            && text(record, "outcome") == Some("success")
    });
    assert_eq!(looks.len(), 2);
    assert!(
        !format!("{looks:?}").contains("example.com"),
        "the trail holds an address"
    );
}

#[tokio::test]
async fn unknown_and_malformed_users_are_one_404_and_recorded() {
    let app = TestApp::start().await;
    let root = app.admin("root@example.com").await;
    for verb in ["disable", "enable", "unlock"] {
        for id in ["00000000-0000-4000-8000-000000000000", "x", "%00", "..%2f"] {
            let before = app.db_audit().await.len();
            let answer = root
                .post(&format!("/api/v1/admin/users/{id}/{verb}"), &reason())
                .await;
            answer.assert_problem(404, "not_found");
            assert_eq!(app.db_audit().await.len(), before + 1, "{verb} {id}");
        }
        let ada = format!("/api/v1/admin/users/00000000-0000-4000-8000-000000000000/{verb}");
        root.post(&ada, &json!({ "reason": "short" }))
            .await
            .assert_problem(422, "validation_failed");
        root.post(&ada, &json!({ "reason": "two lines\nof reason" }))
            .await
            .assert_problem(422, "validation_failed");
    }
}

#[tokio::test]
async fn a_user_is_no_admin() {
    // AZ-01
    let app = TestApp::start().await;
    let ada = app.logged_in("ada@example.com").await;
    for verb in ["disable", "enable", "unlock"] {
        ada.post(&path(&ada, verb).await, &reason())
            .await
            .assert_problem(403, "forbidden");
    }
    ada.get("/api/v1/admin/users?email=ada@example.com")
        .await
        .assert_problem(403, "forbidden");
    ada.me().await.assert(200);
}
