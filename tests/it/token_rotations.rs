//! Rotations by an admin: one user's tokens or everybody's, at once or after a grace.
#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use bundle_tests::{Actor, Answer, Fault, PASSWORD, TestApp, text};
use futures::future::join_all;
use serde_json::{Value, json};

use crate::guard_requests::{assert_unchanged, state};

const PATH: &str = "/api/v1/admin/token-rotations";
const REASON: &str = "a copy of the table was found";

async fn id_of(actor: &Actor<'_>) -> String {
    actor.me().await.json()["id"]
        .as_str()
        .expect("an id")
        .to_owned()
}

fn user(id: &str) -> Value {
    json!({ "scope": "user", "user_id": id, "reason": REASON })
}

fn global() -> Value {
    json!({ "scope": "global", "reason": REASON })
}

async fn assert_dead(actor: &Actor<'_>) {
    actor
        .me()
        .await
        .assert_problem(401, "token_version_too_old");
    let refresh = actor.refresh.clone().unwrap_or_default();
    actor
        .try_refresh(&refresh)
        .await
        .assert_problem(401, "invalid_refresh_token");
}

#[tokio::test]
async fn a_global_rotation_ends_everything_issued_before_it_also_in_the_same_second() {
    // RV-05, RV-10
    let app = TestApp::start().await;
    let root = app.admin("root@example.com").await;
    let ada = app.logged_in("ada@example.com").await;
    let answer = root.post(PATH, &global()).await;
    answer.assert(200);
    let body = answer.json();
    assert_eq!(
        (&body["scope"], &body["user_id"], &body["sessions_affected"]),
        (&json!("global"), &json!(null), &json!(null))
    );
    assert_eq!(
        (
            &body["previous_version"],
            &body["new_version"],
            &body["dry_run"]
        ),
        (&json!(1), &json!(2), &json!(false))
    );
    assert!(
        body["effective_at"]
            .as_str()
            .is_some_and(|at| at.ends_with('Z'))
    );
    assert_dead(&ada).await;
    assert_dead(&root).await;
    let again = app.anonymous().log_in("ada@example.com", PASSWORD).await;
    again.me().await.assert(200);
}

#[tokio::test]
async fn a_users_rotation_ends_that_users_sessions_and_nobody_elses() {
    // RV-20
    let app = TestApp::start().await;
    let root = app.admin("root@example.com").await;
    let ada = app.logged_in("ada@example.com").await;
    let phone = app.anonymous().log_in("ada@example.com", PASSWORD).await;
    let bob = app.logged_in("bob@example.com").await;
    let answer = root.post(PATH, &user(&id_of(&ada).await)).await;
    answer.assert(200);
    assert_eq!(answer.json()["sessions_affected"], 2);
    assert_dead(&ada).await;
    assert_dead(&phone).await;
    bob.me().await.assert(200);
    root.me().await.assert(200);
    assert!(
        app.subjects("ada@example.com")
            .await
            .contains(&"All your sessions were ended".to_owned())
    );
}

#[tokio::test]
async fn a_grace_lets_the_old_in_until_it_ends_and_what_they_buy_ends_with_it() {
    let app = TestApp::start().await;
    let root = app.admin("root@example.com").await;
    let mut ada = app.logged_in("ada@example.com").await;
    let mut rotation = global();
    rotation["grace_period_seconds"] = json!(60);
    root.post(PATH, &rotation).await.assert(200);
    app.advance(59);
    ada.me().await.assert(200);
    ada.refresh().await;
    ada.me().await.assert(200);
    app.advance(1);
    ada.me().await.assert_problem(401, "token_expired");
    ada.try_refresh(&ada.refresh.clone().unwrap_or_default())
        .await
        .assert_problem(401, "invalid_refresh_token");
}

