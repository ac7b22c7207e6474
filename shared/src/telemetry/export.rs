//! Hands spans to a collector, beside the requests: nothing waits for it.
//!
//! A bounded queue stands in between. What does not fit, and what the collector does not take in time, is lost, counted,
//! and told of by the metric `SpansLost` and one log line. Nothing is sent again: a collector that lags would lag more.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_sdk_dynamodb::config::{BehaviorVersion, SharedHttpClient};
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, OrchestratorError};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::timeout::TimeoutConfig;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use tokio::sync::{mpsc, oneshot};

use super::spans;
use crate::config::Stage;

/// The most pieces of work that wait to be told of.
const QUEUE: usize = 1_024;
/// The most of them in one request.
const BATCH: usize = 64;
/// The longest that a collector may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// The most characters of a collector's own words that are logged.
const WHY: usize = 200;

/// A collector that did not take all spans.
#[derive(Debug, thiserror::Error)]
enum Refused {
    /// It took none.
    #[error("the collector answered {0}")]
    Status(u16),
    /// It answered 200 and refused some: OTLP calls that a partial success.
    #[error("the collector rejected {spans} spans: {why}")]
    Partly { spans: usize, why: String },
}

/// Sends spans to a collector.
pub struct Exporter {
    collector: Operation<Vec<u8>, (), Refused>,
    stage: Stage,
    /// Made by the first span: without one there is no queue and no task.
    queue: OnceLock<mpsc::Sender<Message>>,
    lost: Arc<AtomicUsize>,
}

enum Message {
    Spans(Vec<Span>),
    /// Answered when everything before it has been sent or lost.
    Flush(oneshot::Sender<()>),
}

impl Exporter {
    /// An exporter to the collector at `endpoint`, by OTLP over HTTP with binary protobuf. `stage` is where the service runs.
    #[must_use]
    pub fn new(endpoint: &str, stage: Stage, http: SharedHttpClient) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(PATIENCE)
            .operation_timeout(PATIENCE)
            .build();
        let collector = Operation::builder()
            .service_name("otlp")
            .operation_name("export")
            .behavior_version(BehaviorVersion::latest())
            .http_client(http)
            .endpoint_url(endpoint)
            .no_auth()
            .no_retry()
            .timeout_config(timeouts)
            .serializer(|body: Vec<u8>| {
                let mut request = HttpRequest::new(SdkBody::from(body));
                request.set_method("POST")?;
                request.set_uri("/v1/traces")?;
                request
                    .headers_mut()
                    .insert("content-type", "application/x-protobuf");
                Ok(request)
            })
            .deserializer(|response| {
                let status = response.status();
                if !status.is_success() {
                    return Err(OrchestratorError::operation(Refused::Status(
                        status.as_u16(),
                    )));
                }
                rejected(response.body().bytes().unwrap_or_default())
                    .map_or(Ok(()), |some| Err(OrchestratorError::operation(some)))
            })
            .build();
        Self {
            collector,
            stage,
            queue: OnceLock::new(),
            lost: Arc::default(),
        }
    }

    /// Hands `spans` over, or loses them.
    pub(super) fn offer(&self, spans: Vec<Span>) {
        let count = spans.len();
        if self.queue().try_send(Message::Spans(spans)).is_err() {
            self.lost.fetch_add(count, Ordering::Relaxed);
        }
    }

    /// How many spans were lost since the last time.
    pub(super) fn take_lost(&self) -> usize {
        self.lost.swap(0, Ordering::Relaxed)
    }

    /// Waits until everything so far has been sent or lost, for `bound` at most.
    pub(super) async fn flush(&self, bound: Duration) {
        let Some(queue) = self.queue.get() else {
            return;
        };
        let (done, told) = oneshot::channel();
        let flushed = async {
            if queue.send(Message::Flush(done)).await.is_ok() {
                // An error means that the task is gone, and with it whatever waited.
                let _ = told.await;
            }
        };
        let _in_time = tokio::time::timeout(bound, flushed).await;
    }

    fn queue(&self) -> &mpsc::Sender<Message> {
        self.queue.get_or_init(|| {
            let (sender, receiver) = mpsc::channel(QUEUE);
            tokio::spawn(send(
                receiver,
                self.collector.clone(),
                self.stage,
                Arc::clone(&self.lost),
            ));
            sender
        })
    }
}

/// What the answer of a collector says that it did not take. An answer that cannot be read says nothing.
fn rejected(answer: &[u8]) -> Option<Refused> {
    let partial = ExportTraceServiceResponse::decode(answer)
        .ok()?
        .partial_success?;
    let spans = usize::try_from(partial.rejected_spans)
        .ok()
        .filter(|spans| *spans > 0)?;
    Some(Refused::Partly {
        spans,
        why: partial.error_message.chars().take(WHY).collect(),
    })
}

/// Sends what comes, for as long as anybody may hand something over.
async fn send(
    mut queue: mpsc::Receiver<Message>,
    collector: Operation<Vec<u8>, (), Refused>,
    stage: Stage,
    lost: Arc<AtomicUsize>,
) {
    let mut works = true;
    let mut messages = Vec::with_capacity(BATCH);
    while queue.recv_many(&mut messages, BATCH).await > 0 {
        let (mut spans, mut flushes) = (Vec::new(), Vec::new());
        for message in messages.drain(..) {
            match message {
                Message::Spans(more) => spans.extend(more),
                Message::Flush(done) => flushes.push(done),
            }
        }
        let count = spans.len();
        if count > 0 {
            let request = ExportTraceServiceRequest {
                resource_spans: vec![spans::from_service(spans, stage)],
            };
            let sent = collector.invoke(request.encode_to_vec()).await;
            if let Err(error) = &sent {
                let rejected = match error.as_service_error() {
                    Some(Refused::Partly { spans, .. }) => *spans,
                    _ => count,
                };
                lost.fetch_add(rejected, Ordering::Relaxed);
                if works {
                    tracing::warn!(
                        error = crate::ground::error_chain(error),
                        "spans are lost until the collector works"
                    );
                }
            }
            works = sent.is_ok();
        }
        for done in flushes {
            let _nobody_waits = done.send(());
        }
    }
}
