//! What was logged, or written like a log.

use std::io;
use std::sync::{Arc, Mutex, Once};

use serde_json::Value;
use shared::telemetry::{LogFormat, subscriber};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{Interest, Subscriber};
use tracing::{Dispatch, Event, Metadata};
use tracing_subscriber::fmt::MakeWriter;

/// Every line that was written to it.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Log {
    /// All of it.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("no panic").clone()).expect("text")
    }

    /// Its lines, each of which must be one JSON object.
    #[must_use]
    pub fn objects(&self) -> Vec<Value> {
        let parse = |line: &str| {
            serde_json::from_str::<Value>(line)
                .map_err(|_| line.to_owned())
                .expect("JSON")
        };
        self.text()
            .lines()
            .map(parse)
            .inspect(|value| assert!(value.is_object(), "{value}"))
            .collect()
    }

    /// Forgets what was written.
    pub fn clear(&self) {
        self.0.lock().expect("no panic").clear();
    }

    /// Runs `work` with every thread of its runtime logging here, libraries included, at debug level.
    pub fn capture<F: Future>(&self, work: F) -> F::Output {
        let everything = tracing_subscriber::fmt()
            .json()
            .with_max_level(tracing::Level::DEBUG);
        Self::dispatch(
            &Dispatch::new(everything.with_writer(self.clone()).finish()),
            work,
        )
    }

    /// Runs `work` with every thread of its runtime logging here as a function does, at debug level.
    pub fn capture_as<F: Future>(&self, format: LogFormat, work: F) -> F::Output {
        Self::dispatch(
            &Dispatch::new(subscriber(Some("debug"), format, self.clone())),
            work,
        )
    }

    fn dispatch<F: Future>(dispatch: &Dispatch, work: F) -> F::Output {
        static ASKED: Once = Once::new();
        ASKED.call_once(|| {
            let _already = tracing::dispatcher::set_global_default(Dispatch::new(AskEachTime));
        });
        let for_threads = dispatch.clone();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            // The thread logs here for as long as it lives.
            .on_thread_start(move || {
                std::mem::forget(tracing::dispatcher::set_default(&for_threads));
            })
            .build();
        tracing::dispatcher::with_default(dispatch, || runtime.expect("a runtime").block_on(work))
    }
}

/// Takes nothing, but wants to be asked each time.
///
/// Without it a place that logs for the first time while another test begins or ends to capture may be taken for one that no
/// subscriber wants, and its lines are missing from then on.
struct AskEachTime;

impl Subscriber for AskEachTime {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }

    fn enabled(&self, _: &Metadata<'_>) -> bool {
        false
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::TRACE)
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
