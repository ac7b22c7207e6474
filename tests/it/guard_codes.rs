//! Every code of the table is one that a client can meet: each is provoked through the whole service, looks as the table
//! says, and has its page. The compiler refuses a code without a case.
#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fmt::Write as _;

use aws_sdk_dynamodb::types::AttributeValue;
use bundle_tests::{Answer, Fault, PASSWORD, TestApp};
use dashtam_local::cloudformation;
use http::Method;
use serde_json::{Value, json};
use shared::http::problem::{Code, Problem};

use crate::guard_answers::assert_problem;
use crate::guard_project::{path, read};

const EMAIL: &str = "ada@example.com";
const WRONG: &str = "Wrong-Horse-7-Battery";
const ME: &str = "/api/v1/auth/me";
const LOGIN: &str = "/api/v1/auth/login";
const CHANGE: &str = "/api/v1/auth/change-password";
/// What the store, the runtime and the language say when they fail.
const INTERNALS: [&str; 10] = [
    "dynamodb",
    "Dynamo",
    "dashtam-local-",
    "aws",
    "panic",
    ".rs",
    "Exception",
    "injected",
    "127.0.0.1",
    "Error(",
];

/// Provokes `code`: the path that was asked, and the answer.
#[expect(clippy::too_many_lines, reason = "a table")]
async fn provoke(app: &TestApp, code: Code) -> (&'static str, Answer) {
    let anonymous = app.anonymous();
    match code {
        Code::MalformedJson => (
            LOGIN,
            anonymous
                .raw(Method::POST, LOGIN, Some("application/json"), "{".into())
                .await,
        ),
        Code::InvalidOrExpiredToken => {
            let path = "/api/v1/auth/verify-email";
            (
                path,
                anonymous.post(path, &json!({ "token": "dvt_none" })).await,
            )
        }
        Code::MissingToken => (ME, anonymous.me().await),
        Code::InvalidToken => (ME, anonymous.bearer("a.b.c").me().await),
        Code::TokenExpired => {
            let ada = app.logged_in(EMAIL).await;
            app.advance(1_800);
            (ME, ada.me().await)
        }
        Code::SessionRevoked => {
            let ada = app.logged_in(EMAIL).await;
            ada.post("/api/v1/auth/logout", &json!({}))
                .await
                .assert(200);
            (ME, ada.me().await)
        }
        Code::TokenVersionTooOld => {
            let ada = app.logged_in(EMAIL).await;
            ada.delete("/api/v1/auth/sessions/all").await.assert(200);
            (ME, ada.me().await)
        }
        Code::ReauthenticationRequired => {
            let ada = app.logged_in(EMAIL).await;
            app.advance(901);
            let body =
                json!({ "current_password": PASSWORD, "new_password": "Brave-Otter-9-Lantern" });
            (CHANGE, ada.post(CHANGE, &body).await)
        }
        Code::InvalidCredentials => (
            LOGIN,
            anonymous.try_log_in("nobody@example.com", WRONG).await,
        ),
        Code::InvalidRefreshToken => (
            "/api/v1/auth/refresh",
            anonymous.try_refresh("dtr_none").await,
        ),
        Code::EmailNotVerified => {
            app.registered(EMAIL).await;
            (LOGIN, anonymous.try_log_in(EMAIL, PASSWORD).await)
        }
        Code::AccountDisabled => {
            app.verified(EMAIL).await;
            let user = app.db_user(EMAIL).await;
            app.db_set(
                "users",
                &user,
                "status",
                AttributeValue::S("disabled".to_owned()),
            )
            .await;
            (LOGIN, anonymous.try_log_in(EMAIL, PASSWORD).await)
        }
        Code::Forbidden => {
            let path = "/api/v1/admin/security-config";
            (path, app.logged_in(EMAIL).await.get(path).await)
        }
        Code::NotFound => ("/api/v1/nowhere", anonymous.get("/api/v1/nowhere").await),
        Code::MethodNotAllowed => (ME, anonymous.request(Method::PUT, ME, None).await),
        Code::Conflict => {
            let admin = app.admin(EMAIL).await;
            let id = admin.me().await.json()["id"]
                .as_str()
                .expect("an id")
                .to_owned();
            let path: &str = format!("/api/v1/admin/users/{id}/disable").leak();
            (
                path,
                admin
                    .post(path, &json!({ "reason": "Asked for by a guard" }))
                    .await,
            )
        }
        Code::PayloadTooLarge => {
            let body = vec![b' '; crate::guard_answers::BODY_LIMIT + 1];
            (
                LOGIN,
                anonymous
                    .raw(Method::POST, LOGIN, Some("application/json"), body.into())
                    .await,
            )
        }
        Code::UnsupportedMediaType => (
            LOGIN,
            anonymous
                .raw(Method::POST, LOGIN, Some("text/plain"), "{}".into())
                .await,
        ),
        Code::ValidationFailed => (LOGIN, anonymous.post(LOGIN, &json!({ "email": 1 })).await),
        Code::AccountLocked => {
            for _ in 0..10 {
                app.anonymous().try_log_in(EMAIL, WRONG).await.assert(401);
            }
            app.advance(3);
            (LOGIN, anonymous.try_log_in(EMAIL, WRONG).await)
        }
        Code::RateLimited => {
            for n in 0..20 {
                anonymous
                    .try_log_in(&format!("nobody{n}@example.com"), WRONG)
                    .await;
            }
            (
                LOGIN,
                anonymous.try_log_in("nobody@example.com", WRONG).await,
            )
        }
        Code::InternalError => {
            let ada = app.logged_in(EMAIL).await;
            let user = app.db_user(EMAIL).await;
            app.db_set(
                "users",
                &user,
                "status",
                AttributeValue::S("m4rk3d".to_owned()),
            )
            .await;
            (ME, ada.me().await)
        }
        Code::ServiceUnavailable => {
            let ada = app.logged_in(EMAIL).await;
            app.proxy.plan("", Fault::Throttled, 1_000);
            (ME, ada.me().await)
        }
    }
}

