//! Events in every form that API Gateway gives them, through Lambda's own reader and the whole service.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bundle_tests::{Answer, PASSWORD, TestApp};
use lambda_http::request::LambdaRequest;
use serde_json::{Value, json};
use shared::runtime::lambda::{into_axum, into_axum_below, into_request};

const LOGIN: &str = "/api/v1/auth/login";
const EMAIL: &str = "ada@example.com";
/// The versions of the payload.
const VERSIONS: [u8; 2] = [1, 2];

/// A login as the gateway hands it over, in both versions.
fn event(version: u8, body: &Value) -> Value {
    if version == 1 {
        json!({
            "resource": LOGIN, "path": LOGIN, "httpMethod": "POST",
            "headers": { "content-type": "application/json" },
            "multiValueHeaders": { "content-type": ["application/json"] },
            "queryStringParameters": null, "multiValueQueryStringParameters": null,
            "pathParameters": null, "stageVariables": null,
            "requestContext": {
                "accountId": "1", "apiId": "a", "httpMethod": "POST", "path": format!("/prod{LOGIN}"), "stage": "prod",
                "requestId": "r", "requestTimeEpoch": 0, "resourceId": "x", "resourcePath": LOGIN,
                "identity": { "sourceIp": "203.0.113.7" },
            },
            "body": body, "isBase64Encoded": false,
        })
    } else {
        json!({
            "version": "2.0", "routeKey": "$default", "rawPath": LOGIN, "rawQueryString": "",
            "headers": { "content-type": "application/json" },
            "requestContext": {
                "accountId": "1", "apiId": "a", "stage": "$default", "requestId": "r", "routeKey": "$default", "timeEpoch": 0,
                "http": { "method": "POST", "path": LOGIN, "protocol": "HTTP/1.1", "sourceIp": "203.0.113.7" },
            },
            "body": body, "isBase64Encoded": false,
        })
    }
}

fn body() -> Value {
    json!(json!({ "email": EMAIL, "password": PASSWORD }).to_string())
}

/// What the service answers to an event.
async fn send(app: &TestApp, event: Value) -> Answer {
    let event: LambdaRequest =
        serde_json::from_value(event).expect("an event that Lambda's reader knows");
    app.send(into_axum(into_request(event))).await
}

async fn known() -> TestApp {
    let app = TestApp::with(&[("RATE_LIMIT_SCALE", "1000")]).await;
    app.verified(EMAIL).await;
    app
}

#[tokio::test]
async fn a_body_in_base64_is_decoded_and_what_is_no_base64_is_malformed() {
    // HT-05
    let app = known().await;
    let plain = body();
    let plain = plain.as_str().expect("a text");
    for version in VERSIONS {
        let encoded = |text: Value| {
            let mut event = event(version, &text);
            event["isBase64Encoded"] = json!(true);
            event
        };
        send(&app, encoded(json!(STANDARD.encode(plain))))
            .await
            .assert(200);
        for wrong in ["%%%", "abc", "ab=c", "YWJj\n", "w", plain, "\u{e9}"] {
            send(&app, encoded(json!(wrong)))
                .await
                .assert_problem(400, "malformed_json");
        }
        let not_text = STANDARD.encode([b'{', 0xff, 0xfe, b'}']);
        send(&app, encoded(json!(not_text)))
            .await
            .assert_problem(400, "malformed_json");
        send(&app, encoded(Value::Null))
            .await
            .assert_problem(400, "malformed_json");
    }
}

