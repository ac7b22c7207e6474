//! The documents under /.well-known, health, and the pages that mail links to.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bundle_tests::TestApp;
use http::Method;
use serde_json::json;

#[tokio::test]
async fn the_key_set_holds_the_signing_key_and_nothing_private() {
    // KR-19
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    let keys = app.anonymous().get("/.well-known/jwks.json").await.json();
    let key = keys["keys"][0].as_object().expect("a key").clone();
    let mut members: Vec<_> = key.keys().map(String::as_str).collect();
    members.sort_unstable();
    assert_eq!(members, ["alg", "crv", "kid", "kty", "use", "x", "y"]);
    let header = ada
        .access
        .as_deref()
        .and_then(|token| token.split('.').next())
        .expect("a header")
        .to_owned();
    let header = shared::ground::digest::decode(&header).expect("base64url");
    assert!(String::from_utf8_lossy(&header).contains(key["kid"].as_str().expect("a kid")));
}

#[tokio::test]
async fn the_metadata_names_issuer_and_keys_and_claims_no_more() {
    let app = TestApp::with(&[("ISSUER", "https://auth.example.com")]).await;
    let metadata = app
        .anonymous()
        .get("/.well-known/oauth-authorization-server")
        .await
        .json();
    assert_eq!(metadata["issuer"], "https://auth.example.com");
    assert_eq!(
        metadata["jwks_uri"],
        "https://auth.example.com/.well-known/jwks.json"
    );
    assert!(metadata.get("token_endpoint").is_none());
    let openid = app
        .anonymous()
        .get("/.well-known/openid-configuration")
        .await
        .json();
    assert_eq!(
        (&openid["issuer"], &openid["jwks_uri"]),
        (&metadata["issuer"], &metadata["jwks_uri"])
    );
}

#[tokio::test]
async fn discovery_has_every_member_that_libraries_require() {
    let app = TestApp::start().await;
    let openid = app
        .anonymous()
        .get("/.well-known/openid-configuration")
        .await
        .json();
    assert_eq!(
        openid["id_token_signing_alg_values_supported"],
        json!(["ES256"])
    );
    assert_eq!(openid["subject_types_supported"], json!(["public"]));
    assert_eq!(openid["response_types_supported"], json!([]));
}

#[tokio::test]
async fn health_asks_nothing_of_the_store() {
    let app = TestApp::start().await;
    let answer = app.anonymous().get("/api/v1/health").await;
    answer.assert(200);
    assert_eq!(answer.json()["status"], "ok");
    assert!(answer.json()["version"].is_string());
    assert_eq!(app.proxy.take_calls(), Vec::<String>::new());
}

#[tokio::test]
async fn a_page_about_an_error_fits_a_phone() {
    let app = TestApp::start().await;
    let page = app
        .anonymous()
        .get("/errors/validation_failed")
        .await
        .text();
    assert!(
        page.contains("name=\"viewport\" content=\"width=device-width"),
        "{page}"
    );
    // Long words are broken, and code scrolls in a separate box.
    assert!(page.contains("overflow-wrap: anywhere"), "{page}");
    assert!(
        !page.contains("<pre") || page.contains("pre { overflow-x: auto"),
        "{page}"
    );
}

/// The pages that links of emails open.
const PAGES: [&str; 4] = [
    "/verify-email",
    "/reset-password",
    "/secure-account",
    "/accept-invitation",
];

#[tokio::test]
async fn a_second_link_opened_in_the_same_tab_is_read() {
    let app = TestApp::start().await;
    for path in PAGES {
        let page = app.anonymous().get(path).await.text();
        assert!(
            page.contains("addEventListener(\"hashchange\", () => location.reload())"),
            "{page}"
        );
    }
}

#[tokio::test]
async fn the_pages_say_what_is_wrong_in_words_of_their_own() {
    let app = TestApp::start().await;
    for path in PAGES {
        let page = app.anonymous().get(path).await.text();
        // A problem's `detail` is written for developers.
        assert!(!page.contains("said.detail"), "{page}");
        assert!(page.contains("data-expired=\""), "{page}");
        for code in ["rate_limited", "service_unavailable", "request_id"] {
            assert!(page.contains(code), "{code}: {page}");
        }
    }
}

#[tokio::test]
async fn the_pages_run_one_script_and_do_nothing_when_opened() {
    let app = TestApp::start().await;
    for path in PAGES {
        let answer = app.anonymous().get(path).await;
        answer.assert(200);
        let policy = answer
            .header("content-security-policy")
            .expect("a policy")
            .to_owned();
        assert!(
            policy.starts_with("default-src 'none'; script-src 'sha256-")
                && policy.contains("frame-ancestors 'none'"),
            "{policy}"
        );
        assert!(!policy.contains("unsafe"));
        let script = answer
            .text()
            .split("<script>")
            .nth(1)
            .and_then(|rest| rest.split("</script>").next())
            .expect("a script")
            .to_owned();
        let hash = STANDARD.encode(shared::ground::digest::sha256(script.as_bytes()));
        assert!(policy.contains(&format!("'sha256-{hash}'")), "{policy}");
        app.anonymous()
            .request(Method::HEAD, path, None)
            .await
            .assert(200);
        assert_eq!(app.proxy.take_calls(), Vec::<String>::new());
    }
}
