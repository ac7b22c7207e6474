//! Log lines: one event, one line, whatever stands in it.
//!
//! Every line of a piece of work begins with its request and trace id. A line is ASCII without control characters:
//! what is neither is written as an escape, so that no value begins a line of its own, colours a terminal, or turns the
//! direction of a text (CWE-117).

use std::fmt::{self, Write as _};

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::Work;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line, on standard output.
    Json,
    /// For people, on standard error.
    Text,
}

/// Logs where a panic happened, and notes it for the span of the work. Where, and not what: the message may hold values.
pub fn note_panic(panic: &std::panic::PanicHookInfo<'_>) {
    let place = panic
        .location()
        .map(ToString::to_string)
        .unwrap_or_default();
    tracing::error!(place, "a panic was caught");
    if let Some(work) = Work::current() {
        work.panicked_at(&place);
    }
}

/// Starts logging at `level` (`error`, `warn`, `info` or `debug`; `info` for anything else). A second call does nothing.
pub fn init_logging(level: Option<&str>, format: LogFormat) {
    std::panic::set_hook(Box::new(note_panic));
    let _already_set = match format {
        LogFormat::Json => subscriber(level, format, std::io::stdout).try_init(),
        LogFormat::Text => subscriber(level, format, std::io::stderr).try_init(),
    };
}

/// What turns events into lines on `writer`.
pub fn subscriber<W>(
    level: Option<&str>,
    format: LogFormat,
    writer: W,
) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let level = match level {
        Some("error") => LevelFilter::ERROR,
        Some("warn") => LevelFilter::WARN,
        Some("debug") => LevelFilter::DEBUG,
        _ => LevelFilter::INFO,
    };
    let targets = Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_targets([
            ("shared", level),
            ("dashtam_local", level),
            ("dynoxide", LevelFilter::ERROR),
            // What a handler refuses or fails at is logged by the handler, under the ids of its work. The runtime would write each
            // as an error again, without them: a refusal of the authorizer is an ordinary answer, which any client can cause.
            ("lambda_runtime::layers::panic", LevelFilter::OFF),
            // That events come one at a time although more are allowed: so it is meant (docs/gateways.md).
            ("lambda_runtime::runtime", LevelFilter::ERROR),
        ]);
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .event_format(Lines(format))
        .with_writer(writer);
    tracing_subscriber::registry().with(targets).with(lines)
}

/// Writes events as lines.
struct Lines(LogFormat);

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _context: &FmtContext<'_, S, N>,
        mut out: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        let mut fields = Fields::default();
        event.record(&mut fields);
        let mut line = Line {
            format: self.0,
            text: String::with_capacity(320),
        };
        let level = event.metadata().level().as_str();
        match self.0 {
            LogFormat::Json => {
                line.text.push('{');
                line.member("timestamp", &Value::Text(time));
                line.member("level", &Value::Text(level.to_owned()));
            }
            LogFormat::Text => write!(line.text, "{time} {level:>5}")?,
        }
        line.member("message", &Value::Text(fields.message));
        if let Some(work) = Work::current() {
            line.member("request_id", &Value::Text(work.id().to_string()));
            line.member("trace_id", &Value::Text(work.trace().trace_id()));
        }
        for (name, value) in &fields.others {
            line.member(name, value);
        }
        if self.0 == LogFormat::Json {
            line.text.push('}');
        }
        writeln!(out, "{}", line.text)
    }
}

/// A field's value.
enum Value {
    Text(String),
    /// A number or a truth value, which is written as it is.
    Plain(String),
}

#[derive(Default)]
struct Fields {
    message: String,
    others: Vec<(&'static str, Value)>,
}

impl Fields {
    fn add(&mut self, field: &Field, value: Value) {
        match (field.name(), value) {
            ("message", Value::Text(text) | Value::Plain(text)) => self.message = text,
            (name, value) => self.others.push((name, value)),
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, Value::Text(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, Value::Text(value.to_owned()));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, Value::Plain(value.to_string()));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, Value::Plain(value.to_string()));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, Value::Plain(value.to_string()));
    }
}