#[tokio::test]
async fn a_token_bought_inside_a_grace_ends_with_it() {
    let app = TestApp::start().await;
    let root = app.admin("root@example.com").await;
    for scope in ["user", "global"] {
        let ada = app.logged_in(&format!("{scope}@example.com")).await;
        let mut rotation = if scope == "user" {
            user(&id_of(&ada).await)
        } else {
            global()
        };
        rotation["grace_period_seconds"] = json!(3);
        root.post(PATH, &rotation).await.assert(200);
        let spent = ada.refresh.clone().unwrap_or_default();
        let (bought, again) = (ada.try_refresh(&spent).await, ada.try_refresh(&spent).await);
        for answer in [bought, again] {
            answer.assert(200);
            assert_eq!(answer.json()["expires_in"], 3, "{scope}");
        }
        // Only a verified password brings the present versions, and with them the whole life.
        let renewed = ada
            .post(
                "/api/v1/auth/reauthenticate",
                &json!({ "password": PASSWORD }),
            )
            .await;
        assert_eq!(renewed.json()["expires_in"], 1_800, "{scope}");
    }
}

#[tokio::test]
async fn a_grace_of_everybody_never_shelters_what_a_users_rotation_ends() {
    let app = TestApp::start().await;
    let root = app.admin("root@example.com").await;
    let ada = app.logged_in("ada@example.com").await;
    let id = id_of(&ada).await;
    let mut rotation = global();
    rotation["grace_period_seconds"] = json!(3_600);
    root.post(PATH, &rotation).await.assert(200);
    ada.me().await.assert(200);
    root.post(PATH, &user(&id)).await.assert(200);
    assert_dead(&ada).await;
    root.me().await.assert(200);
}

#[tokio::test]
async fn a_dry_run_counts_and_changes_nothing_but_the_trail() {
    let app = TestApp::start().await;
    let root = app.admin("root@example.com").await;
    let ada = app.logged_in("ada@example.com").await;
    let id = id_of(&ada).await;
    let before = state(&app).await;
    for mut rotation in [user(&id), global()] {
        rotation["dry_run"] = json!(true);
        let answer = root.post(PATH, &rotation).await;
        answer.assert(200);
        assert_eq!(
            (&answer.json()["dry_run"], &answer.json()["new_version"]),
            (&json!(true), &json!(2))
        );
    }
    assert_unchanged(&app, &before, "two dry runs").await;
    let records = app.db_audit().await;
    assert_eq!(
        records
            .iter()
            .filter(|line| line.starts_with("admin.rotate_tokens success"))
            .count(),
        2,
        "{records:?}"
    );
}

#[tokio::test]
async fn a_rotation_is_recorded_with_its_admin_its_reason_and_both_versions() {
    let app = TestApp::start().await;
    let root = app.admin("root@example.com").await;
    root.post(PATH, &global()).await.assert(200);
    let records = app.db_scan("audit").await;
    let record = records
        .iter()
        .find(|record| text(record, "action") == Some("admin.rotate_tokens"))
        .expect("a record");
    let details = record["details"].as_m().expect("details");
    assert_eq!(text(record, "reason"), Some(REASON));
    assert_eq!(
        text(record, "actor_id"),
        text(&app.db_user("root@example.com").await, "id")
    );
    assert_eq!(
        (
            text(details, "previous_version"),
            text(details, "new_version")
        ),
        (Some("1"), Some("2"))
    );
}

#[tokio::test]
async fn a_token_that_a_rotation_rejects_is_recorded_with_both_versions_once() {
    // RV-16
    let app = TestApp::start().await;
    let root = app.admin("root@example.com").await;
    let ada = app.logged_in("ada@example.com").await;
    root.post(PATH, &global()).await.assert(200);
    for _ in 0..5 {
        ada.me().await.assert(401);
    }
    let mut records = app.db_scan("audit").await;
    records.retain(|record| text(record, "reason") == Some("token_rejected_due_to_rotation"));
    assert_eq!(records.len(), 1);
    let details = records[0]["details"].as_m().expect("details");
    for (name, value) in [
        ("scope", "global"),
        ("global_ver", "1"),
        ("global_least", "2"),
        ("user_ver", "1"),
    ] {
        assert_eq!(text(details, name), Some(value), "{name}");
    }
}

