//! Tokens that are issued: whatever can fail comes before the commit, and no token outlives what it stands on.
#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use base64::Engine as _;
use bundle_tests::{Answer, PASSWORD, TestApp};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use shared::keys::SIGNING_RING;

const NEW: &str = "Other-Horse-8-Battery";

/// What an answer's access token says.
fn claims(answer: &Answer) -> Value {
    let token = answer.json()["access_token"]
        .as_str()
        .expect("a token")
        .to_owned();
    let claims = token.split('.').nth(1).expect("claims").to_owned();
    let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(claims)
        .expect("base64url");
    serde_json::from_slice(&claims).expect("JSON")
}

/// Stores `text` as the current signing ring.
async fn put_ring(app: &TestApp, text: &SecretString) {
    let version = app.environment.store().fresh_name();
    app.environment
        .secrets()
        .put_version(SIGNING_RING, &version, text, None)
        .await
        .expect("put");
}

/// Makes the ring unusable until the processes refuse to sign; the good ring.
async fn without_keys(app: &TestApp) -> SecretString {
    let good = app
        .environment
        .secrets()
        .get(SIGNING_RING)
        .await
        .expect("read")
        .expect("a ring");
    put_ring(
        app,
        &SecretString::from("{\"keys\":[{\"pkcs8\":\"AAAA\"}]}"),
    )
    .await;
    app.advance(61);
    SecretString::from(good.expose_secret().to_owned())
}

/// Everything in the tables that an answer with tokens may change.
async fn accounts_and_sessions(app: &TestApp) -> Vec<String> {
    let mut items = Vec::new();
    for table in ["users", "tokens"] {
        for item in app.db_scan(table).await {
            let mut members: Vec<_> = item
                .into_iter()
                .map(|(name, value)| format!("{name} {value:?}"))
                .collect();
            members.sort();
            items.push(members.join("\n"));
        }
    }
    items.sort();
    items
}

#[tokio::test]
async fn nothing_is_committed_where_no_token_can_be_signed() {
    for path in ["login", "refresh", "change-password", "reauthenticate"] {
        let app = TestApp::with(&[("KEYS_STALE_SECONDS", "60")]).await;
        let ada = app.logged_in("a@example.com").await;
        let body = match path {
            "login" => json!({ "email": "a@example.com", "password": PASSWORD }),
            "refresh" => json!({ "refresh_token": ada.refresh }),
            "reauthenticate" => json!({ "password": PASSWORD }),
            _ => json!({ "current_password": PASSWORD, "new_password": NEW }),
        };
        let path = format!("/api/v1/auth/{path}");
        let before = accounts_and_sessions(&app).await;
        let good = without_keys(&app).await;
        ada.post(&path, &body)
            .await
            .assert_problem(503, "service_unavailable");
        assert_eq!(accounts_and_sessions(&app).await, before, "{path}");
        put_ring(&app, &good).await;
        // Longer than any grace: the retry is no reuse of a spent token.
        app.advance(60);
        ada.post(&path, &body).await.assert(200);
    }
}

#[tokio::test]
async fn a_process_reads_its_keys_again_before_they_are_too_old() {
    let app = TestApp::with(&[("KEYS_STALE_SECONDS", "60")]).await;
    let mut ada = app.logged_in("a@example.com").await;
    for seconds in [61, 60, 3_600] {
        app.advance(seconds);
        app.anonymous()
            .log_in("a@example.com", PASSWORD)
            .await
            .me()
            .await
            .assert(200);
        ada.refresh().await;
    }
}

#[tokio::test]
async fn a_token_ends_before_the_idle_limit_of_its_session() {
    let app = TestApp::with(&[("SESSION_IDLE_SECONDS", "900")]).await;
    app.verified("a@example.com").await;
    let mut answer = app.anonymous().try_log_in("a@example.com", PASSWORD).await;
    // A client that does what `expires_in` says is never refused.
    for _ in 0..5 {
        let tokens = answer.json();
        let expires_in = tokens["expires_in"].as_u64().expect("a number");
        assert!((1..900).contains(&expires_in), "{expires_in}");
        let says = claims(&answer);
        assert_eq!(
            says["exp"].as_u64(),
            says["iat"].as_u64().map(|made| made + expires_in)
        );
        let client = app
            .anonymous()
            .bearer(tokens["access_token"].as_str().expect("a token"));
        app.advance(expires_in - 1);
        client.me().await.assert(200);
        app.advance(1);
        client.me().await.assert_problem(401, "token_expired");
        answer = client
            .try_refresh(tokens["refresh_token"].as_str().expect("a token"))
            .await;
        answer.assert(200);
    }
}

