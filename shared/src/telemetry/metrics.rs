//! Metrics, in `CloudWatch`'s embedded metric format: a log line that names the metrics in it.
//!
//! One piece of work writes one line, with what it measured and nothing else, so a metric that nothing measures is not
//! billed. Dimensions are few and have few values, since each value is a metric of its own on the bill.

use std::io::Write;
use std::sync::{Mutex, PoisonError};

use serde_json::{Map, Value, json};

use super::{End, Work};
use crate::config::TelemetryConfig;
use crate::domain::Timestamp;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// How long a request or another piece of work took.
    Latency,
    /// A problem was answered.
    Refusals,
    /// The answer was 500 or above.
    ServerErrors,
    /// How long a password was hashed, the wait for a free worker included.
    HashTime,
    /// A write met another one and was tried again.
    Conflicts,
    /// A spent refresh token was used again.
    Theft,
    /// An address had too many wrong passwords and is locked.
    Lockouts,
    /// A limit was skipped because the buckets could not be reached.
    LimitSkipped,
    /// The signing keys could not be read anew, or not be understood; the last good ones sign on.
    KeysStale,
    /// Every token of everybody was made worthless.
    GlobalRotations,
    /// Every token of one account was made worthless by an admin.
    UserRotations,
    /// A new signing key was put into use.
    KeyRotations,
    /// All signing keys but a new one were dropped, because one has leaked.
    KeysDropped,
    /// How long an outbox row had waited when its work began.
    OutboxAge,
    /// A mail was sent.
    MailsSent,
    /// A mail was not sent; it is tried again.
    MailsFailed,
    /// A process did not start: its settings are wrong, or its keys cannot be read or decrypted.
    StartFailures,
    /// A span did not reach the collector.
    SpansLost,
}

impl Metric {
    /// All metrics.
    pub const ALL: [Self; 18] = [
        Self::Latency,
        Self::Refusals,
        Self::ServerErrors,
        Self::HashTime,
        Self::Conflicts,
        Self::Theft,
        Self::Lockouts,
        Self::LimitSkipped,
        Self::KeysStale,
        Self::GlobalRotations,
        Self::UserRotations,
        Self::KeyRotations,
        Self::KeysDropped,
        Self::OutboxAge,
        Self::MailsSent,
        Self::MailsFailed,
        Self::StartFailures,
        Self::SpansLost,
    ];

    /// Its name, its unit and its dimension.
    #[must_use]
    pub const fn facts(self) -> (&'static str, &'static str, Option<&'static str>) {
        match self {
            Self::Latency => ("Latency", MILLISECONDS, Some(FUNCTION)),
            Self::Refusals => ("Refusals", COUNT, Some(CODE)),
            Self::ServerErrors => ("ServerErrors", COUNT, None),
            Self::HashTime => ("HashTime", MILLISECONDS, None),
            Self::Conflicts => ("Conflicts", COUNT, None),
            Self::Theft => ("Theft", COUNT, None),
            Self::Lockouts => ("Lockouts", COUNT, None),
            Self::LimitSkipped => ("LimitSkipped", COUNT, None),
            Self::KeysStale => ("KeysStale", COUNT, None),
            Self::GlobalRotations => ("GlobalRotations", COUNT, None),
            Self::UserRotations => ("UserRotations", COUNT, None),
            Self::KeyRotations => ("KeyRotations", COUNT, None),
            Self::KeysDropped => ("KeysDropped", COUNT, None),
            Self::OutboxAge => ("OutboxAge", "Seconds", None),
            Self::MailsSent => ("MailsSent", COUNT, None),
            Self::MailsFailed => ("MailsFailed", COUNT, None),
            Self::StartFailures => ("StartFailures", COUNT, None),
            Self::SpansLost => ("SpansLost", COUNT, None),
        }
    }
}

const COUNT: &str = "Count";
const MILLISECONDS: &str = "Milliseconds";
const FUNCTION: &str = "Function";
const CODE: &str = "Code";

/// The most values of one metric in one line; the format takes no more.
const VALUES: usize = 100;

/// Writes metrics.
pub struct Metrics {
    namespace: String,
    output: Mutex<Box<dyn Write + Send>>,
}

impl Metrics {
    /// Metrics in `namespace`, on standard output.
    #[must_use]
    pub fn new(namespace: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            output: Mutex::new(Box::new(std::io::stdout())),
        }
    }

    /// What writes metrics; `None` if they are off.
    #[must_use]
    pub fn from_config(config: &TelemetryConfig) -> Option<Self> {
        config.metrics.then(|| Self::new(&config.namespace))
    }

    /// A process did not start.
    pub fn start_failed(&self, at: Timestamp) {
        self.line(at, Map::new(), &[(Metric::StartFailures, 1.0)]);
    }

    pub(super) fn with_output(&self, output: impl Write + Send + 'static) -> Self {
        Self {
            namespace: self.namespace.clone(),
            output: Mutex::new(Box::new(output)),
        }
    }

    /// What `work` measured.
    pub(super) fn write(
        &self,
        at: Timestamp,
        work: &Work,
        end: End<'_>,
        measured: &[(Metric, f64)],
    ) {
        let mut members = Map::new();
        members.insert("request_id".to_owned(), work.id().to_string().into());
        members.insert("trace_id".to_owned(), work.trace().trace_id().into());
        members.insert(FUNCTION.to_owned(), end.function.into());
        if let Some(code) = end.code {
            members.insert(CODE.to_owned(), code.into());
        }
        self.line(at, members, measured);
    }

    fn line(&self, at: Timestamp, mut members: Map<String, Value>, measured: &[(Metric, f64)]) {
        let mut directives = Vec::new();
        for dimension in [None, Some(FUNCTION), Some(CODE)] {
            let mut metrics = Vec::new();
            for metric in Metric::ALL {
                let (name, unit, own) = metric.facts();
                let values: Vec<f64> = measured
                    .iter()
                    .filter(|(m, _)| *m == metric)
                    .map(|(_, v)| *v)
                    .collect();
                if own == dimension && !values.is_empty() {
                    metrics.push(json!({ "Name": name, "Unit": unit }));
                    members.insert(name.to_owned(), value(unit, values));
                }
            }
            if !metrics.is_empty() {
                let dimensions: Vec<&str> = dimension.into_iter().collect();
                directives.push(json!({ "Namespace": self.namespace, "Dimensions": [dimensions], "Metrics": metrics }));
            }
        }
        members.insert(
            "_aws".to_owned(),
            json!({ "Timestamp": at.as_millis(), "CloudWatchMetrics": directives }),
        );
        let line = format!("{}\n", Value::Object(members));
        // A line that cannot be written is lost; the request is not.
        let _ = self
            .output
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .write_all(line.as_bytes());
    }
}

/// Counts are added up, lengths are listed.
#[expect(
    clippy::cast_possible_truncation,
    reason = "counts are small and whole"
)]
fn value(unit: &str, values: Vec<f64>) -> Value {
    if unit == COUNT {
        return (values.iter().sum::<f64>() as i64).into();
    }
    let values: Vec<f64> = values
        .into_iter()
        .take(VALUES)
        .map(|value| (value * 1_000.0).round() / 1_000.0)
        .collect();
    match values.as_slice() {
        [one] => (*one).into(),
        all => all.into(),
    }
}