/// Fails unless the request is refused so, recorded, and has changed nothing.
async fn assert_refused(
    app: &TestApp,
    actor: &Actor<'_>,
    body: &Value,
    status: u16,
    code: &str,
) -> Answer {
    let before = state(app).await;
    let records = app.db_audit().await.len();
    let answer = actor.post(PATH, body).await;
    answer.assert_problem(status, code);
    assert_unchanged(app, &before, &body.to_string()).await;
    assert_eq!(
        app.db_audit().await.len(),
        records + 1,
        "{body} was not recorded"
    );
    answer
}

#[tokio::test]
async fn every_bad_call_is_refused_without_effect_and_recorded() {
    // RV-11
    let app = TestApp::with(&[("RATE_LIMIT_SCALE", "100")]).await;
    let root = app.admin("root@example.com").await;
    let ada = app.logged_in("ada@example.com").await;
    let id = id_of(&ada).await;
    let forbidden = assert_refused(&app, &ada, &global(), 403, "forbidden").await;
    assert_eq!(
        forbidden.header("www-authenticate"),
        Some("Bearer error=\"insufficient_scope\"")
    );
    assert_refused(&app, &app.anonymous(), &global(), 401, "missing_token").await;
    let nobody = "00000000-0000-4000-8000-000000000000";
    assert_refused(&app, &root, &user(nobody), 404, "not_found").await;
    let with = |mut body: Value, name: &str, value: Value| {
        body[name] = value;
        body
    };
    for body in [
        json!({ "scope": "global", "reason": "too short" }),
        json!({ "scope": "global", "reason": "x".repeat(501) }),
        json!({ "scope": "global" }),
        json!({ "reason": REASON }),
        json!({ "scope": "everybody", "reason": REASON }),
        json!({ "scope": "user", "reason": REASON }),
        with(global(), "user_id", json!(id)),
        with(user(&id), "user_id", json!("x")),
        with(global(), "grace_period_seconds", json!(3_601)),
        with(global(), "grace_period_seconds", json!(-1)),
        with(global(), "grace_period_seconds", json!(1.5)),
        with(global(), "grace_period_seconds", json!("60")),
        with(global(), "dry_run", json!("true")),
    ] {
        assert_refused(&app, &root, &body, 422, "validation_failed").await;
    }
}

#[tokio::test]
async fn a_role_that_was_taken_away_does_not_count_whatever_the_token_says() {
    let app = TestApp::start().await;
    app.admin("root@example.com").await;
    let root = app.anonymous().log_in("root@example.com", PASSWORD).await;
    root.get("/api/v1/admin/security-config").await.assert(200);
    let user = app.db_user("root@example.com").await;
    app.db_set(
        "users",
        &user,
        "role",
        aws_sdk_dynamodb::types::AttributeValue::S("user".to_owned()),
    )
    .await;
    assert_refused(&app, &root, &global(), 403, "forbidden").await;
}

