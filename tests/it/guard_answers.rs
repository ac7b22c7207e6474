//! Every answer of every route keeps the contract's promises: its headers, well-formed problem documents that repeat
//! nothing, and no request that breaks anything.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeSet;

use bundle_tests::{Answer, TestApp, described};
use http::Method;
use serde_json::json;
use shared::http::problem::Code;
use shared::routes::{self, Route};
use uuid::Uuid;

use crate::guard_requests::{Granted, assert_unchanged, granted, showing, state, unlimited};

/// What no answer may repeat.
const MARK: &str = "m4rk3d";
/// The longest body that the contract allows, in bytes.
pub const BODY_LIMIT: usize = 16_384;
/// A request id of the client's own.
const OWN_ID: &str = "11111111-2222-4333-8444-555555555555";

/// The routes that take a body.
pub fn routes_with_body() -> impl Iterator<Item = &'static Route> {
    routes::ALL
        .into_iter()
        .filter(|route| route.method == Method::POST || route.method == Method::PATCH)
}

/// The routes that take none.
pub fn routes_without_body() -> impl Iterator<Item = &'static Route> {
    let takes_body = |route: &Route| {
        described(&[
            "paths",
            route.path,
            &route.method.as_str().to_ascii_lowercase(),
            "requestBody",
        ])
        .is_some()
    };
    routes::ALL
        .into_iter()
        .filter(move |route| !takes_body(route))
}

/// Fails unless the answer has the headers of every answer, and is a proper problem if it is one.
#[track_caller]
pub fn assert_proper(what: &str, path: &str, answer: &Answer) {
    let header = |name: &str| {
        assert!(
            answer.headers.get_all(name).iter().count() <= 1,
            "{what}: {name} stands twice"
        );
        answer.header(name).unwrap_or_default()
    };
    let id = header("x-request-id");
    assert!(
        Uuid::parse_str(id).is_ok_and(|uuid| uuid.get_version_num() == 7) && id != OWN_ID,
        "{what}: X-Request-Id is {id:?}"
    );
    for (name, value) in [
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
    ] {
        assert_eq!(header(name), value, "{what}: {name}");
    }
    assert!(
        header("strict-transport-security").starts_with("max-age="),
        "{what}: Strict-Transport-Security"
    );
    let policy = header("content-security-policy");
    assert!(
        policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
        "{what}: Content-Security-Policy is {policy:?}"
    );
    assert!(
        answer.header("server").is_none() && answer.header("x-powered-by").is_none(),
        "{what}: names its maker"
    );
    assert!(
        answer.status.as_u16() < 500,
        "{what}: {} {}",
        answer.status,
        answer.text()
    );
    if answer.status.is_client_error() {
        assert_problem(what, path, answer);
    }
}

/// Fails unless the answer is a well-formed problem document (RFC 9457) about `path`.
#[track_caller]
pub fn assert_problem(what: &str, path: &str, answer: &Answer) {
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json"),
        "{what}: {}",
        answer.text()
    );
    let problem = answer.json();
    let members: BTreeSet<_> = problem
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect();
    let mut expected = BTreeSet::from([
        "type",
        "title",
        "status",
        "detail",
        "instance",
        "code",
        "request_id",
    ]);
    if problem["code"] == "validation_failed" {
        expected.insert("errors");
    }
    assert_eq!(members, expected, "{what}");
    let code = problem["code"].as_str().expect("a code");
    let known = Code::ALL
        .into_iter()
        .find(|known| known.name() == code)
        .unwrap_or_else(|| panic!("{what}: the code {code}"));
    assert_eq!(problem["type"], format!("/errors/{code}"), "{what}");
    assert_eq!(problem["status"], answer.status.as_u16(), "{what}");
    assert_eq!(answer.status, known.status(), "{what}");
    assert_eq!(
        problem["instance"],
        path.split('?').next().unwrap_or_default(),
        "{what}"
    );
    assert_eq!(
        problem["request_id"].as_str(),
        answer.header("x-request-id"),
        "{what}"
    );
    for text in ["title", "detail"] {
        assert!(
            problem[text].as_str().is_some_and(|text| !text.is_empty()),
            "{what}: {text}"
        );
    }
    for error in problem["errors"].as_array().into_iter().flatten() {
        let members: BTreeSet<_> = error
            .as_object()
            .expect("an object")
            .keys()
            .map(String::as_str)
            .collect();
        assert_eq!(
            members,
            BTreeSet::from(["pointer", "code", "detail"]),
            "{what}"
        );
        let pointer = error["pointer"].as_str().expect("a pointer");
        assert!(
            pointer.is_empty() || pointer.starts_with('/'),
            "{what}: {pointer}"
        );
    }
    let challenge = answer.header("www-authenticate");
    let is_a_scope =
        challenge == Some("Bearer error=\"insufficient_scope\"") && code == "forbidden";
    assert_eq!(
        challenge.is_some(),
        is_about_the_access_token(code) || is_a_scope,
        "{what}"
    );
}

