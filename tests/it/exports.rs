//! What a collector is told: requests, their calls and what the outbox does, in one trace; and that nothing waits for it.

use std::time::Duration;

use axum::Router;
use bundle_tests::{Collector, Fault, Log, PASSWORD, TestApp};
use dashtam_local::endpoints;
use http::Method;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Inner;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use serde_json::{Value, json};
use shared::runtime::environment::Environment;
use shared::telemetry::LogFormat;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const EMAIL: &str = "a@example.com";
/// Longer than any test takes; a flush ends as soon as it is done.
const LONG: Duration = Duration::from_secs(30);

async fn exporting(app: &TestApp, endpoint: &str) -> (Environment, Router) {
    let environment = app.environment_with(&[
        ("DASHTAM_OTLP_ENDPOINT", endpoint),
        ("DASHTAM_METRICS", "emf"),
    ]);
    let endpoints = endpoints::all(&environment).await.expect("endpoints");
    let router = shared::http::app(endpoints, environment.app());
    (environment, router)
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect::<Vec<_>>()
        .concat()
}

fn attribute(span: &Span, key: &str) -> Option<Value> {
    let value = span
        .attributes
        .iter()
        .find(|attribute| attribute.key == key)?
        .value
        .clone()?
        .value?;
    Some(match value {
        Inner::StringValue(text) => json!(text),
        Inner::IntValue(number) => json!(number),
        other => json!(format!("{other:?}")),
    })
}

fn of_kind(spans: &[Span], kind: SpanKind) -> Vec<&Span> {
    spans.iter().filter(|span| span.kind() == kind).collect()
}

#[tokio::test]
async fn a_request_is_a_span_under_its_caller_s_with_a_child_for_each_call() {
    let app = TestApp::start().await;
    app.verified(EMAIL).await;
    let (collector, endpoint) = Collector::start().await;
    let (environment, router) = exporting(&app, &endpoint).await;
    let client = app.anonymous().header("traceparent", PARENT);
    app.proxy.take_calls();
    app.proxy.take_traces();
    let body = json!({ "email": EMAIL, "password": PASSWORD });
    let answer = client
        .request_to(router, Method::POST, "/api/v1/auth/login", Some(&body))
        .await;
    answer.assert(200);
    let (calls, sent) = (app.proxy.take_calls(), app.proxy.take_traces());
    environment.telemetry().flush(LONG).await;
    let spans = collector.take_spans();
    assert!(
        spans.iter().all(|span| hex(&span.trace_id) == TRACE
            && span.start_time_unix_nano <= span.end_time_unix_nano)
    );
    let [server] = of_kind(&spans, SpanKind::Server)
        .try_into()
        .expect("one server span");
    assert_eq!(
        (server.name.as_str(), hex(&server.parent_span_id).as_str()),
        ("POST /api/v1/auth/login", "00f067aa0ba902b7")
    );
    assert_eq!(
        attribute(server, "http.response.status_code"),
        Some(json!(200))
    );
    assert_eq!(attribute(server, "faas.name"), Some(json!("auth-login")));
    assert_eq!(
        attribute(server, "dashtam.request_id"),
        answer.header("x-request-id").map(|id| json!(id))
    );
    let children = of_kind(&spans, SpanKind::Client);
    assert!(
        children
            .iter()
            .all(|span| span.parent_span_id == server.span_id)
    );
    let mut told: Vec<_> = children
        .iter()
        .map(|span| span.name.replace("DynamoDB.", ""))
        .collect();
    let mut made = calls;
    told.sort();
    made.sort();
    assert_eq!(told, made);
    // The header of a call names the call's own span.
    for child in &children {
        let named = format!("00-{TRACE}-{}-01", hex(&child.span_id));
        assert!(
            sent.iter().any(|values| *values == [named.clone()]),
            "{named}: {sent:?}"
        );
    }
    let transaction = children
        .iter()
        .find(|span| span.name.ends_with("TransactWriteItems"))
        .expect("a transaction");
    let tables = attribute(transaction, "aws.dynamodb.table_names")
        .expect("tables")
        .to_string();
    assert!(
        tables.contains("dashtam-local-audit") && tables.contains("dashtam-local-tokens"),
        "{tables}"
    );
}

