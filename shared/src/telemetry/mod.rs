//! What is told about running work: log lines, traces and metrics.
//!
//! A request, a message of a queue, a step of a rotation and a job are each one [`Work`]. While it runs, code anywhere
//! below it knows it without being handed it: a log line carries its ids, a call of an AWS client its trace, and
//! [`measure`] counts for it. When it ends, its metrics leave as one line, and its spans for a collector if there is one. Nothing here decides anything, and nothing
//! here can fail a request.

mod calls;
mod export;
mod log;
mod metrics;
mod spans;
mod tables;
mod trace;

use std::error::Error;
use std::io::Write;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use http::{HeaderMap, Method};
use uuid::Uuid;

use crate::clock::Clock;
use crate::domain::Timestamp;
use crate::ground::entropy::{self, Entropy};
use crate::ground::error_chain;
use calls::Call;

pub use calls::TraceCalls;
pub use export::Exporter;
pub use log::{LogFormat, init_logging, note_panic, subscriber};
pub use metrics::{Metric, Metrics};
pub use trace::TraceContext;

tokio::task_local! {
    static CURRENT: Arc<Work>;
}

/// What all work of this process is told with.
#[derive(Clone)]
pub struct Telemetry {
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    metrics: Option<Arc<Metrics>>,
    exporter: Option<Arc<Exporter>>,
}

/// One piece of work, from its begin to its end.
pub struct Work {
    id: Uuid,
    trace: TraceContext,
    /// The trace that turned out to be the work's, once it was known.
    continued: OnceLock<TraceContext>,
    telemetry: Telemetry,
    /// Lengths are measured by the monotonic clock: they decide nothing, and tests do not compare them.
    began: Instant,
    began_at: Timestamp,
    measured: Mutex<Vec<(Metric, f64)>>,
    /// Where it panicked, if it did.
    panicked: OnceLock<String>,
    calls: Mutex<Vec<Call>>,
}

/// A request, as metrics and spans name it.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The HTTP method.
    pub method: &'a Method,
    /// The endpoint's path with its parameters in braces; `None` if the request has no endpoint.
    pub path: Option<&'a str>,
}

/// How a piece of work ended.
#[derive(Debug, Clone, Copy, Default)]
pub struct End<'a> {
    /// The function that did it.
    pub function: &'a str,
    /// The request, if it was one.
    pub request: Option<Request<'a>>,
    /// The status that was answered, for a request.
    pub status: Option<u16>,
    /// The code of the problem that was answered.
    pub code: Option<&'static str>,
    /// Whether a task failed.
    pub failed: bool,
    /// What made it fail.
    pub error: Option<&'a (dyn Error + 'static)>,
}

impl Telemetry {
    /// Metrics go to `metrics`, if anywhere.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>, metrics: Option<Metrics>) -> Self {
        Self {
            clock,
            entropy,
            metrics: metrics.map(Arc::new),
            exporter: None,
        }
    }

    /// The same, with spans going to `exporter`, if anywhere.
    #[must_use]
    pub fn exporting(self, exporter: Option<Exporter>) -> Self {
        Self {
            exporter: exporter.map(Arc::new),
            ..self
        }
    }

    /// Waits until the spans so far have left or are lost, for `bound` at most.
    pub async fn flush(&self, bound: Duration) {
        if let Some(exporter) = &self.exporter {
            exporter.flush(bound).await;
        }
    }

    /// The same, with metrics going to `output` if they are on.
    #[must_use]
    pub fn with_output(self, output: impl Write + Send + 'static) -> Self {
        let metrics = self
            .metrics
            .map(|metrics| Arc::new(metrics.with_output(output)));
        Self { metrics, ..self }
    }

    /// Work for a request with these headers.
    #[must_use]
    pub fn request(&self, headers: &HeaderMap) -> Arc<Work> {
        self.begin(TraceContext::of_headers(headers, self.entropy.as_ref()))
    }

    /// Work that no request asks for.
    #[must_use]
    pub fn task(&self) -> Arc<Work> {
        self.begin(None)
    }

    /// Does `work` as a task of `function`. A failure is logged as `failed`, with what led to it.
    ///
    /// # Errors
    /// What `work` fails with.
    pub async fn watch<T, E: Error + 'static>(
        &self,
        function: &'static str,
        failed: &'static str,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let task = self.task();
        let logged = async {
            let done = work.await;
            done.inspect_err(|error| tracing::warn!(error = error_chain(error), "{failed}"))
        };
        let done = Arc::clone(&task).run(logged).await;
        let error = done
            .as_ref()
            .err()
            .map(|error| error as &(dyn Error + 'static));
        task.end(End {
            function,
            failed: done.is_err(),
            error,
            ..End::default()
        });
        done
    }

    fn begin(&self, trace: Option<TraceContext>) -> Arc<Work> {
        Arc::new(Work {
            // It carries its time: by that the records of a request are found.
            id: entropy::uuid_v7(self.clock.now(), self.entropy.as_ref()),
            trace: trace.unwrap_or_else(|| {
                TraceContext::begin(self.entropy.as_ref(), self.exporter.is_some())
            }),
            continued: OnceLock::new(),
            telemetry: self.clone(),
            began: Instant::now(),
            began_at: self.clock.now(),
            measured: Mutex::default(),
            panicked: OnceLock::new(),
            calls: Mutex::default(),
        })
    }
}

