//! Who the client is, and which browsers may read.

use bundle_tests::{PASSWORD, TestApp};
use http::Method;
use serde_json::json;

const ORIGIN: &str = "https://app.example.com";
const SECRET: &str = "0123456789abcdef0123456789abcdef";

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
    ] {
        let answer = ask(other).get("/api/v1/health").await;
        assert_eq!(answer.header("access-control-allow-origin"), None, "{other}");
        assert_eq!(answer.header("vary"), Some("Origin"));
    }
}

#[tokio::test]
async fn a_preflight_is_answered_for_listed_origins() {
    let app = TestApp::with(&[("CORS_ORIGINS", ORIGIN)]).await;
    let preflight =
        |origin: &str| app.anonymous().header("origin", origin).header("access-control-request-method", "POST").clone();
    let answer = preflight(ORIGIN).request(Method::OPTIONS, "/api/v1/auth/login", None).await;
    answer.assert(204);
    assert_eq!(answer.header("access-control-allow-methods"), Some("POST, OPTIONS"));
    let other = preflight("https://evil.example").request(Method::OPTIONS, "/api/v1/auth/login", None).await;
    assert_eq!(other.header("access-control-allow-methods"), None);
}

#[tokio::test]
async fn by_default_no_origin_may_read() {
    let app = TestApp::start().await;
    let answer = app.anonymous().header("origin", ORIGIN).get("/api/v1/health").await;
    assert_eq!((answer.header("access-control-allow-origin"), answer.header("vary")), (None, None));
}

#[tokio::test]
async fn a_trusted_edge_tells_address_and_place_and_cannot_be_bypassed() {
    let app = TestApp::with(&[("TRUSTED_EDGE", "cloudfront"), ("TRUSTED_EDGE_SECRETS", SECRET)]).await;
    app.anonymous().get("/api/v1/health").await.assert_problem(403, "forbidden");
    let edge = || {
        let client = app
            .anonymous()
            .header("x-dashtam-edge-secret", SECRET)
            .header("cloudfront-viewer-address", "203.0.113.9:4711");
        client
            .header("cloudfront-viewer-city", "London")
            .header("cloudfront-viewer-country", "GB")
            .header("cloudfront-viewer-country-region-name", "England")
    };
    let email = "a@example.com";
    edge()
        .post("/api/v1/auth/register", &json!({ "email": email, "password": PASSWORD, "name": "A" }))
        .await
        .assert(201);
    edge().post("/api/v1/auth/verify-email", &json!({ "token": app.mailed(email, "dvt_").await })).await.assert(200);
    let ada = edge().log_in(email, PASSWORD).await;
    let session = ada.sessions().await.remove(0);
    assert_eq!(session["ip_address"], "203.0.113.9");
    assert_eq!(session["location"], json!({ "city": "London", "region": "England", "country": "GB" }));
}

#[tokio::test]
async fn a_geoip_file_tells_the_place_where_no_edge_does() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/tests/data/documentation-ranges.mmdb");
    let app = TestApp::with(&[("GEOIP_FILE", file)]).await;
    app.verified("a@example.com").await;
    let known = app.anonymous().at("192.0.2.1").log_in("a@example.com", PASSWORD).await;
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
        client.try_log_in("nobody@example.com", PASSWORD).await;
    }
    let client = app.anonymous().at("198.51.100.1").header("x-forwarded-for", "10.9.9.9");
    client.try_log_in("other@example.com", PASSWORD).await.assert_problem(429, "rate_limited");
    let recorded = app.db_everything().await;
    assert!(!recorded.contains("10.9.8.") && !recorded.contains("192.0.2.99"));
}