#[tokio::test]
async fn the_mailer_s_work_is_a_span_under_the_request_that_asked() {
    let app = TestApp::start().await;
    let (collector, endpoint) = Collector::start().await;
    let (environment, router) = exporting(&app, &endpoint).await;
    let body = json!({ "email": EMAIL, "password": PASSWORD, "name": "Ada" });
    let client = app.anonymous().header("traceparent", PARENT);
    client
        .request_to(router, Method::POST, "/api/v1/auth/register", Some(&body))
        .await
        .assert(201);
    let rows = app.db_items("outbox", "OUTBOX#").await;
    let mailer = outbox_mailer::consumer(&environment.with_access_key("outbox-mailer"))
        .await
        .expect("a mailer");
    mailer(json!({ "row": bundle_tests::text(&rows[0], "pk") }).to_string())
        .await
        .expect("sent");
    environment.telemetry().flush(LONG).await;
    let spans = collector.take_spans();
    assert!(spans.iter().all(|span| hex(&span.trace_id) == TRACE));
    let [server] = of_kind(&spans, SpanKind::Server)
        .try_into()
        .expect("one server span");
    let [consumer] = of_kind(&spans, SpanKind::Consumer)
        .try_into()
        .expect("one consumer span");
    assert_eq!(
        (consumer.name.as_str(), &consumer.parent_span_id),
        ("outbox-mailer", &server.span_id)
    );
    let send = spans
        .iter()
        .find(|span| span.name.ends_with("SendEmail"))
        .expect("a send");
    assert_eq!(send.parent_span_id, consumer.span_id);
}

#[tokio::test]
async fn a_store_that_fails_shows_in_both_spans_with_the_attempts() {
    let app = TestApp::start().await;
    let ada = app.logged_in(EMAIL).await;
    let (collector, endpoint) = Collector::start().await;
    let (environment, router) = exporting(&app, &endpoint).await;
    app.proxy.plan("BatchGetItem", Fault::InternalError, 1_000);
    ada.request_to(router, Method::GET, "/api/v1/auth/me", None)
        .await
        .assert(503);
    environment.telemetry().flush(LONG).await;
    let spans = collector.take_spans();
    let failed = |span: &&Span| span.status.as_ref().is_some_and(|status| status.code == 2);
    assert!(
        spans.len() >= 2 && spans.iter().filter(failed).count() == spans.len(),
        "{spans:#?}"
    );
    let call = of_kind(&spans, SpanKind::Client)[0];
    assert_eq!(attribute(call, "http.request.resend_count"), Some(json!(2)));
    assert_eq!(attribute(call, "error.type"), Some(json!("500")));
    let server = of_kind(&spans, SpanKind::Server)[0];
    assert_eq!(
        attribute(server, "error.type"),
        Some(json!("service_unavailable"))
    );
    let [exception] = server.events.as_slice() else {
        panic!("no exception: {server:#?}")
    };
    let said = |key: &str| {
        let value = exception
            .attributes
            .iter()
            .find(|attribute| attribute.key == key)
            .expect(key)
            .value
            .clone();
        format!("{:?}", value.expect("a value"))
    };
    assert_eq!(exception.name, "exception");
    assert!(said("exception.type").contains("service_unavailable"));
    assert!(
        said("exception.stacktrace").contains("caused by: "),
        "{}",
        said("exception.stacktrace")
    );
}