/// A line under construction.
struct Line {
    format: LogFormat,
    text: String,
}

impl Line {
    fn member(&mut self, name: &str, value: &Value) {
        match self.format {
            LogFormat::Json => {
                if !self.text.ends_with('{') {
                    self.text.push(',');
                }
                quote(&mut self.text, name);
                self.text.push(':');
                match value {
                    Value::Text(text) => quote(&mut self.text, text),
                    Value::Plain(text) => self.text.push_str(text),
                }
            }
            LogFormat::Text => {
                self.text.push(' ');
                if name != "message" {
                    self.text.push_str(name);
                    self.text.push('=');
                }
                match value {
                    Value::Text(text) if name == "message" => escape(&mut self.text, text, ""),
                    Value::Text(text) => quote(&mut self.text, text),
                    Value::Plain(text) => self.text.push_str(text),
                }
            }
        }
    }
}

/// `text` as a JSON string (RFC 8259 section 7) of ASCII alone.
fn quote(out: &mut String, text: &str) {
    out.push('"');
    escape(out, text, "\"\\");
    out.push('"');
}

fn escape(out: &mut String, text: &str, special: &str) {
    for character in text.chars() {
        if character == ' ' || character.is_ascii_graphic() {
            if special.chars().any(|special| special == character) {
                out.push('\\');
            }
            out.push(character);
        } else {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    const EVIL: &str =
        "a\r\nb\u{1b}[31mc\u{2028}d\u{2029}e\"f\\g\u{202e}h\u{85}i\u{7f}j\u{1f600}k\0l";

    #[derive(Clone, Default)]
    struct Out(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Out {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no panic").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn line(format: LogFormat, event: impl FnOnce()) -> String {
        let out = Out::default();
        let writer = out.clone();
        let subscriber = subscriber(Some("debug"), format, move || writer.clone());
        tracing::subscriber::with_default(subscriber, event);
        let bytes = out.0.lock().expect("no panic").clone();
        String::from_utf8(bytes).expect("text")
    }

    fn assert_one_clean_line(line: &str) {
        let body = line.strip_suffix('\n').expect("a line");
        assert!(
            body.chars().all(|c| c == ' ' || c.is_ascii_graphic()),
            "{line}"
        );
    }

    #[test]
    fn no_value_leaves_its_json_line() {
        let line = line(
            LogFormat::Json,
            || tracing::warn!(value = EVIL, shown = %EVIL, debug = ?EVIL, "{EVIL}"),
        );
        assert_one_clean_line(&line);
        let read: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        for name in ["message", "value", "shown"] {
            assert_eq!(read[name], EVIL, "{name}");
        }
        assert_eq!(read["level"], "WARN");
    }

    #[test]
    fn no_value_leaves_its_line_of_text() {
        let line = line(LogFormat::Text, || {
            tracing::warn!(value = EVIL, count = 3, "{EVIL}");
        });
        assert_one_clean_line(&line);
        assert!(line.contains("count=3"), "{line}");
    }

    #[test]
    fn numbers_and_truth_values_stay_what_they_are() {
        let line = line(LogFormat::Json, || {
            tracing::info!(status = 200_u16, ok = true, less = -1, "done");
        });
        let read: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(
            (&read["status"], &read["ok"], &read["less"]),
            (&200.into(), &true.into(), &(-1).into())
        );
    }

    #[test]
    fn the_runtime_repeats_no_refusal_of_a_handler_and_warns_of_no_sequential_run() {
        let logged = line(LogFormat::Json, || {
            tracing::error!(target: "lambda_runtime::layers::panic", "Unauthorized");
            tracing::warn!(target: "lambda_runtime::runtime", "running sequentially");
        });
        assert_eq!(logged, "");
        let logged = line(
            LogFormat::Json,
            || tracing::error!(target: "lambda_runtime::layers::api_client", "no answer"),
        );
        assert!(logged.contains("no answer"), "{logged}");
    }
}