#[tokio::test]
async fn a_body_of_six_and_of_ten_megabytes_is_too_large_and_nothing_worse() {
    // HT-06: what Lambda and the gateway take at most
    let app = known().await;
    app.proxy.take_calls();
    for version in VERSIONS {
        for size in [16_385, 6 * 1024 * 1024, 10 * 1024 * 1024] {
            let long = "x".repeat(size);
            send(&app, event(version, &json!(long)))
                .await
                .assert_problem(413, "payload_too_large");
            let mut encoded = event(version, &json!(STANDARD.encode(&long)));
            encoded["isBase64Encoded"] = json!(true);
            send(&app, encoded)
                .await
                .assert_problem(413, "payload_too_large");
        }
    }
    assert!(
        app.proxy.take_calls().is_empty(),
        "a body that is too long reaches a table"
    );
}

#[tokio::test]
async fn header_names_are_read_in_any_case_and_from_either_map() {
    // HT-07
    let app = known().await;
    for version in VERSIONS {
        for name in [
            "content-type",
            "Content-Type",
            "CONTENT-TYPE",
            "cOnTeNt-TyPe",
        ] {
            let mut one = event(version, &body());
            one["headers"] = json!({ name: "application/json; charset=utf-8" });
            if version == 1 {
                one["multiValueHeaders"] = json!({ name: ["application/json; charset=utf-8"] });
            }
            send(&app, one).await.assert(200);
        }
    }
    let mut many = event(1, &body());
    many["headers"] = Value::Null;
    send(&app, many).await.assert(200);
    let mut one = event(1, &body());
    one["multiValueHeaders"] = Value::Null;
    send(&app, one).await.assert(200);
}

#[tokio::test]
async fn missing_headers_bodies_and_parameters_are_no_fault_of_the_service() {
    // HT-07
    let app = known().await;
    for version in VERSIONS {
        let mut headless = event(version, &body());
        headless["headers"] = Value::Null;
        headless["multiValueHeaders"] = Value::Null;
        if version == 2 {
            // The reader of version 2 knows no null here; a gateway sends an empty object.
            headless["headers"] = json!({});
        }
        send(&app, headless)
            .await
            .assert_problem(415, "unsupported_media_type");
        send(&app, event(version, &Value::Null))
            .await
            .assert_problem(400, "malformed_json");
        send(&app, event(version, &json!("")))
            .await
            .assert_problem(400, "malformed_json");
        let mut without = event(version, &body());
        without.as_object_mut().expect("an object").remove("body");
        send(&app, without)
            .await
            .assert_problem(400, "malformed_json");
    }
}

#[tokio::test]
async fn cookies_neither_sign_in_nor_disturb() {
    // HT-07
    let app = known().await;
    let token = app
        .anonymous()
        .log_in(EMAIL, PASSWORD)
        .await
        .access
        .expect("a token");
    for version in VERSIONS {
        let mut event = event(version, &body());
        let cookie = format!("access_token={token}");
        if version == 1 {
            event["multiValueHeaders"]["cookie"] = json!([cookie, "a=b"]);
        } else {
            event["cookies"] = json!([cookie, "a=b"]);
        }
        send(&app, event.clone()).await.assert(200);
        let me = "/api/v1/auth/me";
        if version == 1 {
            event["httpMethod"] = json!("GET");
            event["path"] = json!(me);
            event["requestContext"]["httpMethod"] = json!("GET");
        } else {
            event["rawPath"] = json!(me);
            event["requestContext"]["http"]["method"] = json!("GET");
            event["requestContext"]["http"]["path"] = json!(me);
        }
        send(&app, event).await.assert_problem(401, "missing_token");
    }
}

#[tokio::test]
async fn two_access_tokens_in_one_event_are_none() {
    // HT-07: which of the two maps is read must not decide who somebody is
    let app = known().await;
    let token = app
        .anonymous()
        .log_in(EMAIL, PASSWORD)
        .await
        .access
        .expect("a token");
    let mut event = event(1, &Value::Null);
    event["httpMethod"] = json!("GET");
    event["path"] = json!("/api/v1/auth/me");
    event["headers"] = json!({ "authorization": format!("Bearer {token}") });
    event["multiValueHeaders"] =
        json!({ "authorization": ["Bearer a.b.c", format!("Bearer {token}")] });
    send(&app, event).await.assert_problem(401, "invalid_token");
}