#[tokio::test]
async fn a_refusal_is_an_answer_and_a_path_of_no_route_has_none() {
    let app = TestApp::start().await;
    let (collector, endpoint) = Collector::start().await;
    let (environment, router) = exporting(&app, &endpoint).await;
    let client = app.anonymous();
    client
        .request_to(router.clone(), Method::GET, "/nowhere", None)
        .await
        .assert(404);
    client
        .request_to(router.clone(), Method::GET, "/api/v1/auth/me", None)
        .await
        .assert(401);
    let odd = Method::from_bytes(b"M4RK3D").expect("a method");
    client
        .request_to(router, odd, "/nowhere", None)
        .await
        .assert(404);
    environment.telemetry().flush(LONG).await;
    let sent = collector.take();
    let resource = sent[0].resource.clone().expect("a resource");
    let stage = resource
        .attributes
        .iter()
        .find(|attribute| attribute.key == "deployment.environment.name");
    assert!(format!("{stage:?}").contains("\"local\""), "{stage:?}");
    let spans: Vec<_> = sent
        .into_iter()
        .flat_map(|resource| resource.scope_spans)
        .flat_map(|scope| scope.spans)
        .collect();
    let servers = of_kind(&spans, SpanKind::Server);
    let names: Vec<_> = servers.iter().map(|span| span.name.as_str()).collect();
    assert_eq!(names, ["GET", "GET /api/v1/auth/me", "HTTP"]);
    let paths: Vec<_> = servers
        .iter()
        .map(|span| attribute(span, "http.route"))
        .collect();
    assert_eq!(paths, [None, Some(json!("/api/v1/auth/me")), None]);
    assert_eq!(
        attribute(servers[2], "http.request.method"),
        Some(json!("_OTHER"))
    );
    for span in servers {
        assert_eq!(
            (attribute(span, "error.type"), span.events.len()),
            (None, 0),
            "{}",
            span.name
        );
        assert_eq!(
            span.status.as_ref().map(|status| status.code),
            Some(0),
            "{}",
            span.name
        );
    }
}

#[tokio::test]
async fn a_panic_shows_its_place_in_the_span_and_not_its_message() {
    let former = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        shared::telemetry::note_panic(panic);
        former(panic);
    }));
    let app = TestApp::start().await;
    let (collector, endpoint) = Collector::start().await;
    let environment = app.environment_with(&[("DASHTAM_OTLP_ENDPOINT", &endpoint)]);
    let handler = async || assert!(std::hint::black_box(false), "m4rk3d");
    let panicking = shared::http::Endpoint::open(&shared::routes::SERVICE_HEALTH, handler, ());
    let router = shared::http::app(vec![panicking], environment.app());
    app.anonymous()
        .request_to(router, Method::GET, "/api/v1/health", None)
        .await
        .assert(500);
    environment.telemetry().flush(LONG).await;
    let spans = collector.take_spans();
    let server = of_kind(&spans, SpanKind::Server)[0];
    let events = format!("{:?}", server.events);
    assert!(
        events.contains("tests/it/exports.rs:") && !events.contains("m4rk3d"),
        "{events}"
    );
}

fn spans_lost(app: &TestApp) -> u64 {
    app.metrics
        .objects()
        .iter()
        .filter_map(|line| line["SpansLost"].as_u64())
        .sum()
}

/// The log lines that say that spans are lost.
fn loss_lines(log: &Log) -> Vec<Value> {
    let lines = log.objects().into_iter();
    lines
        .filter(|line| line["message"] == "spans are lost until the collector works")
        .collect()
}

#[test]
fn spans_that_a_collector_rejects_are_counted_and_told_once() {
    let log = Log::default();
    log.capture_as(LogFormat::Json, async {
        let app = TestApp::start().await;
        let (environment, router) = exporting(&app, &Collector::rejecting(1).await).await;
        for _ in 0..3 {
            app.anonymous()
                .request_to(router.clone(), Method::GET, "/api/v1/auth/me", None)
                .await
                .assert(401);
            environment.telemetry().flush(LONG).await;
        }
        app.anonymous()
            .request_to(router, Method::GET, "/api/v1/health", None)
            .await
            .assert(200);
        assert_eq!(spans_lost(&app), 3);
    });
    let told = loss_lines(&log);
    assert_eq!(told.len(), 1);
    assert!(
        told[0]["error"]
            .as_str()
            .is_some_and(|error| error.contains("rejected 1 spans: too old")),
        "{told:?}"
    );
}

