//! Every route that wants an access token refuses every way of not having one, with the right code and challenge, and
//! changes nothing.
#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bundle_tests::{Answer, PASSWORD, TestApp};
use http::Method;
use secrecy::ExposeSecret;
use serde_json::json;
use shared::domain::Timestamp;
use shared::keys::SIGNING_RING;
use shared::routes::{self, Access, Route};
use shared::tokens::{Claims, SigningKey, SigningRing};

use crate::guard_requests::{Granted, assert_unchanged, granted, showing, state, unlimited};

/// The routes that want an access token and take nothing else.
fn bearer_routes() -> impl Iterator<Item = &'static Route> {
    let routes = routes::ALL
        .into_iter()
        .filter(|route| matches!(route.access, Access::Bearer | Access::Admin));
    assert!(routes.clone().count() > 0, "no route wants a token");
    routes
}

/// Fails unless the answer is a refusal of the access token (RFC 6750 section 3).
#[track_caller]
fn assert_refused(request: &Granted<'_>, what: &str, answer: &Answer, code: &str) {
    let place = format!("{} with {what}: {}", request.route.function, answer.text());
    assert_eq!(
        (answer.status.as_u16(), answer.code().as_str()),
        (401, code),
        "{place}"
    );
    let challenge = answer.header("www-authenticate").unwrap_or_default();
    if code == "missing_token" {
        assert_eq!(challenge, "Bearer", "{place}");
    } else {
        assert!(
            challenge.starts_with("Bearer ") && challenge.contains("error=\"invalid_token\""),
            "{place} {challenge}"
        );
    }
}

/// Sends the request with `token` in the place of the good one.
async fn refuse(app: &TestApp, request: &Granted<'_>, what: &str, token: Option<&str>, code: &str) {
    let actor = showing(&request.actor, token);
    let before = state(app).await;
    let answer = request.send_as(&actor).await;
    assert_refused(request, what, &answer, code);
    assert_unchanged(
        app,
        &before,
        &format!("{} with {what}", request.route.function),
    )
    .await;
}

/// The parts of a request's good token.
struct Token {
    text: String,
    header: serde_json::Value,
    claims: Claims,
}

fn token(request: &Granted<'_>) -> Token {
    let text = request.actor.access.clone().expect("a token");
    let parts: Vec<_> = text
        .split('.')
        .map(|part| URL_SAFE_NO_PAD.decode(part).expect("base64url"))
        .collect();
    let header = serde_json::from_slice(&parts[0]).expect("a header");
    Token {
        header,
        claims: serde_json::from_slice(&parts[1]).expect("claims"),
        text,
    }
}

/// The service's own key.
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

/// A token with any header over any claims.
fn signed(key: &SigningKey, header: &serde_json::Value, claims: &Claims) -> String {
    let claims = serde_json::to_vec(claims).expect("JSON");
    let message = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header.to_string()),
        URL_SAFE_NO_PAD.encode(claims)
    );
    let signature = key.sign(message.as_bytes()).expect("a signature");
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

#[tokio::test]
async fn no_token_is_refused() {
    let app = unlimited().await;
    for route in bearer_routes() {
        let request = granted(&app, route, "a").await;
        refuse(&app, &request, "no token", None, "missing_token").await;
        assert!(
            request.send().await.status.is_success(),
            "{}",
            route.function
        );
    }
}

#[tokio::test]
async fn a_malformed_token_is_refused() {
    let app = unlimited().await;
    for route in bearer_routes() {
        let request = granted(&app, route, "a").await;
        let Token {
            text,
            header,
            claims,
        } = token(&request);
        let (message, signature) = text.rsplit_once('.').expect("three parts");
        let other = if signature.starts_with('A') { "B" } else { "A" };
        let none = json!({ "typ": "at+jwt", "alg": "none", "kid": header["kid"] });
        let key = SigningKey::generate(Timestamp::EPOCH).expect("a key");
        let unsigned = signed(&key, &none, &claims);
        for (what, token) in [
            ("a word", "x".to_owned()),
            ("three words", "a.b.c".to_owned()),
            ("a comma", "a,b".to_owned()),
            ("a cut token", text[..text.len() - 1].to_owned()),
            ("a longer token", format!("{text}A")),
            (
                "another signature",
                format!("{message}.{other}{}", &signature[1..]),
            ),
            ("no signature", format!("{message}.")),
            (
                "algorithm none",
                format!("{}.", unsigned.rsplit_once('.').expect("three parts").0),
            ),
            ("a long token", "A".repeat(9_000)),
        ] {
            refuse(&app, &request, what, Some(&token), "invalid_token").await;
        }
        assert!(
            request.send().await.status.is_success(),
            "{}",
            route.function
        );
    }
}

