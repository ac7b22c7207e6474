//! `/docs`: the description of the interface as pages that send requests, by Swagger UI.
//!
//! The viewer is a dependency and lies in the program: a browser that opens it calls this machine and nobody else. Its
//! policy lets it run its own scripts and call its own origin. Inline styles are allowed, since the viewer writes them.

use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use utoipa_swagger_ui::{Config, serve};

/// What the viewer shows: the stored document. The served one names the issuer as its server, and a page that was opened
/// under another name of this machine could not send requests there.
const DESCRIPTION: &str = "/docs/openapi.json";

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Serves `GET /docs/` and the files that the page names.
pub fn router() -> Router {
    // The default validator is somebody else's service.
    let config = Arc::new(
        Config::from(DESCRIPTION)
            .validator_url("none")
            .display_request_duration(true),
    );
    let page = Arc::clone(&config);
    Router::new()
        .route("/docs", get(|| async { Redirect::permanent("/docs/") }))
        .route("/docs/", get(move || async { file("", page) }))
        .route(
            DESCRIPTION,
            get(|| async {
                (
                    [(header::CONTENT_TYPE, "application/json")],
                    service_static::openapi::DOCUMENT,
                )
            }),
        )
        .route(
            "/docs/{file}",
            get(move |Path(name): Path<String>| async move { file(&name, config) }),
        )
}

fn file(name: &str, config: Arc<Config<'static>>) -> Response {
    let found = match serve(name, config) {
        Ok(Some(found)) => found,
        Ok(None) => return StatusCode::NOT_FOUND.into_response(),
        Err(_) => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    };
    let mut answer = found.bytes.into_response();
    guard(answer.headers_mut(), &found.content_type);
    answer
}

fn guard(headers: &mut HeaderMap, content_type: &str) {
    let content_type = HeaderValue::from_str(content_type);
    headers.insert(
        header::CONTENT_TYPE,
        content_type.unwrap_or(HeaderValue::from_static("application/octet-stream")),
    );
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(POLICY),
    );
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::Request;
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;

    use super::*;

    async fn get(path: &str) -> (StatusCode, HeaderMap, String) {
        let answer = router()
            .oneshot(Request::get(path).body(Body::empty()).unwrap())
            .await
            .unwrap();
        let (parts, body) = answer.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (
            parts.status,
            parts.headers,
            String::from_utf8_lossy(&body).into_owned(),
        )
    }

    /// The values of an attribute in a page.
    fn values(page: &str, attribute: &str) -> Vec<String> {
        let opening = format!("{attribute}=\"");
        let quoted = page.split(&opening).skip(1);
        quoted
            .filter_map(|rest| rest.split_once('"'))
            .map(|(value, _)| value.to_owned())
            .collect()
    }

    #[tokio::test]
    async fn everything_that_the_page_names_comes_from_here() {
        let (status, headers, page) = get("/docs/").await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(headers[header::CONTENT_TYPE], "text/html");
        let named = [values(&page, "src"), values(&page, "href")].concat();
        assert!(named.len() > 4, "{named:?}");
        for name in named {
            let (status, headers, _) =
                get(&format!("/docs/{}", name.trim_start_matches("./"))).await;
            assert_eq!(status, StatusCode::OK, "{name}");
            assert_eq!(headers[header::CONTENT_SECURITY_POLICY], POLICY);
        }
    }

    #[tokio::test]
    async fn the_viewer_shows_the_description_of_this_service_and_asks_no_validator() {
        let (_, headers, script) = get("/docs/swagger-initializer.js").await;
        assert_eq!(headers[header::CONTENT_TYPE], "text/javascript");
        assert!(
            script.contains("\"/docs/openapi.json\"")
                && script.contains("\"validatorUrl\": \"none\""),
            "{script}"
        );
        assert!(!script.contains("://"), "{script}");
    }

    #[tokio::test]
    async fn the_viewer_sends_requests_to_the_address_that_it_was_opened_at() {
        let (status, _, document) = get("/docs/openapi.json").await;
        assert_eq!(status, StatusCode::OK);
        assert!(document.starts_with('{') && !document.contains("\"servers\""));
    }

    #[tokio::test]
    async fn the_page_works_without_inline_scripts_which_its_policy_forbids() {
        let (_, _, page) = get("/docs/").await;
        let scripts: Vec<_> = page.split("<script").skip(1).collect();
        assert!(
            !scripts.is_empty() && scripts.iter().all(|script| script.starts_with(" src=")),
            "{page}"
        );
    }

    #[tokio::test]
    async fn without_a_slash_the_page_would_look_for_its_files_elsewhere() {
        let (status, headers, _) = get("/docs").await;
        assert_eq!(status, StatusCode::PERMANENT_REDIRECT);
        assert_eq!(headers[header::LOCATION], "/docs/");
    }

    #[tokio::test]
    async fn a_file_that_the_viewer_does_not_have_is_not_found() {
        assert_eq!(get("/docs/nothing.js").await.0, StatusCode::NOT_FOUND);
        assert_eq!(get("/docs/..%2fCargo.toml").await.0, StatusCode::NOT_FOUND);
    }
}