#[tokio::test]
async fn a_trace_that_its_caller_does_not_record_is_not_exported() {
    let app = TestApp::start().await;
    let ada = app.logged_in(EMAIL).await;
    let (collector, endpoint) = Collector::start().await;
    let (environment, router) = exporting(&app, &endpoint).await;
    let unsampled = format!("{}00", &PARENT[..PARENT.len() - 2]);
    let client = ada.header("traceparent", &unsampled);
    client
        .request_to(router, Method::GET, "/api/v1/auth/me", None)
        .await
        .assert(200);
    environment.telemetry().flush(LONG).await;
    assert!(collector.take().is_empty());
}

#[tokio::test]
async fn no_secret_and_no_person_stands_in_a_span() {
    let app = TestApp::start().await;
    app.verified("m4rk3d@example.com").await;
    let (collector, endpoint) = Collector::start().await;
    let (environment, router) = exporting(&app, &endpoint).await;
    let client = app
        .anonymous()
        .header("user-agent", "m4rk3d")
        .header("tracestate", "m4rk3d=1");
    let body = json!({ "email": "m4rk3d@example.com", "password": PASSWORD });
    let login = client
        .request_to(
            router.clone(),
            Method::POST,
            "/api/v1/auth/login?m4rk3d",
            Some(&body),
        )
        .await;
    login.assert(200);
    let (access, refresh) = (
        login.json()["access_token"].clone(),
        login.json()["refresh_token"].clone(),
    );
    let body = json!({ "refresh_token": refresh });
    client
        .request_to(
            router.clone(),
            Method::POST,
            "/api/v1/auth/refresh",
            Some(&body),
        )
        .await
        .assert(200);
    let ada = client.bearer(access.as_str().expect("a token"));
    ada.request_to(
        router.clone(),
        Method::DELETE,
        "/api/v1/auth/sessions/m4rk3d",
        None,
    )
    .await
    .assert(404);
    ada.request_to(router, Method::GET, "/m4rk3d", None)
        .await
        .assert(404);
    environment.telemetry().flush(LONG).await;
    let told = format!("{:?}", collector.take());
    assert!(
        told.contains("/api/v1/auth/sessions/{id}") && !told.contains("unmatched"),
        "{told}"
    );
    for secret in [
        "m4rk3d",
        PASSWORD,
        access.as_str().expect("text"),
        refresh.as_str().expect("text"),
    ] {
        assert!(!told.contains(secret), "{secret}");
    }
}

/// More requests than the queue holds. Each of them waiting for the collector would take the collector's patience each.
#[test]
fn a_collector_that_hangs_slows_nothing_and_what_it_loses_is_counted() {
    const REQUESTS: usize = 1_300;
    let log = Log::default();
    log.capture_as(LogFormat::Json, async {
        let app = TestApp::start().await;
        let (environment, router) = exporting(&app, &Collector::hanging().await).await;
        let client = app.anonymous();
        for _ in 0..REQUESTS {
            client
                .request_to(router.clone(), Method::GET, "/api/v1/health", None)
                .await
                .assert(200);
        }
        // Nothing was taken, so what did not fit must be lost by now; the collector's own failure may not have shown yet.
        let lost: u64 = app
            .metrics
            .objects()
            .iter()
            .filter_map(|line| line["SpansLost"].as_u64())
            .sum();
        assert!(lost > 100, "{lost}");
        environment.telemetry().flush(Duration::ZERO).await;
    });
}

#[test]
fn a_collector_that_is_not_there_costs_one_log_line() {
    let log = Log::default();
    log.capture_as(LogFormat::Json, async {
        let app = TestApp::start().await;
        let (environment, router) = exporting(&app, "http://127.0.0.1:9").await;
        for _ in 0..3 {
            app.anonymous()
                .request_to(router.clone(), Method::GET, "/api/v1/health", None)
                .await
                .assert(200);
            environment.telemetry().flush(LONG).await;
        }
        app.anonymous()
            .request_to(router, Method::GET, "/api/v1/health", None)
            .await
            .assert(200);
        assert_eq!(spans_lost(&app), 3);
    });
    let told = loss_lines(&log);
    assert_eq!(told.len(), 1);
}