#[tokio::test]
async fn every_code_is_provoked_and_answered_as_the_table_says() {
    for code in Code::ALL {
        let app = TestApp::start().await;
        let (path, answer) = provoke(&app, code).await;
        let facts = code.facts();
        assert_eq!(answer.code(), facts.name, "{}", answer.text());
        assert_problem(facts.name, path, &answer);
        assert_eq!(answer.json()["title"], facts.title, "{}", facts.name);
        let has_own_detail = matches!(code, Code::Conflict | Code::Forbidden);
        assert!(
            has_own_detail || answer.json()["detail"] == facts.detail,
            "{}",
            answer.text()
        );
        for header in facts.headers {
            let value = answer.header(header.name).unwrap_or_default();
            assert!(!value.is_empty(), "{} lacks {}", facts.name, header.name);
            if header.name == "Retry-After" {
                assert!(
                    value.parse::<u64>().is_ok_and(|wait| wait >= 1),
                    "{}: {value}",
                    facts.name
                );
            }
        }
        let told = |name| facts.headers.iter().any(|header| header.name == name);
        for name in [
            "WWW-Authenticate",
            "Retry-After",
            "Allow",
            "RateLimit",
            "RateLimit-Policy",
        ] {
            assert!(
                answer.header(name).is_none() || told(name),
                "{}: the table does not tell {name}",
                facts.name
            );
        }
        for internal in INTERNALS.into_iter().chain(["m4rk3d", WRONG, PASSWORD]) {
            let shown = format!("{} {:?}", answer.text(), answer.headers);
            assert!(
                !shown.contains(internal),
                "{} shows {internal}: {shown}",
                facts.name
            );
        }
    }
}