#[tokio::test]
async fn a_configured_admin_is_one_once_the_address_is_proved() {
    let app = TestApp::with(&[("ADMIN_EMAILS", "root@example.com")]).await;
    let root = app.logged_in("root@example.com").await;
    assert_eq!(root.me().await.json()["role"], "admin");
    root.get("/api/v1/admin/security-config").await.assert(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_parallel_rotations_every_acknowledged_one_counts() {
    // RV-03
    let app = TestApp::with(&[("RATE_LIMIT_SCALE", "100")]).await;
    let root = app.admin("root@example.com").await;
    let ada = app.logged_in("ada@example.com").await;
    let body = user(&id_of(&ada).await);
    let answers = join_all((0..20).map(|_| root.post(PATH, &body))).await;
    let mut versions: Vec<_> = answers
        .iter()
        .filter(|answer| answer.status == 200)
        .map(|answer| answer.json()["new_version"].as_u64())
        .collect();
    versions.sort_unstable();
    versions.dedup();
    let acknowledged = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(
        versions.len(),
        acknowledged,
        "two rotations were given one version"
    );
    let stored = app.db_user("ada@example.com").await["ver_current"]
        .as_n()
        .expect("a number")
        .clone();
    assert_eq!(stored, (1 + acknowledged).to_string());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_that_a_global_rotation_overtakes_is_dead_at_birth() {
    let app = TestApp::start().await;
    let root = app.admin("root@example.com").await;
    app.verified("ada@example.com").await;
    app.proxy.plan("TransactWriteItems", Fault::Held, 1);
    let login = app.anonymous();
    let held = login.log_in("ada@example.com", PASSWORD);
    let body = global();
    let rotation = async {
        app.proxy.until_held().await;
        root.post(PATH, &body).await.assert(200);
        app.proxy.release();
    };
    let (thief, ()) = tokio::join!(held, rotation);
    assert_dead(&thief).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotation_under_a_failing_store_is_whole_or_not_there() {
    // RV-13
    for skip in 0..5 {
        let app = TestApp::start().await;
        let root = app.admin("root@example.com").await;
        let before = state(&app).await;
        app.proxy.plan_after("", Fault::Throttled, skip, 1_000);
        let broken = root.post(PATH, &global()).await;
        app.proxy.heal();
        if broken.status == 200 {
            continue;
        }
        broken.assert_problem(503, "service_unavailable");
        assert_unchanged(&app, &before, "a failed rotation").await;
        root.post(PATH, &global()).await.assert(200);
    }
}

#[tokio::test]
async fn mailed_tokens_die_with_a_global_rotation() {
    let app = TestApp::start().await;
    let root = app.admin("root@example.com").await;
    app.registered("new@example.com").await;
    app.verified("ada@example.com").await;
    app.anonymous()
        .post(
            "/api/v1/auth/request-password-reset",
            &json!({ "email": "ada@example.com" }),
        )
        .await
        .assert(202);
    let proof = json!({ "token": app.mailed("new@example.com", "dvt_").await });
    let reset = json!({ "token": app.mailed("ada@example.com", "drs_").await, "new_password": "Other-Horse-8-Battery" });
    root.post(PATH, &global()).await.assert(200);
    let client = app.anonymous();
    client
        .post("/api/v1/auth/verify-email", &proof)
        .await
        .assert_problem(400, "invalid_or_expired_token");
    client
        .post("/api/v1/auth/reset-password", &reset)
        .await
        .assert_problem(400, "invalid_or_expired_token");
    app.advance(1);
    client
        .post(
            "/api/v1/auth/request-password-reset",
            &json!({ "email": "ada@example.com" }),
        )
        .await
        .assert(202);
    let reset = json!({ "token": app.mailed("ada@example.com", "drs_").await, "new_password": "Other-Horse-8-Battery" });
    client
        .post("/api/v1/auth/reset-password", &reset)
        .await
        .assert(200);
}

#[tokio::test]
async fn the_security_configuration_says_how_things_stand() {
    let app = TestApp::start().await;
    let root = app.admin("root@example.com").await;
    let fresh = root.get("/api/v1/admin/security-config").await;
    fresh.assert(200);
    assert_eq!(
        (
            &fresh.json()["global_min_token_version"],
            &fresh.json()["last_rotation"]
        ),
        (&json!(1), &json!(null))
    );
    assert_eq!(fresh.json()["signing_keys"][0]["state"], "active");
    assert_eq!(
        (
            &fresh.json()["data_keys"][0]["version"],
            &fresh.json()["data_keys"][0]["state"]
        ),
        (&json!(1), &json!("active"))
    );
    let mut rotation = global();
    rotation["grace_period_seconds"] = json!(60);
    root.post(PATH, &rotation).await.assert(200);
    let during = root.get("/api/v1/admin/security-config").await.json();
    assert_eq!(during["global_min_token_version"], 1, "the grace runs");
    assert_eq!(
        (
            &during["last_rotation"]["reason"],
            &during["last_rotation"]["new_version"]
        ),
        (&json!(REASON), &json!(2))
    );
    app.advance(60);
    let root = app.anonymous().log_in("root@example.com", PASSWORD).await;
    assert_eq!(
        root.get("/api/v1/admin/security-config").await.json()["global_min_token_version"],
        2
    );
}