#[tokio::test]
async fn another_scheme_is_no_token_and_two_tokens_are_none_either() {
    let app = unlimited().await;
    for route in bearer_routes() {
        let request = granted(&app, route, "a").await;
        let before = state(&app).await;
        let text = token(&request).text;
        let bare = showing(&request.actor, None);
        for scheme in ["Basic", "Token", "JWT"] {
            let actor = bare
                .clone()
                .header("authorization", &format!("{scheme} {text}"));
            assert_refused(
                &request,
                scheme,
                &request.send_as(&actor).await,
                "missing_token",
            );
        }
        let twice = request
            .actor
            .clone()
            .header("authorization", &format!("Bearer {text}"));
        assert_refused(
            &request,
            "two tokens",
            &request.send_as(&twice).await,
            "invalid_token",
        );
        assert_unchanged(&app, &before, route.function).await;
    }
}

#[tokio::test]
async fn an_expired_token_is_refused() {
    for route in bearer_routes() {
        let app = unlimited().await;
        let request = granted(&app, route, "a").await;
        app.advance(1_799);
        assert_eq!(
            app.environment.store().now().as_secs() + 1,
            token(&request).claims.exp
        );
        app.advance(1);
        let text = token(&request).text;
        refuse(
            &app,
            &request,
            "an expired token",
            Some(&text),
            "token_expired",
        )
        .await;
    }
}

#[tokio::test]
async fn another_services_signature_is_refused() {
    let app = unlimited().await;
    let stranger = SigningKey::generate(Timestamp::EPOCH).expect("a key");
    for route in bearer_routes() {
        let request = granted(&app, route, "a").await;
        let ring = own_key(&app).await;
        let own = ring.newest().expect("a key");
        let Token { header, claims, .. } = token(&request);
        let foreign = stranger.issue(&claims).expect("signed");
        let posing = signed(&stranger, &header, &claims);
        let elsewhere = own
            .issue(&Claims {
                aud: "another-service".to_owned(),
                ..claims.clone()
            })
            .expect("signed");
        let issued_elsewhere = own
            .issue(&Claims {
                iss: "https://another.example".to_owned(),
                ..claims.clone()
            })
            .expect("signed");
        for (what, token) in [
            ("a stranger's key", foreign),
            ("a stranger's key under our name", posing),
            ("another audience", elsewhere),
            ("another issuer", issued_elsewhere),
        ] {
            refuse(&app, &request, what, Some(&token), "invalid_token").await;
        }
        // The guard's own signatures are good ones, so it was not for their form.
        let copy = showing(&request.actor, Some(&signed(own, &header, &claims)));
        assert!(
            request.send_as(&copy).await.status.is_success(),
            "{}",
            route.function
        );
    }
}

#[tokio::test]
async fn a_session_that_is_another_users_or_ended_is_refused() {
    let app = unlimited().await;
    for route in bearer_routes() {
        let request = granted(&app, route, "a").await;
        let ring = own_key(&app).await;
        let own = ring.newest().expect("a key");
        let other = granted(&app, route, "b").await;
        let claims = token(&request).claims;
        let sid = token(&other).claims.sid;
        let crossed = own.issue(&Claims { sid, ..claims }).expect("signed");
        refuse(
            &app,
            &request,
            "another user's live session",
            Some(&crossed),
            "session_revoked",
        )
        .await;
        let ended = token(&other).text;
        other
            .actor
            .post("/api/v1/auth/logout", &json!({}))
            .await
            .assert(200);
        refuse(
            &app,
            &request,
            "another user's ended session",
            Some(&ended),
            "session_revoked",
        )
        .await;
        refuse(
            &app,
            &request,
            "another user's ended session under one's own name",
            Some(&crossed),
            "session_revoked",
        )
        .await;
    }
}