#[tokio::test]
async fn the_type_of_every_problem_leads_to_its_page() {
    let app = TestApp::start().await;
    for code in Code::ALL {
        let facts = code.facts();
        let page = app
            .anonymous()
            .get(&format!("/errors/{}", facts.name))
            .await;
        page.assert(200);
        assert_eq!(
            page.header("content-type"),
            Some("text/html; charset=utf-8")
        );
        assert_eq!(page.header("vary"), Some("Accept"));
        let policy = page.header("content-security-policy").unwrap_or_default();
        assert!(
            policy.starts_with("default-src 'none'") && !policy.contains("script-src"),
            "{policy}"
        );
        let html = page.text();
        let heading = format!("<h1>{} {}</h1>", facts.status.as_u16(), facts.title);
        for part in [
            "<!doctype html>",
            "lang=\"en\"",
            &heading,
            "<main>",
            "<pre tabindex=\"0\">",
            facts.name,
        ] {
            assert!(html.contains(part), "{}: no {part}", facts.name);
        }
        assert!(!html.contains("<script"), "{}", facts.name);
        let json = app
            .anonymous()
            .header("accept", "application/json")
            .get(&format!("/errors/{}", facts.name))
            .await;
        json.assert(200);
        let entry = json.json();
        assert_eq!(
            (&entry["code"], &entry["meaning"]),
            (&json!(facts.name), &json!(facts.meaning))
        );
        assert_eq!(entry["problem"]["code"], facts.name);
        let browser = app
            .anonymous()
            .header("accept", "text/html,application/json;q=0.9,*/*;q=0.8");
        let page = browser.get(&format!("/errors/{}", facts.name)).await;
        assert_eq!(
            page.header("content-type"),
            Some("text/html; charset=utf-8")
        );
    }
    for unknown in [
        "nothing",
        "Not_Found",
        "not_found%00",
        "%ff",
        "..%2fhealth",
        "not_found/",
    ] {
        app.anonymous()
            .get(&format!("/errors/{unknown}"))
            .await
            .assert_problem(404, "not_found");
    }
}

/// The kinds of answers that a REST API makes by itself, from the service's own documentation, and what each is here.
const GATEWAY: [(&str, &str, Code); 21] = [
    ("ACCESS_DENIED", "4XX", Code::Forbidden),
    ("API_CONFIGURATION_ERROR", "5XX", Code::ServiceUnavailable),
    (
        "AUTHORIZER_CONFIGURATION_ERROR",
        "5XX",
        Code::ServiceUnavailable,
    ),
    ("AUTHORIZER_FAILURE", "5XX", Code::ServiceUnavailable),
    ("BAD_REQUEST_BODY", "4XX", Code::MalformedJson),
    ("BAD_REQUEST_PARAMETERS", "4XX", Code::NotFound),
    ("DEFAULT_4XX", "4XX", Code::Forbidden),
    ("DEFAULT_5XX", "5XX", Code::ServiceUnavailable),
    ("EXPIRED_TOKEN", "4XX", Code::Forbidden),
    ("INTEGRATION_FAILURE", "5XX", Code::ServiceUnavailable),
    ("INTEGRATION_TIMEOUT", "5XX", Code::ServiceUnavailable),
    ("INVALID_API_KEY", "4XX", Code::Forbidden),
    ("INVALID_SIGNATURE", "4XX", Code::Forbidden),
    ("MISSING_AUTHENTICATION_TOKEN", "4XX", Code::NotFound),
    ("QUOTA_EXCEEDED", "4XX", Code::RateLimited),
    ("REQUEST_TOO_LARGE", "4XX", Code::PayloadTooLarge),
    ("RESOURCE_NOT_FOUND", "4XX", Code::NotFound),
    ("THROTTLED", "4XX", Code::RateLimited),
    ("UNAUTHORIZED", "4XX", Code::Forbidden),
    ("UNSUPPORTED_MEDIA_TYPE", "4XX", Code::UnsupportedMediaType),
    ("WAF_FILTERED", "4XX", Code::Forbidden),
];

/// The one variable of the gateway that a client cannot choose: `requestId` follows a header of theirs.
const ID: &str = "extendedRequestId";

