//! Who the client is, and which browsers may read.

use std::sync::LazyLock;

use bundle_tests::{PASSWORD, TestApp};
use http::Method;
use serde_json::json;

const ORIGIN: &str = "https://app.example.com";
/// What the edge sends: a random key by its form.
static SECRET: LazyLock<String> =
    LazyLock::new(|| shared::ground::digest::fingerprint(b"the edge"));

#[tokio::test]
async fn listed_origins_may_read_and_no_others() {
    // HT-11
    let app = TestApp::with(&[("CORS_ORIGINS", ORIGIN)]).await;
    let ask = |origin: &str| app.anonymous().header("origin", origin).clone();
    let allowed = ask(ORIGIN).get("/api/v1/health").await;
    assert_eq!(allowed.header("access-control-allow-origin"), Some(ORIGIN));
    assert_eq!(allowed.header("vary"), Some("Origin"));
    for other in [
        "null",
        "https://app.example.com.evil.example",
        "https://xapp.example.com",
        "http://app.example.com",
        "https://app.example.com:8443",
        "https://app.example.com:443",
        "https://sub.app.example.com",
        "https://app.example.com.",
        "https://APP.example.com",
        "https://app.example.com/",
        "https://app.example.com https://evil.example",
        "https://app.example.co",
        "*",
        "",
    ] {
        let answer = ask(other).get("/api/v1/health").await;
        assert_eq!(
            answer.header("access-control-allow-origin"),
            None,
            "{other}"
        );
        assert_eq!(answer.header("vary"), Some("Origin"));
    }
    let two = ask(ORIGIN)
        .header("origin", "https://evil.example")
        .get("/api/v1/health")
        .await;
    assert_eq!(
        two.header("access-control-allow-origin"),
        None,
        "two origins"
    );
}

#[tokio::test]
async fn no_answer_of_any_route_lets_a_browser_send_credentials_by_itself() {
    // HT-11: no cookies, no wildcard, and nothing for origins that are not listed, on every route
    let app = TestApp::with(&[("CORS_ORIGINS", ORIGIN)]).await;
    for route in shared::routes::ALL {
        let path = route.path.replace("{id}", "x").replace("{code}", "x");
        for origin in [ORIGIN, "https://evil.example", "null"] {
            let client = app.anonymous().header("origin", origin);
            for method in [route.method.clone(), Method::OPTIONS] {
                let answer = client.request(method.clone(), &path, None).await;
                let allowed = answer.header("access-control-allow-origin");
                assert_eq!(
                    allowed,
                    (origin == ORIGIN).then_some(ORIGIN),
                    "{method} {path} from {origin}"
                );
                assert_eq!(
                    answer.header("access-control-allow-credentials"),
                    None,
                    "{method} {path}"
                );
                assert_eq!(answer.header("set-cookie"), None, "{method} {path}");
            }
        }
    }
}

#[tokio::test]
async fn a_method_that_a_header_names_is_not_looked_at() {
    // HT-08
    let app = TestApp::start().await;
    let ada = app.logged_in("ada@example.com").await;
    for name in [
        "x-http-method-override",
        "x-method-override",
        "x-http-method",
    ] {
        let answer = ada
            .clone()
            .header(name, "DELETE")
            .get("/api/v1/auth/sessions")
            .await;
        answer.assert(200);
        let post = ada
            .clone()
            .header(name, "DELETE")
            .post("/api/v1/auth/sessions/all", &json!({}))
            .await;
        post.assert_problem(405, "method_not_allowed");
    }
    ada.get("/api/v1/auth/sessions?_method=DELETE")
        .await
        .assert(200);
    ada.me().await.assert(200);
}

#[tokio::test]
async fn the_host_that_a_client_names_reaches_no_mail_and_no_metadata() {
    let app = TestApp::start().await;
    let evil = || {
        let client = app
            .anonymous()
            .header("host", "evil.example")
            .header("x-forwarded-host", "evil.example");
        client
            .header("forwarded", "host=evil.example")
            .header("x-original-url", "/evil.example")
    };
    let email = "a@example.com";
    let body = json!({ "email": email, "password": PASSWORD, "name": "A" });
    evil()
        .post("/api/v1/auth/register", &body)
        .await
        .assert(201);
    app.drain().await;
    let mails = app.aws.mailbox.messages(Some(email)).into_iter();
    let mails: Vec<_> = mails
        .map(|mail| format!("{} {:?} {:?}", mail.subject, mail.text, mail.html))
        .collect();
    let mail = mails.join(" ");
    assert!(
        mail.contains("dvt_") && !mail.contains("evil.example"),
        "{mail}"
    );
    for path in [
        "/.well-known/oauth-authorization-server",
        "/.well-known/openid-configuration",
        "/verify-email",
    ] {
        let answer = evil().get(path).await;
        let shown = format!("{} {:?}", answer.text(), answer.headers);
        assert!(!shown.contains("evil.example"), "{path}: {shown}");
    }
}

#[tokio::test]
async fn a_preflight_is_answered_for_listed_origins() {
    let app = TestApp::with(&[("CORS_ORIGINS", ORIGIN)]).await;
    let preflight = |origin: &str| {
        app.anonymous()
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .clone()
    };
    let answer = preflight(ORIGIN)
        .request(Method::OPTIONS, "/api/v1/auth/login", None)
        .await;
    answer.assert(204);
    assert_eq!(
        answer.header("access-control-allow-methods"),
        Some("POST, OPTIONS")
    );
    let other = preflight("https://evil.example")
        .request(Method::OPTIONS, "/api/v1/auth/login", None)
        .await;
    assert_eq!(other.header("access-control-allow-methods"), None);
}