#[tokio::test]
async fn a_revoked_session_is_refused() {
    let app = unlimited().await;
    for route in bearer_routes() {
        let request = granted(&app, route, "a").await;
        let email = format!("a.{}@example.com", route.function);
        let second = app.anonymous().log_in(&email, PASSWORD).await;
        let first = request.actor.session_id().await;
        second
            .delete(&format!("/api/v1/auth/sessions/{first}"))
            .await
            .assert(200);
        let text = token(&request).text;
        refuse(
            &app,
            &request,
            "a revoked session",
            Some(&text),
            "session_revoked",
        )
        .await;
    }
}

#[tokio::test]
async fn an_outdated_version_is_refused() {
    let app = unlimited().await;
    for route in bearer_routes() {
        let request = granted(&app, route, "a").await;
        let email = format!("a.{}@example.com", route.function);
        let second = app.anonymous().log_in(&email, PASSWORD).await;
        second.delete("/api/v1/auth/sessions/all").await.assert(200);
        let text = token(&request).text;
        refuse(
            &app,
            &request,
            "an outdated version",
            Some(&text),
            "token_version_too_old",
        )
        .await;
    }
}

#[tokio::test]
async fn a_token_outside_the_header_is_not_looked_for() {
    let app = unlimited().await;
    for route in bearer_routes() {
        let request = granted(&app, route, "a").await;
        let before = state(&app).await;
        let text = token(&request).text;
        let bare = showing(&request.actor, None);
        let query = Granted {
            path: format!(
                "{}?access_token={text}&authorization=Bearer%20{text}",
                request.path
            ),
            ..request.clone()
        };
        assert_refused(
            &request,
            "the token in the query",
            &query.send_as(&bare).await,
            "missing_token",
        );
        let mut body = request.body.clone().unwrap_or_else(|| json!({}));
        body["access_token"] = json!(text);
        let body = Granted {
            body: Some(body),
            ..request.clone()
        };
        assert_refused(
            &request,
            "the token in the body",
            &body.send_as(&bare).await,
            "missing_token",
        );
        let form = format!("access_token={text}");
        let form = bare
            .raw(
                route.method.clone(),
                &request.path,
                Some("application/x-www-form-urlencoded"),
                form.into(),
            )
            .await;
        assert_refused(&request, "the token in a form", &form, "missing_token");
        let cookie = bare
            .header("cookie", &format!("access_token={text}"))
            .header("x-access-token", &text);
        assert_refused(
            &request,
            "the token in a cookie",
            &request.send_as(&cookie).await,
            "missing_token",
        );
        assert_unchanged(&app, &before, route.function).await;
    }
}

#[tokio::test]
async fn tokens_of_other_kinds_are_no_access_tokens() {
    let app = unlimited().await;
    app.registered("pending@example.com").await;
    let mailed = app.mailed("pending@example.com", "dvt_").await;
    for route in bearer_routes() {
        let request = granted(&app, route, "a").await;
        let refresh = request.actor.refresh.clone().expect("a refresh token");
        refuse(
            &app,
            &request,
            "a refresh token",
            Some(&refresh),
            "invalid_token",
        )
        .await;
        refuse(
            &app,
            &request,
            "a mailed token",
            Some(&mailed),
            "invalid_token",
        )
        .await;
    }
}

#[tokio::test]
async fn an_access_token_is_no_refresh_token() {
    let app = unlimited().await;
    let ada = app.logged_in("ada@example.com").await;
    let access = ada.access.clone().expect("a token");
    let before = state(&app).await;
    app.anonymous()
        .try_refresh(&access)
        .await
        .assert_problem(401, "invalid_refresh_token");
    let logout = app
        .anonymous()
        .post("/api/v1/auth/logout", &json!({ "refresh_token": access }))
        .await;
    logout.assert(200);
    assert_unchanged(&app, &before, "it").await;
    ada.me().await.assert(200);
}

#[tokio::test]
async fn a_token_is_read_at_logout_as_everywhere() {
    let app = unlimited().await;
    let ada = app.logged_in("ada@example.com").await;
    let before = state(&app).await;
    let ask = |token: Option<&str>| {
        let actor = showing(&ada, token);
        async move {
            actor
                .request(Method::POST, "/api/v1/auth/logout", None)
                .await
        }
    };
    ask(None).await.assert_problem(401, "missing_token");
    // An unknown token leaves nothing to end.
    ask(Some("a.b.c")).await.assert(200);
    ask(ada.refresh.as_deref()).await.assert(200);
    assert_unchanged(&app, &before, "it").await;
}
