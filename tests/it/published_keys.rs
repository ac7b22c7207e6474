//! Tokens checked by another service with the published key set alone.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use bundle_tests::TestApp;
use dashtam_verify::{Builder, Verifier};
use http::StatusCode;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::verifying::{access, code, parts, signed, stranger};

const GOOD: u8 = 0;
const DOWN: u8 = 1;
const MALFORMED: u8 = 2;

/// A server of the service's key set that can be made to fail.
#[derive(Clone)]
struct Server {
    set: Arc<Mutex<Value>>,
    mood: Arc<AtomicU8>,
    fetches: Arc<AtomicUsize>,
    url: String,
}

impl Server {
    async fn start(app: &TestApp) -> Self {
        let set = Arc::new(Mutex::new(
            app.anonymous().get("/.well-known/jwks.json").await.json(),
        ));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a port");
        let url = format!(
            "http://{}/.well-known/jwks.json",
            listener.local_addr().expect("an address")
        );
        let server = Self {
            set,
            mood: Arc::default(),
            fetches: Arc::default(),
            url,
        };
        let router = Router::new()
            .fallback(Self::answer)
            .with_state(server.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        server
    }

    #[expect(clippy::unused_async, reason = "a handler is async")]
    async fn answer(State(server): State<Self>) -> Response {
        server.fetches.fetch_add(1, Ordering::SeqCst);
        match server.mood.load(Ordering::SeqCst) {
            GOOD => server
                .set
                .lock()
                .expect("no panic")
                .to_string()
                .into_response(),
            DOWN => StatusCode::BAD_GATEWAY.into_response(),
            _ => r#"{"keys":[]}"#.into_response(),
        }
    }

    fn be(&self, mood: u8) {
        self.mood.store(mood, Ordering::SeqCst);
    }

    /// The fetches since the last time.
    fn take_fetches(&self) -> usize {
        self.fetches.swap(0, Ordering::SeqCst)
    }

    fn builder(&self, app: &TestApp) -> Builder {
        let builder = Verifier::builder()
            .issuer("http://127.0.0.1:9000")
            .audience("dashtam");
        builder.jwks(&self.url).clock(app.clock.clone())
    }

    fn verifier(&self, app: &TestApp) -> Verifier {
        self.builder(app).build().expect("valid settings")
    }
}

#[tokio::test]
async fn keys_are_fetched_once_and_again_when_the_bound_is_reached() {
    let app = TestApp::start().await;
    let token = access(&app.logged_in("a@example.com").await);
    let server = Server::start(&app).await;
    let verifier = server.verifier(&app);
    app.proxy.take_calls();
    assert_eq!(code(verifier.verify(&token).await), "accepted");
    app.advance(299);
    assert_eq!(code(verifier.verify(&token).await), "accepted");
    assert_eq!(server.take_fetches(), 1);
    app.advance(1);
    assert_eq!(code(verifier.verify(&token).await), "accepted");
    assert_eq!(server.take_fetches(), 1);
    assert_eq!(app.proxy.take_calls(), Vec::<String>::new());
}

#[tokio::test]
async fn concurrent_checks_make_one_fetch() {
    let app = TestApp::start().await;
    let token = access(&app.logged_in("a@example.com").await);
    let server = Server::start(&app).await;
    let verifier = server.verifier(&app);
    let verdicts = futures::future::join_all((0..20).map(|_| verifier.verify(&token))).await;
    assert!(verdicts.into_iter().all(|verdict| verdict.is_ok()));
    assert_eq!(server.take_fetches(), 1);
}

#[tokio::test]
async fn a_session_that_ended_is_accepted_until_its_token_expires() {
    // RV-05: what this mode cannot see, and the documentation says so. RV-17, JW-12
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    let server = Server::start(&app).await;
    let verifier = server.verifier(&app);
    ada.post("/api/v1/auth/logout", &json!({}))
        .await
        .assert(200);
    app.advance(1_799);
    assert_eq!(code(verifier.verify(&access(&ada)).await), "accepted");
    app.advance(1);
    assert_eq!(code(verifier.verify(&access(&ada)).await), "token_expired");
}

#[tokio::test]
async fn a_thousand_made_up_key_names_make_one_fetch_in_an_interval() {
    // KR-05, JW-03
    let app = TestApp::start().await;
    let token = access(&app.logged_in("a@example.com").await);
    let (mut header, claims) = parts(&token);
    let server = Server::start(&app).await;
    let verifier = server.verifier(&app);
    let key = stranger();
    for _ in 0..2 {
        for n in 0..1_000 {
            header["kid"] = json!(format!("../../{n}"));
            assert_eq!(
                code(verifier.verify(&signed(&key, &header, &claims)).await),
                "invalid_token"
            );
        }
        assert_eq!(server.take_fetches(), 1);
        app.advance(5);
    }
    assert_eq!(
        code(verifier.verify(&token).await),
        "accepted",
        "and nobody else notices"
    );
}

#[tokio::test]
async fn a_new_key_is_found_before_the_bound_is_reached() {
    let app = TestApp::start().await;
    let token = access(&app.logged_in("a@example.com").await);
    let (_, claims) = parts(&token);
    let server = Server::start(&app).await;
    let verifier = server.verifier(&app);
    assert_eq!(code(verifier.verify(&token).await), "accepted");
    let new = stranger();
    let public = new.public();
    let key =
        json!({ "kty": "EC", "crv": "P-256", "kid": public.kid, "x": public.x, "y": public.y });
    server.set.lock().expect("no panic")["keys"]
        .as_array_mut()
        .expect("keys")
        .push(key);
    app.advance(5);
    assert_eq!(
        code(verifier.verify(&new.issue(&claims).expect("signed")).await),
        "accepted"
    );
}

#[tokio::test]
async fn the_last_good_set_serves_while_the_service_fails_and_then_nothing_is_accepted() {
    for mood in [DOWN, MALFORMED] {
        let app = TestApp::with(&[("ACCESS_TOKEN_TTL_SECONDS", "3600")]).await;
        let token = access(&app.logged_in("a@example.com").await);
        let server = Server::start(&app).await;
        let verifier = server
            .builder(&app)
            .keys_kept(Duration::from_secs(1_800))
            .build()
            .expect("valid settings");
        assert_eq!(code(verifier.verify(&token).await), "accepted");
        server.be(mood);
        app.advance(1_799);
        server.take_fetches();
        for _ in 0..10 {
            assert_eq!(code(verifier.verify(&token).await), "accepted");
        }
        assert_eq!(
            server.take_fetches(),
            1,
            "a service that fails is not asked for each token"
        );
        app.advance(1);
        assert_eq!(code(verifier.verify(&token).await), "service_unavailable");
        server.be(GOOD);
        app.advance(5);
        assert_eq!(code(verifier.verify(&token).await), "accepted");
    }
}

#[tokio::test]
async fn without_any_set_nothing_is_accepted() {
    for mood in [DOWN, MALFORMED] {
        let app = TestApp::start().await;
        let token = access(&app.logged_in("a@example.com").await);
        let server = Server::start(&app).await;
        server.be(mood);
        let verifier = server.verifier(&app);
        assert_eq!(code(verifier.verify(&token).await), "service_unavailable");
    }
}

#[tokio::test]
async fn without_staleness_each_check_fetches() {
    let app = TestApp::start().await;
    let token = access(&app.logged_in("a@example.com").await);
    let server = Server::start(&app).await;
    let verifier = server
        .builder(&app)
        .max_staleness(Duration::ZERO)
        .build()
        .expect("valid settings");
    for _ in 0..3 {
        assert_eq!(code(verifier.verify(&token).await), "accepted");
    }
    assert_eq!(server.take_fetches(), 3);
}
