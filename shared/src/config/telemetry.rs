//! What is told about running work.

use super::Reader;
use super::tokens::base_url;

/// Metrics and traces.
#[derive(Debug, Clone)]
pub struct TelemetryConfig {
    /// `DASHTAM_METRICS`: whether metrics are written.
    pub(crate) metrics: bool,
    /// `DASHTAM_METRICS_NAMESPACE`: where `CloudWatch` keeps them.
    pub(crate) namespace: String,
    /// `DASHTAM_OTLP_ENDPOINT`: the collector that takes spans, if any.
    pub otlp_endpoint: Option<String>,
}

impl TelemetryConfig {
    /// Reads the settings of this concern.
    pub fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            metrics: reader.choice(
                "METRICS",
                ("off", false),
                &[("emf", true)],
                "metrics as lines on standard output, in CloudWatch's embedded metric format; the template sets `emf`",
            ),
            namespace: reader.text("METRICS_NAMESPACE", "Dashtam", "the namespace of the metrics in CloudWatch"),
            otlp_endpoint: reader.parsed(
                "OTLP_ENDPOINT",
                "an http or https URL without query, fragment or trailing slash",
                "",
                "a collector that takes spans by OTLP over HTTP, such as `http://127.0.0.1:4318`; without one no span is made",
                base_url,
            ),
        }
    }
}