fn is_about_the_access_token(code: &str) -> bool {
    let codes = [
        "missing_token",
        "invalid_token",
        "token_expired",
        "session_revoked",
        "token_version_too_old",
        "reauthentication_required",
    ];
    codes.contains(&code)
}

/// Fails if an answer, its `instance` aside, holds the mark.
#[track_caller]
fn assert_repeats_nothing(what: &str, answer: &Answer) {
    let mut document = answer.json();
    let body = match document.as_object_mut() {
        Some(members) => {
            members.remove("instance");
            document.to_string()
        }
        None => answer.text(),
    };
    assert!(!body.contains(MARK), "{what}: {body}");
    let headers = format!("{:?}", answer.headers);
    assert!(!headers.contains(MARK), "{what}: {headers}");
}

/// A path of a route without a client's values in it.
fn sample_path(route: &Route) -> String {
    route
        .path
        .replace("{id}", "00000000-0000-4000-8000-000000000000")
        .replace("{code}", "not_found")
}

/// The granted request, sent with a request id of the client's own.
fn with_own_id(request: Granted<'_>) -> Granted<'_> {
    Granted {
        actor: request.actor.clone().header("x-request-id", OWN_ID),
        ..request
    }
}

#[tokio::test]
async fn granted_requests_are_answered_properly() {
    let app = unlimited().await;
    let mut ids = BTreeSet::new();
    for route in routes::ALL {
        let request = with_own_id(granted(&app, route, "a").await);
        let answer = request.send().await;
        assert!(
            answer.status.is_success(),
            "{}: {}",
            route.function,
            answer.text()
        );
        assert_proper(route.function, &request.path, &answer);
        let kind = answer.header("content-type").unwrap_or_default();
        assert!(
            kind == "application/json" || kind == "text/html; charset=utf-8",
            "{}: {kind}",
            route.function
        );
        assert!(
            ids.insert(answer.header("x-request-id").map(str::to_owned)),
            "{}: a request id came twice",
            route.function
        );
    }
}

#[tokio::test]
async fn refused_requests_are_answered_properly() {
    let app = unlimited().await;
    for path in [
        "/",
        "//",
        "/api",
        "/api/v1",
        "/api/v1/auth/nowhere",
        "/api/v1/auth/me/",
        "/api/v1/auth/login/x",
        "/API/V1/HEALTH",
        "/%00",
        "/%ff",
        "/..%2f..",
        "/x?y=1",
    ] {
        for method in [
            Method::GET,
            Method::HEAD,
            Method::POST,
            Method::OPTIONS,
            Method::DELETE,
        ] {
            let answer = app
                .anonymous()
                .header("x-request-id", OWN_ID)
                .raw(method.clone(), path, None, "".into())
                .await;
            assert_eq!(answer.status, 404, "{method} {path}");
            if method != Method::HEAD {
                assert_proper(&format!("{method} {path}"), path, &answer);
            }
        }
    }
    let long = format!("/{}", "x".repeat(7_000));
    assert_proper("a long path", &long, &app.anonymous().get(&long).await);
    for route in routes_with_body() {
        let request = with_own_id(granted(&app, route, "a").await);
        for (what, kind, body, status) in [
            (
                "too long",
                "application/json",
                vec![b' '; BODY_LIMIT + 1],
                413,
            ),
            ("a text", "text/plain", b"{}".to_vec(), 415),
            ("cut", "application/json", b"{".to_vec(), 400),
        ] {
            let answer = request.send_typed(Some(kind), body).await;
            let what = format!("{} {what}", route.function);
            assert_eq!(answer.status, status, "{what}: {}", answer.text());
            assert_proper(&what, &request.path, &answer);
        }
    }
}

#[tokio::test]
async fn no_answer_repeats_what_was_sent() {
    let app = unlimited().await;
    for route in routes::ALL {
        let request = granted(&app, route, "a").await;
        let marked = request
            .actor
            .clone()
            .header("user-agent", MARK)
            .header("x-request-id", MARK)
            .header("accept-language", MARK)
            .header("x-forwarded-for", MARK)
            .header("origin", &format!("https://{MARK}.example"))
            .header("cookie", MARK)
            .header("traceparent", MARK);
        for (what, actor) in [
            ("its token", marked.clone()),
            ("a marked token", showing(&marked, Some(MARK))),
            ("none", showing(&marked, None)),
        ] {
            for member in request.members() {
                for value in [
                    json!(format!("{MARK} {MARK}")),
                    json!(format!("{MARK}@{MARK}")),
                    json!({ MARK: MARK }),
                    json!([MARK]),
                ] {
                    let mut body = request.body.clone().expect("a body");
                    body[&member] = value;
                    body[format!("x {MARK}")] = json!(MARK);
                    let answer = Granted {
                        body: Some(body),
                        ..request.clone()
                    }
                    .send_as(&actor)
                    .await;
                    assert!(answer.status.is_client_error(), "{}", answer.text());
                    assert_repeats_nothing(
                        &format!("{} with marked {member} and {what}", route.function),
                        &answer,
                    );
                }
            }
            let query = format!(
                "{}?{MARK}={MARK}&token={MARK}",
                request.path.replace(|c: char| c.is_ascii_digit(), "0")
            );
            for method in [
                route.method.clone(),
                Method::TRACE,
                Method::PUT,
                Method::OPTIONS,
            ] {
                let answer = actor
                    .raw(method.clone(), &query, Some(MARK), MARK.into())
                    .await;
                assert_repeats_nothing(&format!("{method} {query} with {what}"), &answer);
            }
        }
    }
    let ada = app.logged_in("ada@example.com").await;
    for path in [
        format!("/{MARK}"),
        format!("/api/v1/auth/sessions/{MARK}"),
        format!("/verify-email/{MARK}"),
    ] {
        for method in [Method::GET, Method::DELETE, Method::POST] {
            assert_repeats_nothing(&path, &ada.request(method, &path, None).await);
        }
    }
}

#[tokio::test]
async fn head_is_get_without_its_body() {
    let app = unlimited().await;
    for route in routes::ALL
        .into_iter()
        .filter(|route| route.method == Method::GET)
    {
        let request = granted(&app, route, "a").await;
        for actor in [request.actor.clone(), showing(&request.actor, None)] {
            let [get, head] = [Method::GET, Method::HEAD]
                .map(|method| actor.request(method, &request.path, None));
            let (mut get, mut head) = (get.await, head.await);
            assert_eq!(head.status, get.status, "{}", route.function);
            assert!(
                head.body.is_empty() && !get.body.is_empty(),
                "{}: {}",
                route.function,
                head.text()
            );
            for answer in [&mut get, &mut head] {
                answer.headers.remove("x-request-id");
            }
            // The length may be told for HEAD (RFC 9110 section 9.3.2); then it is that of GET.
            let told = head.headers.remove("content-length");
            let length = get.headers.remove("content-length");
            assert!(
                told.is_none()
                    || told == length
                    || told
                        .as_ref()
                        .is_some_and(|told| *told == *get.body.len().to_string()),
                "{}: {told:?} {length:?} {}",
                route.function,
                get.body.len()
            );
            assert_eq!(head.headers, get.headers, "{}", route.function);
        }
    }
}

#[tokio::test]
async fn methods_that_a_path_does_not_have_are_named_as_such() {
    let app = unlimited().await;
    let ada = app.logged_in("ada@example.com").await;
    let before = state(&app).await;
    let paths: BTreeSet<_> = routes::ALL.iter().map(|route| sample_path(route)).collect();
    for path in paths {
        let allowed = routes::allowed_methods(&path);
        let expected: BTreeSet<_> = allowed
            .iter()
            .map(Method::as_str)
            .chain(["OPTIONS"])
            .collect();
        let own = |text: &str| Method::from_bytes(text.as_bytes()).expect("a method");
        let others = [
            Method::GET,
            Method::HEAD,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
            Method::TRACE,
            own("PROPFIND"),
            own("BREW"),
            own("get"),
        ];
        for method in others
            .into_iter()
            .filter(|method| !allowed.contains(method))
        {
            let what = format!("{method} {path}");
            let answer = ada
                .raw(method.clone(), &path, Some("application/json"), "{}".into())
                .await;
            assert_eq!(answer.status, 405, "{what}: {}", answer.text());
            if method != Method::HEAD {
                assert_proper(&what, &path, &answer);
            }
            let allow: BTreeSet<_> = answer
                .header("allow")
                .unwrap_or_default()
                .split(", ")
                .collect();
            assert_eq!(allow, expected, "{what}");
        }
        let options = app
            .anonymous()
            .raw(Method::OPTIONS, &path, None, "".into())
            .await;
        assert_eq!(
            (options.status.as_u16(), options.body.len()),
            (204, 0),
            "OPTIONS {path}"
        );
        assert_proper(&format!("OPTIONS {path}"), &path, &options);
        assert_eq!(
            options
                .header("allow")
                .unwrap_or_default()
                .split(", ")
                .collect::<BTreeSet<_>>(),
            expected,
            "OPTIONS {path}"
        );
    }
    assert_unchanged(&app, &before, "other methods").await;
}

#[tokio::test]
async fn a_session_that_is_named_strangely_is_not_found() {
    let app = TestApp::start().await;
    let ada = app.logged_in("ada@example.com").await;
    for id in [
        "x",
        "%00",
        "%ff",
        "%C0%80",
        "%2e%2e",
        "..",
        "%F0%9F%A6%80",
        "0",
        "all%20",
        "%",
        "%zz",
        "00000000000040008000000000000000",
        "{00000000-0000-4000-8000-000000000000}",
        &"a".repeat(5_000),
    ] {
        let path = format!("/api/v1/auth/sessions/{id}");
        let Ok(uri) = path.parse::<http::Uri>() else {
            continue;
        };
        let answer = ada.delete(&path).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (404, "not_found"),
            "{path}: {}",
            answer.text()
        );
        assert_proper(&path, uri.path(), &answer);
    }
    ada.me().await.assert(200);
}
