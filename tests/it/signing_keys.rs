//! The signing ring under rotation and compromise, and the data ring: step by step, repeated, crashed and raced.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use bundle_tests::{Actor, Fault, PASSWORD, Proxy, TestApp, text};
use futures::future::join_all;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use shared::domain::Timestamp;
use shared::ground::entropy::OsEntropy;
use shared::keys::compromise::drop_all;
use shared::keys::{self, DATA_RING, SIGNING_RING};
use shared::request::{RequestMeta, Task};
use shared::tokens::{DataRing, SigningRing};
use shared::work::secret_rotation::{RotationEvent, RotationHandler, Step};

const PATH: &str = "/api/v1/admin/signing-keys/rotations";
const LEAD: u64 = 60;

fn compromised() -> serde_json::Value {
    json!({ "mode": "compromised", "reason": "the ring was found in a log" })
}

fn event(step: Step, version: u128) -> RotationEvent {
    let client_request_token = uuid::Uuid::from_u128(version).to_string();
    RotationEvent {
        step,
        secret_id: "arn".to_owned(),
        client_request_token,
    }
}

async fn signing(app: &TestApp) -> RotationHandler {
    keys_rotate_signing::rotation(&app.function("keys-rotate-signing"))
        .await
        .expect("a rotation")
}

async fn rotate(app: &TestApp, version: u128) {
    let handler = signing(app).await;
    for step in Step::ALL {
        handler(event(step, version))
            .await
            .unwrap_or_else(|failure| panic!("{step:?}: {failure}"));
    }
}

/// The name of the key that signed the actor's access token.
fn kid(actor: &Actor<'_>) -> String {
    use base64::Engine;
    let token = actor.access.clone().unwrap_or_default();
    let header = token.split('.').next().unwrap_or_default();
    let header = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(header)
        .expect("base64url");
    let header: serde_json::Value = serde_json::from_slice(&header).expect("JSON");
    header["kid"].as_str().expect("a kid").to_owned()
}

/// The names in the published key set.
async fn published(app: &TestApp) -> Vec<String> {
    let keys = app.anonymous().get("/.well-known/jwks.json").await.json();
    let keys = keys["keys"].as_array().cloned().unwrap_or_default();
    keys.iter()
        .map(|key| key["kid"].as_str().unwrap_or_default().to_owned())
        .collect()
}

async fn ring(app: &TestApp) -> SigningRing {
    let text = app
        .environment
        .secrets()
        .get(SIGNING_RING)
        .await
        .expect("read")
        .expect("a ring");
    SigningRing::from_secret(text.expose_secret()).expect("a ring")
}

#[tokio::test]
async fn a_rotation_publishes_before_it_signs_and_every_token_stays_good() {
    // KR-01, KR-02, KR-19
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    let handler = signing(&app).await;
    for step in [Step::CreateSecret, Step::SetSecret] {
        handler(event(step, 1)).await.expect("done");
    }
    let both = published(&app).await;
    assert_eq!((both.len(), &both[0]), (2, &kid(&ada)));
    for step in [Step::TestSecret, Step::FinishSecret] {
        handler(event(step, 1)).await.expect("done");
    }
    let early = app.anonymous().log_in("a@example.com", PASSWORD).await;
    assert_eq!(kid(&early), both[0], "the lead is not over");
    app.advance(LEAD);
    let late = app.anonymous().log_in("a@example.com", PASSWORD).await;
    assert_eq!(kid(&late), both[1]);
    for actor in [&ada, &early, &late] {
        actor.me().await.assert(200);
    }
}

#[tokio::test]
async fn a_retired_key_is_gone_when_its_last_token_has_expired() {
    let app = TestApp::with(&[("ACCESS_TOKEN_TTL_SECONDS", "3600")]).await;
    app.verified("a@example.com").await;
    rotate(&app, 1).await;
    app.advance(LEAD - 1);
    let last = app.anonymous().log_in("a@example.com", PASSWORD).await;
    let former = kid(&last);
    app.advance(3_599);
    last.me().await.assert(200);
    assert!(published(&app).await.contains(&former));
    app.advance(62);
    assert!(!published(&app).await.contains(&former));
}