#[tokio::test]
async fn the_length_of_an_answer_is_left_to_the_gateway() {
    let app = known().await;
    let event: LambdaRequest = serde_json::from_value(event(1, &body())).expect("an event");
    let answer = shared::runtime::lambda::answer(app.router.clone(), into_request(event))
        .await
        .expect("infallible");
    assert_eq!(answer.status(), 200);
    assert_eq!(
        answer.headers().get("content-length"),
        None,
        "a REST API renames it"
    );
}

#[tokio::test]
async fn two_headers_that_a_gateway_has_joined_are_still_two() {
    let app = known().await;
    let token = app
        .anonymous()
        .log_in(EMAIL, PASSWORD)
        .await
        .access
        .expect("a token");
    let mut get = event(2, &Value::Null);
    get["rawPath"] = json!("/api/v1/auth/me");
    get["requestContext"]["http"]["method"] = json!("GET");
    for joined in [
        format!("Basic YTpi, Bearer {token}"),
        format!("Bearer {token},Bearer {token}"),
    ] {
        get["headers"] = json!({ "authorization": joined });
        send(&app, get.clone())
            .await
            .assert_problem(401, "invalid_token");
    }
    let mut login = event(2, &body());
    login["headers"] = json!({ "content-type": "application/json; charset=utf-8,text/plain" });
    send(&app, login)
        .await
        .assert_problem(415, "unsupported_media_type");
}

#[tokio::test]
async fn the_clients_address_is_the_contexts_in_both_versions() {
    // HT-07, RL-05
    let app = known().await;
    let before = app.db_scan("audit").await.len();
    for version in VERSIONS {
        let mut event = event(version, &body());
        event["headers"]["x-forwarded-for"] = json!("10.9.8.7");
        if version == 1 {
            event["multiValueHeaders"]["x-forwarded-for"] = json!(["10.9.8.7"]);
        }
        send(&app, event).await.assert(200);
    }
    assert_eq!(app.db_scan("audit").await.len(), before + 2);
    let everything = app.db_everything().await;
    assert!(everything.contains("203.0.113.7") && !everything.contains("10.9.8.7"));
}

#[tokio::test]
async fn a_stage_and_a_mapping_before_the_path_are_taken_away_and_nothing_else_is() {
    let app = known().await;
    let below = |version: u8, prefix: &str, route: &str, stage: &str| {
        let mut event = event(version, &body());
        event["requestContext"]["stage"] = json!(stage);
        event[if version == 1 { "path" } else { "rawPath" }] = json!(format!("{prefix}{LOGIN}"));
        if version == 1 {
            event["requestContext"]["resourcePath"] = json!(route);
        } else {
            event["requestContext"]["routeKey"] = json!(route);
        }
        event
    };
    let send = async |event: Value, base_path: &str| {
        let event: LambdaRequest =
            serde_json::from_value(event).expect("an event that Lambda's reader knows");
        app.send(into_axum_below(into_request(event), base_path))
            .await
    };
    send(below(2, "/dev", "$default", "dev"), "")
        .await
        .assert(200);
    send(below(2, "/dev", &format!("POST {LOGIN}"), "dev"), "")
        .await
        .assert(200);
    send(below(2, "/id", &format!("POST {LOGIN}"), "$default"), "")
        .await
        .assert(200);
    send(below(2, "/id", "$default", "$default"), "/id")
        .await
        .assert(200);
    send(below(1, "/id", LOGIN, "prod"), "").await.assert(200);
    send(below(1, "/id", "/{proxy+}", "prod"), "/id")
        .await
        .assert(200);
    for (version, route) in [(1, "/{proxy+}"), (2, "$default")] {
        send(below(version, "/elsewhere", route, "dev"), "/id")
            .await
            .assert_problem(404, "not_found");
    }
}