#[tokio::test]
async fn what_the_gateway_answers_by_itself_is_what_the_table_says() {
    let template = cloudformation::parse(&read("template.yaml")).expect("a template");
    let responses = template["Resources"]["Api"]["Properties"]["GatewayResponses"]
        .as_object()
        .expect("responses");
    let unknown: Vec<_> = responses
        .keys()
        .filter(|name| GATEWAY.iter().all(|(known, ..)| known != name))
        .collect();
    assert!(
        unknown.is_empty(),
        "API Gateway has no such answer: {unknown:?}"
    );
    let own = TestApp::start()
        .await
        .anonymous()
        .get("/api/v1/nowhere")
        .await;
    for (kind, class, code) in GATEWAY {
        let response = responses
            .get(kind)
            .unwrap_or_else(|| &responses[&format!("DEFAULT_{class}")]);
        assert_eq!(response["StatusCode"], code.status().as_u16(), "{kind}");
        let body = response["ResponseTemplates"]["application/json"]
            .as_str()
            .expect("a body");
        let document: Value = serde_json::from_str(body).expect("JSON");
        let mut expected: Value =
            serde_json::from_slice(&Problem::new(code).document("", &format!("$context.{ID}")))
                .expect("JSON");
        expected
            .as_object_mut()
            .expect("an object")
            .remove("instance");
        assert_eq!(document, expected, "{kind}");
        let headers = response["ResponseParameters"]["Headers"]
            .as_object()
            .expect("headers");
        // Only where some origin's scripts may read, and then they see how long to wait.
        let (about_origins, headers): (Vec<_>, Vec<_>) = headers
            .iter()
            .partition(|(name, _)| name.starts_with("Access-Control-"));
        let only_with_origins = |(name, value): &(&String, &Value)| {
            let case = value["Fn::If"].as_array().expect("a condition");
            assert_eq!(case[0], "HasCorsOrigins", "{kind}: {name}");
            assert_eq!(case[2]["Ref"], "AWS::NoValue", "{kind}: {name}");
            (
                name.to_lowercase(),
                case[1]
                    .as_str()
                    .expect("a constant")
                    .trim_matches('\'')
                    .to_owned(),
            )
        };
        let about_origins: BTreeMap<_, _> = about_origins.iter().map(only_with_origins).collect();
        assert_eq!(about_origins["access-control-allow-origin"], "*", "{kind}");
        assert!(
            about_origins["access-control-expose-headers"].contains("retry-after"),
            "{kind}"
        );
        assert_eq!(about_origins.len(), 2, "{kind}");
        let mut headers: BTreeMap<_, _> = headers
            .iter()
            .map(|(name, value)| {
                (
                    name.to_lowercase(),
                    value.as_str().unwrap_or_default().trim_matches('\''),
                )
            })
            .collect();
        assert_eq!(
            headers.remove("x-request-id"),
            Some(format!("context.{ID}").as_str()),
            "{kind}"
        );
        let wait = headers
            .remove("retry-after")
            .map(|wait| wait.parse::<u64>().expect("seconds"));
        let must_wait = matches!(code, Code::RateLimited | Code::ServiceUnavailable);
        assert_eq!(wait.is_some_and(|wait| wait >= 1), must_wait, "{kind}");
        for (name, value) in &headers {
            assert_eq!(own.header(name), Some(*value), "{kind}: {name}");
        }
        let all = [
            "cache-control",
            "content-type",
            "referrer-policy",
            "strict-transport-security",
            "x-content-type-options",
        ];
        assert!(headers.keys().eq(all), "{kind}: {headers:?}");
    }
}

/// The page with the table.
const PAGE: &str = "docs/status-codes.md";
const BEGIN: &str = "<!-- Written from the table of codes: UPDATE_DOCS=1 cargo test -p bundle-tests guard_codes -->\n";
const END: &str = "<!-- To here -->\n";

#[test]
fn the_page_of_codes_is_what_the_table_says() {
    let mut table = String::from(
        "| Status | `code` | When | What a client does | Again? | Headers |\n|---|---|---|---|---|---|\n",
    );
    for code in Code::ALL {
        let facts = code.facts();
        let headers: Vec<_> = facts
            .headers
            .iter()
            .map(|header| format!("`{}`: {}", header.name, header.when))
            .collect();
        let _ = writeln!(
            table,
            "| {} | `{}` | {} | {} | {} | {} |",
            facts.status.as_u16(),
            facts.name,
            facts.meaning,
            facts.remedy,
            facts.retry.words(),
            headers.join("; ")
        );
    }
    let page = read(PAGE);
    let (before, rest) = page.split_once(BEGIN).expect("the table's beginning");
    let (_, after) = rest.split_once(END).expect("the table's end");
    let expected = format!("{before}{BEGIN}{table}{END}{after}");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path(PAGE), &expected).expect("the page is written");
    }
    assert!(
        read(PAGE) == expected,
        "{PAGE} is outdated; write it anew: UPDATE_DOCS=1 cargo test -p bundle-tests guard_codes"
    );
}