#[tokio::test]
async fn two_rotations_within_one_token_life_still_honour_live_tokens() {
    let app = TestApp::start().await;
    let mut actors = vec![app.logged_in("a@example.com").await];
    for version in 1..=2 {
        rotate(&app, version).await;
        app.advance(LEAD);
        actors.push(app.anonymous().log_in("a@example.com", PASSWORD).await);
    }
    let mut kids: Vec<_> = actors.iter().map(kid).collect();
    kids.dedup();
    assert_eq!(kids.len(), 3);
    for actor in &mut actors {
        actor.me().await.assert(200);
        actor.refresh().await;
        actor.me().await.assert(200);
    }
}

#[tokio::test]
async fn every_step_may_come_again_and_a_rotation_goes_on_after_a_crash_anywhere() {
    // KR-07
    let app = TestApp::start().await;
    let handler = signing(&app).await;
    for crash in 0..4 {
        let version = 10 + crash as u128;
        for step in Step::ALL.into_iter().take(crash) {
            handler(event(step, version))
                .await
                .expect("before the crash");
        }
        for step in Step::ALL {
            handler(event(step, version)).await.expect("once");
            handler(event(step, version)).await.expect("twice");
        }
        app.advance(LEAD);
        let record = app
            .environment
            .store()
            .security()
            .await
            .expect("read")
            .expect("a record");
        let ring = ring(&app).await;
        assert_eq!(
            record.signing_kid(app.environment.store().now()),
            ring.newest().expect("a key").public().kid
        );
        assert_eq!(
            published(&app).await.len(),
            2 + crash,
            "a key was made twice"
        );
    }
    let records = app.db_audit().await;
    let activated = records
        .iter()
        .filter(|line| *line == "keys.rotate_signing success activated")
        .count();
    assert_eq!(activated, 4, "{records:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_calls_of_a_step_make_one_key() {
    let app = TestApp::start().await;
    let handler = signing(&app).await;
    for step in Step::ALL {
        let results = join_all((0..8).map(|_| handler(event(step, 1)))).await;
        assert!(results.iter().any(Result::is_ok), "{step:?}");
        handler(event(step, 1)).await.expect("again is fine");
    }
    assert_eq!(published(&app).await.len(), 2);
    assert_eq!(ring(&app).await.keys().len(), 2);
}

#[tokio::test]
async fn an_admin_begins_a_routine_rotation_and_secrets_manager_does_the_rest() {
    // KR-02
    let app = TestApp::start().await;
    let root = app.admin("root@example.com").await;
    let routine = json!({ "mode": "routine", "reason": "the quarterly exercise" });
    root.post(PATH, &routine).await.assert(202);
    while published(&app).await.len() < 2 || !has_next(&app).await {
        tokio::task::yield_now().await;
    }
    root.me().await.assert(200);
    app.advance(LEAD);
    let late = app.anonymous().log_in("root@example.com", PASSWORD).await;
    assert_ne!(kid(&late), kid(&root));
    for actor in [&late, &root] {
        actor.me().await.assert(200);
    }
}

#[tokio::test]
async fn a_key_that_signs_longer_than_it_was_to_verifies_longer_as_well() {
    let app = TestApp::with(&[
        ("KEY_LEAD_SECONDS", "7200"),
        ("ACCESS_TOKEN_TTL_SECONDS", "3600"),
    ])
    .await;
    app.verified("a@example.com").await;
    rotate(&app, 1).await;
    app.advance(70 * 60);
    // The key of the first rotation has not signed yet, so the one before it goes on until the second's does.
    rotate(&app, 2).await;
    let former = kid(&app.anonymous().log_in("a@example.com", PASSWORD).await);
    app.advance(7_199);
    let last = app.anonymous().log_in("a@example.com", PASSWORD).await;
    assert_eq!(kid(&last), former);
    app.advance(3_599);
    last.me().await.assert(200);
}

#[tokio::test]
async fn a_routine_rotation_is_refused_while_the_key_of_another_one_waits() {
    let app = TestApp::with(&[("KEY_LEAD_SECONDS", "7200")]).await;
    let root = app.admin("root@example.com").await;
    let routine = json!({ "mode": "routine", "reason": "the quarterly exercise" });
    rotate(&app, 1).await;
    let before = published(&app).await;
    let refused = root.post(PATH, &routine).await;
    refused.assert_problem(409, "conflict");
    assert_eq!(published(&app).await, before);
    let recorded = app.db_audit().await;
    assert!(
        recorded.contains(&"admin.rotate_signing_keys refused rotation_pending".to_owned()),
        "{recorded:?}"
    );
    app.advance(7_200);
    let root = app.anonymous().log_in("root@example.com", PASSWORD).await;
    root.post(PATH, &routine).await.assert(202);
}

#[tokio::test]
async fn a_routine_rotation_is_refused_while_another_one_is_under_way() {
    let app = TestApp::start().await;
    let root = app.admin("root@example.com").await;
    let handler = signing(&app).await;
    handler(event(Step::CreateSecret, 1)).await.expect("done");
    let routine = json!({ "mode": "routine", "reason": "the quarterly exercise" });
    root.post(PATH, &routine)
        .await
        .assert_problem(409, "conflict");
    let recorded = app.db_audit().await;
    assert!(
        recorded.contains(&"admin.rotate_signing_keys refused rotation_pending".to_owned()),
        "{recorded:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_compromise_is_answered_as_done_whatever_its_clean_up_comes_to() {
    let app = TestApp::start().await;
    let root = app.admin("root@example.com").await;
    let before = published(&app).await;
    let (proxy, address) = Proxy::start(&app.aws, app.aws.endpoints.secrets_manager).await;
    let router = app
        .router_with(&[(
            "AWS_ENDPOINT_URL_SECRETS_MANAGER",
            &format!("http://{address}"),
        )])
        .await;
    // The new ring is stored, and what trusts it alone is on its way. From there on Secrets Manager fails.
    app.proxy.plan("TransactWriteItems", Fault::Held, 1);
    let failing = async {
        app.proxy.until_held().await;
        proxy.plan("", Fault::InternalError, 1_000);
        app.proxy.release();
    };
    let body = compromised();
    let (answer, ()) = tokio::join!(
        root.request_to(router, http::Method::POST, PATH, Some(&body)),
        failing
    );
    answer.assert(202);
    assert!(!published(&app).await.contains(&before[0]));
    app.anonymous()
        .log_in("root@example.com", PASSWORD)
        .await
        .me()
        .await
        .assert(200);
}

#[tokio::test]
async fn a_rotation_that_could_not_begin_is_recorded_as_refused() {
    let app = TestApp::start().await;
    let root = app.admin("root@example.com").await;
    let (proxy, address) = Proxy::start(&app.aws, app.aws.endpoints.secrets_manager).await;
    let router = app
        .router_with(&[(
            "AWS_ENDPOINT_URL_SECRETS_MANAGER",
            &format!("http://{address}"),
        )])
        .await;
    proxy.plan("", Fault::InternalError, 1_000);
    let routine = json!({ "mode": "routine", "reason": "the quarterly exercise" });
    let answer = root
        .request_to(router, http::Method::POST, PATH, Some(&routine))
        .await;
    answer.assert_problem(503, "service_unavailable");
    let recorded = app.db_audit().await;
    assert!(
        recorded.contains(&"admin.rotate_signing_keys refused not_begun".to_owned()),
        "{recorded:?}"
    );
}

async fn has_next(app: &TestApp) -> bool {
    app.environment
        .store()
        .security()
        .await
        .expect("read")
        .expect("a record")
        .next
        .is_some()
}

#[tokio::test]
async fn a_compromised_key_is_refused_everywhere_at_once_and_new_logins_work() {
    let app = TestApp::start().await;
    let root = app.admin("root@example.com").await;
    let ada = app.logged_in("ada@example.com").await;
    let leaked = ring(&app).await;
    let answer = root.post(PATH, &compromised()).await;
    answer.assert(202);
    for actor in [&root, &ada] {
        actor.me().await.assert_problem(401, "invalid_token");
    }
    let again = app.anonymous().log_in("ada@example.com", PASSWORD).await;
    again.me().await.assert(200);
    assert_eq!(published(&app).await, [kid(&again)]);
    // Whoever has the leaked ring signs what nobody takes.
    let forged = leaked.keys()[0].issue(&claims_of(&again)).expect("signed");
    again
        .clone()
        .bearer(&forged)
        .me()
        .await
        .assert_problem(401, "invalid_token");
    // The session itself lives on: a refresh token is no signature.
    ada.try_refresh(ada.refresh.as_deref().unwrap_or_default())
        .await
        .assert(200);
    assert!(
        ring(&app)
            .await
            .keys()
            .iter()
            .all(|key| key.public().kid != leaked.keys()[0].public().kid)
    );
}

fn claims_of(actor: &Actor<'_>) -> shared::tokens::Claims {
    use base64::Engine;
    let token = actor.access.clone().unwrap_or_default();
    let claims = token.split('.').nth(1).unwrap_or_default();
    let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(claims)
        .expect("base64url");
    serde_json::from_slice(&claims).expect("claims")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_compromises_leave_one_key_that_signs() {
    let app = TestApp::with(&[("RATE_LIMIT_SCALE", "100")]).await;
    let root = app.admin("root@example.com").await;
    let body = compromised();
    let answers = join_all((0..6).map(|_| root.post(PATH, &body))).await;
    assert!(
        answers.iter().any(|answer| answer.status == 202),
        "{answers:?}"
    );
    let ada = app.logged_in("ada@example.com").await;
    ada.me().await.assert(200);
    assert_eq!(published(&app).await, [kid(&ada)]);
}

#[tokio::test]
async fn a_compromise_that_ends_late_leaves_the_key_of_the_one_behind_it() {
    static BEHIND: Task = Task {
        action: "admin.rotate_signing_keys",
        name: "another one",
    };
    let app = TestApp::start().await;
    let root = app.admin("root@example.com").await;
    // It is committed, and before it has heard of that another one begins and ends.
    app.proxy.plan("TransactWriteItems", Fault::LostAnswer, 1);
    app.proxy.plan("TransactWriteItems", Fault::Held, 1);
    let behind = async {
        app.proxy.until_held().await;
        let (secrets, store) = (app.environment.secrets(), app.environment.store());
        let entry = store.entry(&RequestMeta::of_task(&BEHIND, store.now(), store.entropy()));
        let key = drop_all(&secrets, &store, &entry).await.expect("done");
        app.proxy.release();
        key.kid
    };
    let body = compromised();
    let (answer, key) = tokio::join!(root.post(PATH, &body), behind);
    answer.assert(202);
    let ada = app.logged_in("ada@example.com").await;
    ada.me().await.assert(200);
    assert_eq!((published(&app).await, kid(&ada)), (vec![key.clone()], key));
    assert_eq!(ring(&app).await.keys().len(), 1);
}

#[tokio::test]
async fn a_rotation_that_a_compromise_overtakes_fails_and_the_next_one_succeeds() {
    let app = TestApp::start().await;
    let root = app.admin("root@example.com").await;
    let handler = signing(&app).await;
    for step in [Step::CreateSecret, Step::SetSecret, Step::TestSecret] {
        handler(event(step, 1)).await.expect("done");
    }
    root.post(PATH, &compromised()).await.assert(202);
    handler(event(Step::FinishSecret, 1))
        .await
        .expect_err("its ring lacks the key that signs");
    let ada = app.logged_in("ada@example.com").await;
    ada.me().await.assert(200);
    rotate(&app, 2).await;
    app.advance(LEAD);
    ada.me().await.assert(200);
    app.anonymous()
        .log_in("ada@example.com", PASSWORD)
        .await
        .me()
        .await
        .assert(200);
}

#[tokio::test]
async fn a_rotation_that_ends_while_a_compromise_commits_leaves_the_key_that_will_be_trusted() {
    let app = TestApp::start().await;
    let root = app.admin("root@example.com").await;
    let handler = signing(&app).await;
    for step in [Step::CreateSecret, Step::SetSecret, Step::TestSecret] {
        handler(event(step, 1)).await.expect("done");
    }
    // The new key is in the ring, and what trusts it alone is on its way. The rotation dies before it writes down anything.
    app.proxy.plan("TransactWriteItems", Fault::Held, 1);
    let rotation = async {
        app.proxy.until_held().await;
        app.proxy
            .plan("TransactWriteItems", Fault::InternalError, 3);
        let finished = handler(event(Step::FinishSecret, 1)).await;
        app.proxy.heal();
        app.proxy.release();
        finished
    };
    let body = compromised();
    let (answer, finished) = tokio::join!(root.post(PATH, &body), rotation);
    answer.assert(202);
    app.logged_in("ada@example.com")
        .await
        .me()
        .await
        .assert(200);
    finished.expect_err("its ring lacks the newest key");
}

#[tokio::test]
async fn a_rotation_that_can_not_end_any_more_gives_way_to_the_next_one() {
    let app = TestApp::start().await;
    let root = app.admin("root@example.com").await;
    let handler = signing(&app).await;
    handler(event(Step::CreateSecret, 1)).await.expect("done");
    // A compromise has put its key into the ring, and died.
    let (secrets, store) = (app.environment.secrets(), app.environment.store());
    let next = ring(&app)
        .await
        .with_new_key(store.now(), |_| true)
        .expect("a ring");
    let value = SecretString::from(next.to_secret().expect("text").as_str());
    secrets
        .put_version(SIGNING_RING, &store.fresh_name(), &value, None)
        .await
        .expect("put");
    handler(event(Step::FinishSecret, 1))
        .await
        .expect_err("its ring lacks the newest key");
    let routine = json!({ "mode": "routine", "reason": "the quarterly exercise" });
    root.post(PATH, &routine).await.assert(202);
    for _ in 0..2_000 {
        if has_next(&app).await {
            break;
        }
    }
    assert!(
        has_next(&app).await,
        "Secrets Manager goes on with the version that cannot become the current one"
    );
    app.advance(LEAD);
    app.logged_in("ada@example.com")
        .await
        .me()
        .await
        .assert(200);
}

#[tokio::test]
async fn a_last_step_that_comes_again_after_the_next_rotation_takes_nothing_back() {
    let app = TestApp::start().await;
    let data = keys_rotate_data::rotation(&app.function("keys-rotate-data"))
        .await
        .expect("a rotation");
    for handler in [signing(&app).await, data] {
        for (step, version) in [1, 2]
            .into_iter()
            .flat_map(|version| Step::ALL.map(|step| (step, version)))
        {
            handler(event(step, version)).await.expect("done");
        }
        handler(event(Step::FinishSecret, 1))
            .await
            .expect_err("another one came behind it");
    }
    assert_eq!(ring(&app).await.keys().len(), 3);
    assert_eq!(
        keys::data_ring(&app.environment.secrets())
            .await
            .expect("a ring")
            .infos()
            .count(),
        3
    );
}

#[tokio::test]
async fn what_a_crash_between_ring_and_record_leaves_is_mended() {
    let app = TestApp::with(&[("KEY_LEAD_SECONDS", "0")]).await;
    let (secrets, store) = (app.environment.secrets(), app.environment.store());
    let next = ring(&app)
        .await
        .with_new_key(app.environment.store().now(), |_| true)
        .expect("a ring");
    let value = SecretString::from(next.to_secret().expect("text").as_str());
    secrets
        .put_version(SIGNING_RING, &store.fresh_name(), &value, None)
        .await
        .expect("put");
    let mend = keys_init::job(&app.function("keys-init"))
        .await
        .expect("a job");
    for _ in 0..2 {
        mend().await.expect("mended");
    }
    let ada = app.logged_in("a@example.com").await;
    assert_eq!(kid(&ada), next.newest().expect("a key").public().kid);
    assert_eq!(published(&app).await.len(), 2);
}

#[tokio::test]
async fn a_key_that_nobody_accepts_any_more_leaves_the_ring() {
    let app = TestApp::start().await;
    let former = ring(&app)
        .await
        .newest()
        .expect("a key")
        .public()
        .kid
        .clone();
    rotate(&app, 1).await;
    let tidy = keys_init::job(&app.function("keys-init"))
        .await
        .expect("a job");
    for (seconds, is_there) in [(LEAD, true), (86_400, false)] {
        app.advance(seconds);
        tidy().await.expect("done");
        assert_eq!(
            ring(&app).await.key(&former).is_some(),
            is_there,
            "after {seconds} s more"
        );
    }
    app.logged_in("a@example.com").await.me().await.assert(200);
}

#[tokio::test]
async fn a_malformed_ring_keeps_the_last_good_one_for_a_stated_time() {
    let app = TestApp::with(&[("SESSION_CAP", "1000")]).await;
    app.logged_in("a@example.com").await;
    let secrets = app.environment.secrets();
    let broken = SecretString::from("{\"keys\":[{\"pkcs8\":\"AAAA\"}]}");
    secrets
        .put_version(
            SIGNING_RING,
            &app.environment.store().fresh_name(),
            &broken,
            None,
        )
        .await
        .expect("put");
    app.advance(3_600);
    app.anonymous()
        .log_in("a@example.com", PASSWORD)
        .await
        .me()
        .await
        .assert(200);
    app.advance(21_600 - 3_601);
    app.anonymous()
        .log_in("a@example.com", PASSWORD)
        .await
        .me()
        .await
        .assert(200);
    app.advance(1);
    app.anonymous()
        .try_log_in("a@example.com", PASSWORD)
        .await
        .assert_problem(503, "service_unavailable");
}

#[tokio::test]
async fn a_ring_that_lost_the_key_that_signs_does_not_replace_the_last_good_one() {
    let emptied = "{\"keys\":[]}".to_owned();
    let foreign = SigningRing::generate(Timestamp::EPOCH)
        .expect("a ring")
        .to_secret()
        .expect("text")
        .to_string();
    for lost in [emptied, foreign] {
        let app = TestApp::start().await;
        let before = kid(&app.logged_in("a@example.com").await);
        let version = app.environment.store().fresh_name();
        app.environment
            .secrets()
            .put_version(SIGNING_RING, &version, &lost.into(), None)
            .await
            .expect("put");
        app.advance(3_600);
        let after = app.anonymous().log_in("a@example.com", PASSWORD).await;
        after.me().await.assert(200);
        assert_eq!(kid(&after), before);
    }
}

#[tokio::test]
async fn a_cold_start_without_its_ring_fails_closed() {
    let app = TestApp::start().await;
    let broken = SecretString::from("not a ring");
    let secrets = app.environment.secrets();
    secrets
        .put_version(
            SIGNING_RING,
            &app.environment.store().fresh_name(),
            &broken,
            None,
        )
        .await
        .expect("put");
    let cold = app.environment_with(&[]);
    assert!(
        auth_login::endpoint(&cold.with_access_key("auth-login"))
            .await
            .is_err()
    );
    let unreachable =
        app.environment_with(&[("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://127.0.0.1:9")]);
    assert!(
        auth_login::endpoint(&unreachable.with_access_key("auth-login"))
            .await
            .is_err()
    );
}

#[tokio::test]
async fn what_only_verifies_reads_no_secret_however_many_kids_it_is_shown() {
    // KR-05, KR-18
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    let without =
        app.environment_with(&[("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://127.0.0.1:9")]);
    let me = vec![auth_me::endpoint(&without).await.expect("an endpoint")];
    let router = shared::http::app(me, without.app());
    let ask = |token: &str| {
        let actor = ada.clone().bearer(token);
        let router = router.clone();
        async move {
            actor
                .request_to(router, http::Method::GET, "/api/v1/auth/me", None)
                .await
        }
    };
    for n in 0..100 {
        let key = shared::tokens::SigningKey::generate(Timestamp::from_millis(n)).expect("a key");
        ask(&key.issue(&claims_of(&ada)).expect("signed"))
            .await
            .assert_problem(401, "invalid_token");
    }
    ask(ada.access.as_deref().unwrap_or_default())
        .await
        .assert(200);
}

#[tokio::test]
async fn bad_key_rotations_are_refused_without_effect_and_recorded() {
    let app = TestApp::start().await;
    let root = app.admin("root@example.com").await;
    let ada = app.logged_in("ada@example.com").await;
    let before = published(&app).await;
    ada.post(PATH, &compromised())
        .await
        .assert_problem(403, "forbidden");
    for body in [
        json!({ "mode": "compromised", "reason": "short" }),
        json!({ "mode": "gently", "reason": "a reason that is long enough" }),
        json!({ "reason": "a reason that is long enough" }),
    ] {
        let records = app.db_audit().await.len();
        root.post(PATH, &body)
            .await
            .assert_problem(422, "validation_failed");
        assert_eq!(app.db_audit().await.len(), records + 1, "{body}");
    }
    assert_eq!(published(&app).await, before);
    ada.me().await.assert(200);
}

#[tokio::test]
async fn a_data_rotation_goes_through_its_steps_twice_and_opens_what_was_sealed_before() {
    // KR-07, KR-12
    let app = TestApp::start().await;
    let secrets = app.environment.secrets();
    let before = keys::data_ring(&secrets).await.expect("a ring");
    let sealed = before
        .seal(b"m4rk3d", b"place", &OsEntropy)
        .expect("sealed");
    let handler = keys_rotate_data::rotation(&app.function("keys-rotate-data"))
        .await
        .expect("a rotation");
    for step in Step::ALL {
        handler(event(step, 1)).await.expect("once");
        handler(event(step, 1)).await.expect("twice");
    }
    let after = keys::data_ring(&secrets).await.expect("a ring");
    assert_eq!(
        after.infos().map(|info| info.version).collect::<Vec<_>>(),
        [1, 2]
    );
    assert_eq!(
        after.open(&sealed, b"place").expect("opened").as_slice(),
        b"m4rk3d"
    );
    let root = app.admin("root@example.com").await;
    let shown = root.get("/api/v1/admin/security-config").await.json();
    assert_eq!(
        (
            &shown["data_keys"][0]["state"],
            &shown["data_keys"][1]["state"]
        ),
        (&json!("retiring"), &json!("active"))
    );
    let mut records = app.db_scan("audit").await;
    records.retain(|record| text(record, "action") == Some("keys.rotate_data"));
    assert_eq!(records.len(), 1);
}

#[tokio::test]
async fn a_data_rotation_that_ends_late_leaves_the_version_of_the_next_one_written_down() {
    let app = TestApp::start().await;
    let root = app.admin("root@example.com").await;
    let handler = keys_rotate_data::rotation(&app.function("keys-rotate-data"))
        .await
        .expect("a rotation");
    for step in [Step::CreateSecret, Step::TestSecret] {
        handler(event(step, 1)).await.expect("done");
    }
    // The ring is in use, and what writes its versions down is on its way.
    app.proxy.plan("TransactWriteItems", Fault::Held, 1);
    let next = async {
        app.proxy.until_held().await;
        for step in Step::ALL {
            handler(event(step, 2)).await.expect("done");
        }
        app.proxy.release();
    };
    let (late, ()) = tokio::join!(handler(event(Step::FinishSecret, 1)), next);
    late.expect("its own change is made");
    let shown = root.get("/api/v1/admin/security-config").await.json();
    assert_eq!(
        shown["data_keys"].as_array().map(Vec::len),
        Some(3),
        "{shown}"
    );
}

#[tokio::test]
async fn a_pending_data_ring_that_forgot_a_key_fails_its_test() {
    let app = TestApp::start().await;
    let secrets = app.environment.secrets();
    let handler = keys_rotate_data::rotation(&app.function("keys-rotate-data"))
        .await
        .expect("a rotation");
    let fresh = DataRing::generate(Timestamp::EPOCH, &OsEntropy);
    let value = SecretString::from(fresh.to_secret().expect("text").as_str());
    let version = event(Step::TestSecret, 1).client_request_token;
    secrets
        .put_version(DATA_RING, &version, &value, Some("AWSPENDING"))
        .await
        .expect("put");
    handler(event(Step::TestSecret, 1))
        .await
        .expect_err("it does not open what the present ring seals");
    assert_eq!(
        keys::data_ring(&secrets)
            .await
            .expect("a ring")
            .infos()
            .count(),
        1
    );
}
