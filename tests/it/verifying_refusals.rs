//! What another service refuses: tokens that nobody issued, made-up keys, and in which words.

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use bundle_tests::{Fault, TestApp};
use dashtam_verify::{Claims, VerifiedCaller};
use http_body_util::BodyExt as _;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use shared::keys::SIGNING_RING;
use shared::tokens::SigningRing;
use tower::ServiceExt as _;

use crate::verifying::{BOUND, access, check, parts, signed, stranger, verifier};

/// The key that the service signs with.
async fn own_key(app: &TestApp) -> SigningRing {
    let secret = app
        .environment
        .secrets()
        .get(SIGNING_RING)
        .await
        .expect("a secret")
        .expect("a ring");
    SigningRing::from_secret(secret.expose_secret()).expect("a ring")
}

#[tokio::test]
async fn tokens_that_the_service_did_not_make_are_refused() {
    // JW-01, JW-03, JW-04, JW-06, JW-09, JW-10, JW-11, JW-13
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    let token = access(&ada);
    let (header, claims) = parts(&token);
    let ring = own_key(&app).await;
    let own = &ring.keys()[0];
    let with = |name: &str, value: Value| {
        let mut header = header.clone();
        header[name] = value;
        signed(own, &header, &claims)
    };
    let later = claims.iat + 6;
    let verifier = verifier(&app);
    assert_eq!(
        check(&verifier, &signed(own, &header, &claims)).await,
        "accepted",
        "it was not for their form"
    );
    for (what, forged) in [
        ("no token", String::new()),
        ("a refresh token", ada.refresh.clone().unwrap_or_default()),
        ("a long token", "A".repeat(9_000)),
        ("dots", ".".repeat(50_000)),
        ("padding", format!("{token}=")),
        (
            "no signature",
            format!("{}.", token.rsplit_once('.').expect("parts").0),
        ),
        ("algorithm none", with("alg", json!("none"))),
        ("another algorithm", with("alg", json!("HS256"))),
        ("another type", with("typ", json!("JWT"))),
        ("a key of its own", with("jwk", json!({ "kty": "EC" }))),
        (
            "a key elsewhere",
            with("jku", json!("https://evil.example/jwks.json")),
        ),
        ("an extension", with("crit", json!(["b64"]))),
        ("a file's name", with("kid", json!("../../dev/null"))),
        (
            "a stranger's key",
            stranger().issue(&claims).expect("signed"),
        ),
        (
            "a stranger's key under our name",
            signed(&stranger(), &header, &claims),
        ),
        (
            "another audience",
            own.issue(&Claims {
                aud: "other".to_owned(),
                ..claims.clone()
            })
            .expect("signed"),
        ),
        (
            "another issuer",
            own.issue(&Claims {
                iss: "https://b.example".to_owned(),
                ..claims.clone()
            })
            .expect("signed"),
        ),
        (
            "the future",
            own.issue(&Claims {
                iat: later,
                nbf: later,
                ..claims.clone()
            })
            .expect("signed"),
        ),
    ] {
        assert_eq!(check(&verifier, &forged).await, "invalid_token", "{what}");
    }
}

#[tokio::test]
async fn another_users_session_is_none() {
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    let bob = app.logged_in("b@example.com").await;
    let ring = own_key(&app).await;
    let (_, claims) = parts(&access(&ada));
    let (_, other) = parts(&access(&bob));
    let crossed = ring.keys()[0]
        .issue(&Claims {
            sid: other.sid,
            ..claims
        })
        .expect("signed");
    assert_eq!(check(&verifier(&app), &crossed).await, "session_revoked");
}

#[tokio::test]
async fn made_up_key_names_make_no_reads_where_state_may_be_kept() {
    // KR-05
    let app = TestApp::with(BOUND).await;
    let ada = app.logged_in("a@example.com").await;
    let (mut header, claims) = parts(&access(&ada));
    let verifier = verifier(&app);
    assert_eq!(check(&verifier, &access(&ada)).await, "accepted");
    app.proxy.take_calls();
    let key = stranger();
    for interval in 0..2 {
        for n in 0..500 {
            header["kid"] = json!(format!("{interval}-{n}"));
            assert_eq!(
                check(&verifier, &signed(&key, &header, &claims)).await,
                "invalid_token"
            );
        }
        assert_eq!(app.proxy.take_calls().len(), interval, "one read in 5 s");
        app.advance(5);
    }
}

/// What a service answers that has one protected route.
async fn answer(service: &Router, authorization: Option<&str>) -> (http::response::Parts, Value) {
    let request = http::Request::builder().uri("/inner/greeting");
    let request = authorization.into_iter().fold(request, |request, value| {
        request.header("authorization", value)
    });
    let response = service
        .clone()
        .oneshot(request.body(Body::empty()).expect("a request"))
        .await
        .expect("infallible");
    let (parts, body) = response.into_parts();
    let body = body.collect().await.expect("a body").to_bytes();
    (parts, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

#[tokio::test]
async fn an_axum_service_refuses_as_this_one_does() {
    // JW-20
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    let greet = async |VerifiedCaller(caller): VerifiedCaller| json!(caller.user_id()).to_string();
    let inner = Router::new()
        .route("/greeting", get(greet))
        .with_state(verifier(&app));
    let service = Router::new().nest("/inner", inner);
    let good = format!("Bearer {}", access(&ada));
    let (parts_, body) = answer(&service, Some(&good)).await;
    assert_eq!(
        (parts_.status.as_u16(), body),
        (200, json!(parts(&access(&ada)).1.sub))
    );
    ada.post("/api/v1/auth/logout", &json!({}))
        .await
        .assert(200);
    for (authorization, code) in [
        (None, "missing_token"),
        (Some("Bearer a.b.c"), "invalid_token"),
        (Some(good.as_str()), "session_revoked"),
    ] {
        let (parts, body) = answer(&service, authorization).await;
        assert_eq!((parts.status.as_u16(), &body["code"]), (401, &json!(code)));
        assert_eq!(body["instance"], "/inner/greeting");
        let ours = match authorization {
            Some(value) => app.anonymous().header("authorization", value).me().await,
            None => app.anonymous().me().await,
        };
        let challenge = parts
            .headers
            .get("www-authenticate")
            .and_then(|value| value.to_str().ok());
        assert_eq!(challenge, ours.header("www-authenticate"), "{code}");
        let ours = ours.json();
        for member in ["type", "title", "status", "detail", "code"] {
            assert_eq!(body[member], ours[member], "{code}");
        }
    }
    app.proxy.plan("BatchGetItem", Fault::Throttled, 1_000);
    let (parts, body) = answer(&service, Some(&good)).await;
    assert_eq!(
        (parts.status.as_u16(), &body["code"]),
        (503, &json!("service_unavailable"))
    );
    assert!(
        parts.headers.contains_key("retry-after")
            && !parts.headers.contains_key("www-authenticate")
    );
}
