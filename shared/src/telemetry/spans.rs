//! Spans as OTLP has them: one for the work, one for each call that was made for it.

use std::time::Instant;

use http::Method;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Inner;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, SpanKind};
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};

use super::calls::Call;
use super::{End, Work};
use crate::config::Stage;

/// The most calls of one piece of work that are told of; a sweep may make thousands.
pub(super) const CALLS: usize = 128;

/// The methods that the conventions for HTTP know by name.
const METHODS: [Method; 9] = [
    Method::CONNECT,
    Method::DELETE,
    Method::GET,
    Method::HEAD,
    Method::OPTIONS,
    Method::PATCH,
    Method::POST,
    Method::PUT,
    Method::TRACE,
];

/// The spans of `work`, which ends now.
pub(super) fn of(work: &Work, end: End<'_>, calls: &[Call]) -> Vec<Span> {
    let mut spans = vec![of_work(work, end)];
    spans.extend(calls.iter().map(|call| of_call(work, call)));
    spans
}

/// Spans as a collector takes them.
pub(super) fn from_service(spans: Vec<Span>, stage: Stage) -> ResourceSpans {
    let version = env!("CARGO_PKG_VERSION");
    let attributes = vec![
        text("service.name", "dashtam-auth"),
        text("service.version", version),
        text("deployment.environment.name", stage.name()),
    ];
    let scope = InstrumentationScope {
        name: "dashtam".to_owned(),
        version: version.to_owned(),
        ..Default::default()
    };
    ResourceSpans {
        resource: Some(Resource {
            attributes,
            ..Resource::default()
        }),
        scope_spans: vec![ScopeSpans {
            scope: Some(scope),
            spans,
            schema_url: String::new(),
        }],
        schema_url: String::new(),
    }
}

/// Named and described by OpenTelemetry's conventions for HTTP servers and for functions.
fn of_work(work: &Work, end: End<'_>) -> Span {
    let mut attributes = vec![
        text("faas.name", end.function),
        text("dashtam.request_id", &work.id().to_string()),
    ];
    let (mut name, mut kind) = (end.function.to_owned(), SpanKind::Internal);
    if let Some(request) = end.request {
        // A method that is none could be anything, and a name has to be one of few.
        let known = METHODS.contains(request.method);
        attributes.push(text(
            "http.request.method",
            if known {
                request.method.as_str()
            } else {
                "_OTHER"
            },
        ));
        let method = if known {
            request.method.as_str()
        } else {
            "HTTP"
        };
        (name, kind) = (method.to_owned(), SpanKind::Server);
        if let Some(path) = request.path {
            name = format!("{method} {path}");
            attributes.push(text("http.route", path));
        }
    } else if work.continued.get().is_some() {
        kind = SpanKind::Consumer;
    }
    if let Some(status) = end.status {
        attributes.push(number("http.response.status_code", i64::from(status)));
    }
    // A refusal is an answer: for a server, only statuses of 500 and above are errors.
    let failed = end.failed || end.status.is_some_and(|status| status >= 500);
    if failed {
        attributes.push(text("error.type", end.code.unwrap_or("_OTHER")));
    }
    let trace = work.trace();
    Span {
        span_id: trace.span_id.to_be_bytes().to_vec(),
        parent_span_id: trace
            .parent
            .map(|parent| parent.to_be_bytes().to_vec())
            .unwrap_or_default(),
        start_time_unix_nano: work.nanos(work.began),
        end_time_unix_nano: work.nanos(Instant::now()),
        status: Some(status(failed)),
        events: exceptions(work, end),
        ..span(work, name, kind, attributes)
    }
}

/// What made the work fail, as exception events.
fn exceptions(work: &Work, end: End<'_>) -> Vec<Event> {
    let event = |kind: &str, message: &str, stack: &str| Event {
        time_unix_nano: work.nanos(Instant::now()),
        name: "exception".to_owned(),
        attributes: vec![
            text("exception.type", kind),
            text("exception.message", message),
            text("exception.stacktrace", stack),
        ],
        ..Event::default()
    };
    let failed = end.error.map(|error| {
        let causes: Vec<_> = std::iter::successors(Some(error), |error| error.source())
            .map(ToString::to_string)
            .collect();
        event(
            end.code.unwrap_or("error"),
            &error.to_string(),
            &causes.join("\ncaused by: "),
        )
    });
    let panicked = work
        .panicked
        .get()
        .map(|place| event("panic", "a panic was caught", &format!("at {place}")));
    failed.into_iter().chain(panicked).collect()
}

/// Named and described by OpenTelemetry's conventions for AWS SDKs.
fn of_call(work: &Work, call: &Call) -> Span {
    let tables = call.tables.iter().map(|table| AnyValue {
        value: Some(Inner::StringValue(table.clone())),
    });
    let mut attributes = vec![
        text("rpc.system", "aws-api"),
        text("rpc.service", &call.service),
        text("rpc.method", &call.operation),
        number(
            "http.request.resend_count",
            i64::from(call.attempts.saturating_sub(1)),
        ),
    ];
    if let Some(status) = call.status {
        attributes.push(number("http.response.status_code", i64::from(status)));
    }
    // A condition that does not hold is an answer, not a failure.
    let failed = call.status.is_none_or(|status| status >= 500);
    if failed {
        attributes.push(text(
            "error.type",
            &call
                .status
                .map_or("_OTHER".to_owned(), |status| status.to_string()),
        ));
    }
    if !call.tables.is_empty() {
        let tables = Inner::ArrayValue(ArrayValue {
            values: tables.collect(),
        });
        attributes.push(attribute("aws.dynamodb.table_names", tables));
    }
    Span {
        span_id: call.span_id.to_be_bytes().to_vec(),
        parent_span_id: work.trace().span_id.to_be_bytes().to_vec(),
        start_time_unix_nano: work.nanos(call.began),
        end_time_unix_nano: work.nanos(call.ended),
        status: Some(status(failed)),
        ..span(
            work,
            format!("{}.{}", call.service, call.operation),
            SpanKind::Client,
            attributes,
        )
    }
}

fn span(work: &Work, name: String, kind: SpanKind, attributes: Vec<KeyValue>) -> Span {
    Span {
        trace_id: work.trace().trace_id.to_be_bytes().to_vec(),
        name,
        kind: kind.into(),
        attributes,
        flags: 1,
        ..Span::default()
    }
}

fn status(failed: bool) -> Status {
    let code = if failed {
        StatusCode::Error
    } else {
        StatusCode::Unset
    };
    Status {
        code: code.into(),
        message: String::new(),
    }
}

fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, Inner::StringValue(value.to_owned()))
}

fn number(key: &str, value: i64) -> KeyValue {
    attribute(key, Inner::IntValue(value))
}

fn attribute(key: &str, value: Inner) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}
