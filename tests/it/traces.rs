//! A request's trace goes on in every call that is made for it, and in what the outbox does later.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use bundle_tests::{Proxy, TestApp, text};
use futures::future::join_all;
use serde_json::json;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// The trace id and the span id of the one valid `traceparent` of a call.
fn parts(values: &[String]) -> (String, String) {
    assert_eq!(values.len(), 1, "{values:?}");
    let parts: Vec<_> = values[0].split('-').collect();
    let [version, trace, span, flags] = parts.as_slice() else {
        panic!("{values:?}")
    };
    assert_eq!(
        (*version, trace.len(), span.len(), flags.len()),
        ("00", 32, 16, 2),
        "{values:?}"
    );
    ((*trace).to_owned(), (*span).to_owned())
}

fn traces(proxy: &Proxy) -> Vec<String> {
    proxy
        .take_traces()
        .iter()
        .map(|values| parts(values).0)
        .collect()
}

#[tokio::test]
async fn every_call_of_a_request_carries_its_trace_under_a_span_of_its_own() {
    let app = TestApp::start().await;
    app.verified("a@example.com").await;
    app.proxy.take_traces();
    app.proxy.take_calls();
    let client = app.anonymous().header("traceparent", PARENT);
    client
        .try_log_in("a@example.com", bundle_tests::PASSWORD)
        .await
        .assert(200);
    let calls: Vec<_> = app
        .proxy
        .take_traces()
        .iter()
        .map(|values| parts(values))
        .collect();
    assert!(
        calls.len() >= 5 && calls.len() == app.proxy.take_calls().len(),
        "{calls:?}"
    );
    assert!(calls.iter().all(|(trace, _)| trace == TRACE), "{calls:?}");
    let mut spans: Vec<_> = calls.iter().map(|(_, span)| span).collect();
    spans.sort();
    spans.dedup();
    assert_eq!(spans.len(), calls.len(), "{calls:?}");
    assert!(
        !spans
            .iter()
            .any(|span| *span == "00f067aa0ba902b7" || *span == "0000000000000000")
    );
}

#[tokio::test]
async fn a_broken_doubled_or_missing_traceparent_starts_a_new_trace() {
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    app.proxy.take_traces();
    let zero = "00-00000000000000000000000000000000-00f067aa0ba902b7-01";
    let ff = "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    for headers in [&[][..], &["x"], &[zero], &[ff], &[PARENT, PARENT]] {
        let client = headers.iter().fold(ada.clone(), |client, value| {
            client.header("traceparent", value)
        });
        client.me().await.assert(200);
        let traces = traces(&app.proxy);
        assert_eq!(traces.len(), 1);
        assert!(
            traces[0] != TRACE && traces[0].bytes().any(|b| b != b'0'),
            "{headers:?}: {traces:?}"
        );
    }
}

#[tokio::test]
async fn requests_that_run_at_once_keep_their_traces_apart() {
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    app.proxy.take_traces();
    let requests = (1..=20).map(|n| {
        let client = ada
            .clone()
            .header("traceparent", &format!("00-{n:032x}-00f067aa0ba902b7-01"));
        async move { client.me().await }
    });
    join_all(requests).await;
    let traces = traces(&app.proxy);
    for n in 1..=20 {
        let own = format!("{n:032x}");
        assert_eq!(
            traces.iter().filter(|trace| **trace == own).count(),
            1,
            "{traces:?}"
        );
    }
}

#[tokio::test]
async fn what_the_outbox_does_later_continues_the_trace_of_the_request_that_asked() {
    let app = TestApp::start().await;
    let (ses, address) = Proxy::start(&app.aws, app.aws.endpoints.sesv2).await;
    let environment =
        app.environment_with(&[("AWS_ENDPOINT_URL_SESV2", &format!("http://{address}"))]);
    let mailer = outbox_mailer::consumer(&environment.with_access_key("outbox-mailer"))
        .await
        .expect("a mailer");
    let applicant =
        json!({ "email": "a@example.com", "password": bundle_tests::PASSWORD, "name": "Ada" });
    let client = app.anonymous().header("traceparent", PARENT);
    client
        .post("/api/v1/auth/register", &applicant)
        .await
        .assert(201);
    let rows = app.db_items("outbox", "OUTBOX#").await;
    let row = text(&rows[0], "pk").expect("a key").to_owned();
    app.proxy.take_traces();
    mailer(json!({ "row": row }).to_string())
        .await
        .expect("sent");
    assert_eq!(traces(&ses), [TRACE]);
    // Only the claim, before the row is known, has a trace of its own.
    let calls = traces(&app.proxy);
    assert!(
        calls.len() >= 4 && calls.iter().skip(1).all(|trace| trace == TRACE),
        "{calls:?}"
    );
}

#[tokio::test]
async fn the_calls_of_a_sweep_continue_the_trace_of_the_revocation() {
    let app = TestApp::start().await;
    let ada = app.logged_in("a@example.com").await;
    app.drain().await;
    ada.header("traceparent", PARENT)
        .delete("/api/v1/auth/sessions/all")
        .await
        .assert(200);
    app.proxy.take_traces();
    app.drain().await;
    let calls = traces(&app.proxy);
    assert!(
        calls.iter().filter(|trace| *trace == TRACE).count() >= 3,
        "{calls:?}"
    );
}

#[tokio::test]
async fn the_calls_of_a_job_carry_one_trace() {
    let app = TestApp::start().await;
    let job = keys_init::job(&app.function("keys-init"))
        .await
        .expect("a job");
    app.proxy.take_traces();
    job().await.expect("in order");
    let calls = traces(&app.proxy);
    assert!(
        !calls.is_empty() && calls.iter().all(|trace| *trace == calls[0]),
        "{calls:?}"
    );
}