#[tokio::test]
async fn tracing_headers_and_those_of_the_settings_pass_a_preflight() {
    let settings = [
        ("CORS_ORIGINS", ORIGIN),
        ("CORS_HEADERS", "X-Client-Version, sentry-trace"),
    ];
    let app = TestApp::with(&settings).await;
    let preflight = app
        .anonymous()
        .header("origin", ORIGIN)
        .header("access-control-request-method", "POST");
    let answer = preflight
        .request(Method::OPTIONS, "/api/v1/auth/login", None)
        .await;
    assert_eq!(
        answer.header("access-control-allow-headers"),
        Some(
            "authorization, content-type, traceparent, tracestate, baggage, x-client-version, sentry-trace"
        )
    );
}

#[tokio::test]
async fn a_script_may_read_when_to_try_again_and_what_time_it_is() {
    let app = TestApp::with(&[("CORS_ORIGINS", ORIGIN)]).await;
    let answer = app
        .anonymous()
        .header("origin", ORIGIN)
        .get("/api/v1/auth/me")
        .await;
    let exposed = answer
        .header("access-control-expose-headers")
        .expect("exposed headers")
        .to_owned();
    for name in [
        "date",
        "x-request-id",
        "retry-after",
        "ratelimit",
        "ratelimit-policy",
        "www-authenticate",
    ] {
        assert!(
            exposed.split(", ").any(|exposed| exposed == name),
            "{name}: {exposed}"
        );
    }
}

#[tokio::test]
async fn an_origin_is_compared_as_browsers_send_it() {
    let written = "HTTPS://App.Example.com:443/,capacitor://localhost,tauri://localhost";
    let app = TestApp::with(&[("CORS_ORIGINS", written)]).await;
    for origin in [ORIGIN, "capacitor://localhost", "tauri://localhost"] {
        let answer = app
            .anonymous()
            .header("origin", origin)
            .get("/api/v1/health")
            .await;
        assert_eq!(answer.header("access-control-allow-origin"), Some(origin));
    }
}

#[tokio::test]
async fn by_default_no_origin_may_read() {
    let app = TestApp::start().await;
    let answer = app
        .anonymous()
        .header("origin", ORIGIN)
        .get("/api/v1/health")
        .await;
    assert_eq!(
        (
            answer.header("access-control-allow-origin"),
            answer.header("vary")
        ),
        (None, None)
    );
}

#[tokio::test]
async fn a_trusted_edge_tells_address_and_place_and_cannot_be_bypassed() {
    let app = TestApp::with(&[
        ("TRUSTED_EDGE", "cloudfront"),
        ("TRUSTED_EDGE_SECRETS", &SECRET),
    ])
    .await;
    app.anonymous()
        .get("/api/v1/health")
        .await
        .assert_problem(403, "forbidden");
    let edge = || {
        let client = app
            .anonymous()
            .header("x-dashtam-edge-secret", &SECRET)
            .header("cloudfront-viewer-address", "203.0.113.9:4711");
        client
            .header("cloudfront-viewer-city", "London")
            .header("cloudfront-viewer-country", "GB")
            .header("cloudfront-viewer-country-region-name", "England")
    };
    let email = "a@example.com";
    edge()
        .post(
            "/api/v1/auth/register",
            &json!({ "email": email, "password": PASSWORD, "name": "A" }),
        )
        .await
        .assert(201);
    edge()
        .post(
            "/api/v1/auth/verify-email",
            &json!({ "token": app.mailed(email, "dvt_").await }),
        )
        .await
        .assert(200);
    let ada = edge().log_in(email, PASSWORD).await;
    let session = ada.sessions().await.remove(0);
    assert_eq!(session["ip_address"], "203.0.113.9");
    assert_eq!(
        session["location"],
        json!({ "city": "London", "region": "England", "country": "GB" })
    );
}

#[tokio::test]
async fn a_geoip_file_tells_the_place_where_no_edge_does() {
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../shared/tests/data/documentation-ranges.mmdb"
    );
    let app = TestApp::with(&[("GEOIP_FILE", file)]).await;
    app.verified("a@example.com").await;
    let known = app
        .anonymous()
        .at("192.0.2.1")
        .log_in("a@example.com", PASSWORD)
        .await;
    assert!(known.sessions().await[0]["location"]["country"].is_string());
}

#[tokio::test]
async fn forged_forwarding_headers_change_neither_record_nor_limit() {
    // RL-05, AU-07
    let app = TestApp::start().await;
    for n in 0..20 {
        let client = app
            .anonymous()
            .at("198.51.100.1")
            .header("x-forwarded-for", &format!("10.9.8.{n}"))
            .header("x-real-ip", "192.0.2.99");
        client
            .try_log_in(&format!("nobody{n}@example.com"), PASSWORD)
            .await;
    }
    let client = app
        .anonymous()
        .at("198.51.100.1")
        .header("x-forwarded-for", "10.9.9.9");
    client
        .try_log_in("other@example.com", PASSWORD)
        .await
        .assert_problem(429, "rate_limited");
    let recorded = app.db_everything().await;
    assert!(!recorded.contains("10.9.8.") && !recorded.contains("192.0.2.99"));
}