impl Work {
    /// The work that the present task does, if it does any.
    #[must_use]
    pub fn current() -> Option<Arc<Self>> {
        CURRENT.try_with(Arc::clone).ok()
    }

    /// Names the work: `request_id` in logs, audit records and answers.
    #[must_use]
    pub const fn id(&self) -> Uuid {
        self.id
    }

    /// The trace it belongs to.
    #[must_use]
    pub fn trace(&self) -> &TraceContext {
        self.continued.get().unwrap_or(&self.trace)
    }

    /// Does `work` as this.
    pub async fn run<T>(self: Arc<Self>, work: impl Future<Output = T>) -> T {
        CURRENT.scope(self, work).await
    }

    /// Tells how it ended: its metrics and spans leave.
    pub fn end(&self, end: End<'_>) {
        if let Some(exporter) = self
            .telemetry
            .exporter
            .as_ref()
            .filter(|_| self.is_exported())
        {
            let calls =
                std::mem::take(&mut *self.calls.lock().unwrap_or_else(PoisonError::into_inner));
            exporter.offer(spans::of(self, end, &calls));
        }
        let Some(metrics) = &self.telemetry.metrics else {
            return;
        };
        let took = self.began.elapsed();
        let mut measured =
            std::mem::take(&mut *self.measured.lock().unwrap_or_else(PoisonError::into_inner));
        measured.push((Metric::Latency, milliseconds(took)));
        if end.code.is_some() {
            measured.push((Metric::Refusals, 1.0));
        }
        if end.status.is_some_and(|status| status >= 500) {
            measured.push((Metric::ServerErrors, 1.0));
        }
        let lost = self
            .telemetry
            .exporter
            .as_ref()
            .map_or(0, |exporter| exporter.take_lost());
        if lost > 0 {
            measured.push((
                Metric::SpansLost,
                f64::from(u32::try_from(lost).unwrap_or(u32::MAX)),
            ));
        }
        metrics.write(self.telemetry.clock.now(), self, end, &measured);
    }

    /// Whether its spans are wanted: there is a collector, and whoever began the trace records it.
    fn is_exported(&self) -> bool {
        self.telemetry.exporter.is_some() && self.trace().sampled
    }

    /// A call was made for it.
    fn called(&self, call: Call) {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        if calls.len() < spans::CALLS {
            calls.push(call);
        }
    }

    /// It panicked at `place`; only the first panic counts.
    fn panicked_at(&self, place: &str) {
        let _earlier = self.panicked.set(place.to_owned());
    }

    /// A moment as nanoseconds since 1970: the clock says when the work began, the monotonic one how long ago that is.
    fn nanos(&self, moment: Instant) -> u64 {
        let passed =
            u64::try_from(moment.duration_since(self.began).as_nanos()).unwrap_or(u64::MAX);
        let began = u64::try_from(self.began_at.as_millis())
            .unwrap_or_default()
            .saturating_mul(1_000_000);
        began.saturating_add(passed)
    }

    /// From here on the work belongs to the trace that `traceparent` names. Before, it had one of its own: what asks for
    /// it was not read yet.
    fn continue_trace(&self, traceparent: &str) {
        if let Some(mut trace) =
            TraceContext::continuing(traceparent, self.telemetry.entropy.as_ref())
        {
            trace.span_id = self.trace.span_id;
            // Only the first one counts.
            let _ = self.continued.set(trace);
        }
    }
}

/// Measures something for the present work. Without work, or with metrics switched off, nothing happens.
pub fn measure(metric: Metric, value: f64) {
    let _no_work = CURRENT.try_with(|work| {
        if work.telemetry.metrics.is_some() {
            work.measured
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push((metric, value));
        }
    });
}

/// Counts one for the present work.
pub fn count(metric: Metric) {
    measure(metric, 1.0);
}

/// A length for [`measure`].
#[must_use]
pub fn milliseconds(length: Duration) -> f64 {
    length.as_secs_f64() * 1_000.0
}

/// What names the present work to those who continue it later; `None` without work.
#[must_use]
pub fn traceparent() -> Option<String> {
    let work = Work::current()?;
    Some(work.trace().traceparent(work.trace().span_id).to_string())
}

/// The present work belongs to the trace that `traceparent` names; without one, or with a broken one, to its own.
pub fn continue_trace(traceparent: Option<&str>) {
    if let (Some(traceparent), Some(work)) = (traceparent, Work::current()) {
        work.continue_trace(traceparent);
    }
}