#[tokio::test]
async fn a_verified_password_is_activity_of_its_session() {
    let app = TestApp::with(&[("SESSION_IDLE_SECONDS", "900")]).await;
    let ada = app.logged_in("a@example.com").await;
    app.advance(400);
    let answer = ada
        .post(
            "/api/v1/auth/reauthenticate",
            &json!({ "password": PASSWORD }),
        )
        .await;
    answer.assert(200);
    app.advance(899);
    ada.try_refresh(ada.refresh.as_deref().unwrap_or_default())
        .await
        .assert(200);
}

#[tokio::test]
async fn an_access_token_names_its_client_and_its_assurance() {
    let app = TestApp::start().await;
    app.verified("a@example.com").await;
    let says = claims(&app.anonymous().try_log_in("a@example.com", PASSWORD).await);
    assert_eq!(
        (&says["client_id"], &says["acr"]),
        (&json!("dashtam"), &json!("aal1"))
    );
    let app = TestApp::with(&[
        ("AUDIENCE", "https://api.example.com"),
        ("CLIENT_ID", "web"),
    ])
    .await;
    app.verified("a@example.com").await;
    let says = claims(&app.anonymous().try_log_in("a@example.com", PASSWORD).await);
    assert_eq!(
        (&says["client_id"], &says["aud"]),
        (&json!("web"), &json!("https://api.example.com"))
    );
}

#[tokio::test]
async fn the_pages_name_every_claim_of_an_access_token() {
    let app = TestApp::start().await;
    app.verified("a@example.com").await;
    let says = claims(&app.anonymous().try_log_in("a@example.com", PASSWORD).await);
    let table = crate::guard_project::read("docs/verifying-tokens.md");
    let list = crate::guard_project::read("docs/clients.md");
    let list = list
        .split("and the claims `")
        .nth(1)
        .and_then(|rest| rest.split('`').next())
        .expect("a list of claims");
    for name in says.as_object().expect("an object").keys() {
        assert!(
            list.split_whitespace().any(|word| word == name),
            "docs/clients.md: {name}"
        );
        assert!(
            table.contains(&format!("`{name}`")),
            "docs/verifying-tokens.md: {name}"
        );
    }
}

#[tokio::test]
async fn a_token_lives_no_longer_than_the_key_that_signed_it() {
    let app = TestApp::with(&[("ACCESS_TOKEN_TTL_SECONDS", "3600")]).await;
    app.verified("a@example.com").await;
    let ring = app
        .environment
        .secrets()
        .get(SIGNING_RING)
        .await
        .expect("read")
        .expect("a ring");
    let former = SecretString::from(ring.expose_secret().to_owned());
    let handler = keys_rotate_signing::rotation(&app.function("keys-rotate-signing"))
        .await
        .expect("a rotation");
    for step in shared::work::secret_rotation::Step::ALL {
        let client_request_token = uuid::Uuid::from_u128(1).to_string();
        let event = shared::work::secret_rotation::RotationEvent {
            step,
            secret_id: "arn".to_owned(),
            client_request_token,
        };
        handler(event).await.expect("done");
    }
    // The process never sees the new ring, so the former key goes on signing in its place, until it retires.
    put_ring(&app, &former).await;
    app.advance(3_600);
    let answer = app.anonymous().try_log_in("a@example.com", PASSWORD).await;
    answer.assert(200);
    let (tokens, says) = (answer.json(), claims(&answer));
    let expires_in = tokens["expires_in"].as_u64().expect("a number");
    assert_eq!(
        says["exp"].as_u64(),
        says["iat"].as_u64().map(|made| made + expires_in)
    );
    let client = app
        .anonymous()
        .bearer(tokens["access_token"].as_str().expect("a token"));
    app.advance(expires_in - 1);
    client.me().await.assert(200);
}
