//! The first start: keys are made once, however many processes start at once. Later ones repair what is published.

use aws_sdk_dynamodb::types::AttributeValue;
use bundle_tests::{PASSWORD, TestApp, rights, text};
use futures::future::join_all;
use secrecy::ExposeSecret;
use serde_json::json;
use shared::aws::AwsBase;
use shared::config::Settings;
use shared::keys::secrets::Secrets;
use shared::keys::{SIGNING_RING, first_start};
use shared::tokens::SigningRing;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_first_starts_make_one_ring_and_publish_its_key() {
    let app = TestApp::start().await;
    for copy in 0..4 {
        let key = AttributeValue::S(format!("SECURITY#{copy}"));
        app.db()
            .delete_item()
            .table_name("dashtam-local-security")
            .key("pk", key)
            .send()
            .await
            .expect("deleted");
    }
    let settings = app.aws.endpoints.variables().into_iter();
    let settings = settings.fold(Settings::default(), |all, (name, value)| {
        all.with(&name, value)
    });
    let secrets = Secrets::new(&AwsBase::new(settings), "fresh/");
    app.aws
        .secrets
        .make_missing("fresh/", &rights::template().secrets)
        .await
        .expect("secrets without keys");
    let store = app.environment.store();
    let started = join_all((0..10).map(|_| first_start(&secrets, &store))).await;
    assert!(started.iter().any(Result::is_ok));
    first_start(&secrets, &store).await.expect("again is fine");
    let text = secrets
        .get(SIGNING_RING)
        .await
        .expect("read")
        .expect("made");
    let ring = SigningRing::from_secret(text.expose_secret()).expect("a ring");
    let record = store.security().await.expect("read").expect("published");
    assert_eq!(ring.keys().len(), 1);
    assert!(ring.key(&record.active_kid).is_some());
    assert_eq!(app.db_items("security", "SECURITY#").await.len(), 4);
}

async fn run_keys_init(app: &TestApp) {
    let job = keys_init::job(&app.function("keys-init"))
        .await
        .expect("a job");
    job().await.expect("done");
}

#[tokio::test]
async fn a_missing_security_copy_is_restored_from_the_others() {
    let app = TestApp::start().await;
    let root = app.admin("root@example.com").await;
    let rotation =
        json!({ "scope": "global", "reason": "a table was copied", "grace_period_seconds": 600 });
    root.post("/api/v1/admin/token-rotations", &rotation)
        .await
        .assert(200);
    let mut before = app.db_items("security", "SECURITY#").await;
    for missing in [vec![2], vec![0, 1, 3]] {
        for copy in missing {
            let key = AttributeValue::S(format!("SECURITY#{copy}"));
            app.db()
                .delete_item()
                .table_name("dashtam-local-security")
                .key("pk", key)
                .send()
                .await
                .expect("deleted");
        }
        run_keys_init(&app).await;
        let mut after = app.db_items("security", "SECURITY#").await;
        for items in [&mut before, &mut after] {
            items.sort_by_key(|item| text(item, "pk").map(str::to_owned));
        }
        assert_eq!(after, before);
    }
    let again = app.anonymous().log_in("root@example.com", PASSWORD).await;
    let rotation = json!({ "scope": "global", "reason": "a table was copied again" });
    again
        .post("/api/v1/admin/token-rotations", &rotation)
        .await
        .assert(200);
    let repaired = app
        .db_audit()
        .await
        .into_iter()
        .filter(|line| line == "keys.repair success security_copies");
    assert_eq!(repaired.count(), 2);
}

#[tokio::test]
async fn a_security_copy_that_is_behind_is_raised_and_none_is_lowered() {
    let app = TestApp::start().await;
    let root = app.admin("root@example.com").await;
    let stale = app.db_items("security", "SECURITY#").await.into_iter();
    let stale = stale
        .filter(|item| text(item, "pk") != Some("SECURITY#1"))
        .collect::<Vec<_>>();
    let rotation = json!({ "scope": "global", "reason": "a table was copied" });
    root.post("/api/v1/admin/token-rotations", &rotation)
        .await
        .assert(200);
    // Three of four are those of before the rotation: a backup was put back.
    for item in stale {
        app.db_put("security", item).await;
    }
    run_keys_init(&app).await;
    for item in app.db_items("security", "SECURITY#").await {
        assert_eq!(item["ver_current"], AttributeValue::N("2".to_owned()));
    }
    root.me().await.assert_problem(401, "token_version_too_old");
}

#[tokio::test]
async fn equal_security_copies_are_left_as_they_are() {
    let app = TestApp::start().await;
    app.proxy.take_calls();
    run_keys_init(&app).await;
    assert!(
        app.proxy
            .take_calls()
            .iter()
            .all(|call| call != "UpdateItem"),
        "nothing is written"
    );
    assert!(
        !app.db_audit()
            .await
            .iter()
            .any(|line| line.starts_with("keys.repair"))
    );
}

#[tokio::test]
async fn a_readable_key_is_refused_with_how_to_make_one() {
    let app = TestApp::start().await;
    let secrets = app.environment.secrets();
    for (name, version) in [("mail-key", "a"), ("cursor-key", "b")] {
        let value = r#"{"version":1,"key":"your-secret-key-goes-here-please!"}"#
            .to_owned()
            .into();
        assert!(
            secrets
                .put_version(name, &version.repeat(32), &value, None)
                .await
                .expect("written")
        );
    }
    let mailer = app
        .environment
        .mailer()
        .await
        .map(|_| ())
        .expect_err("a key that is a sentence");
    let trail = app
        .environment
        .trail()
        .await
        .map(|_| ())
        .expect_err("a key that is a sentence");
    for error in [mailer, trail] {
        assert!(
            error.to_string().contains("openssl rand -base64 48"),
            "{error}"
        );
    }
}
