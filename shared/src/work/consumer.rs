//! Queue consumers: what the stream's rows are handed to, in Lambda by SQS and on a laptop by the local run.

use std::sync::Arc;

use futures::future::BoxFuture;
use serde::Deserialize;

use crate::domain::{RowId, Timestamp};
use crate::store::{Row, Store};
use crate::telemetry::{self, Metric, Telemetry};

/// A message whose work was not done; it comes again.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct Failure {
    what: &'static str,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Failure {
    /// `what` was not done.
    #[must_use]
    pub const fn new(what: &'static str) -> Self {
        Self { what, source: None }
    }

    /// `what` was not done because of `source`.
    #[must_use]
    pub fn because(
        what: &'static str,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> Self {
        Self {
            what,
            source: Some(Box::new(source)),
        }
    }
}

/// Does the work of one message, given its body.
pub type Handler = Arc<dyn Fn(String) -> BoxFuture<'static, Result<(), Failure>> + Send + Sync>;

/// `handler` as a task of `function`: its log lines and calls carry the trace of the row that it works on.
#[must_use]
pub fn watched(telemetry: Telemetry, function: &'static str, handler: Handler) -> Handler {
    Arc::new(move |body| {
        let (telemetry, work) = (telemetry.clone(), handler(body));
        Box::pin(async move {
            telemetry
                .watch(function, "a message comes again", work)
                .await
        })
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Message {
    row: String,
}

/// The outbox row that a message names.
///
/// # Errors
/// [`Failure`] for anything else: such a message ends with the dead letters, where somebody looks at it.
pub fn row_of(body: &str) -> Result<RowId, Failure> {
    let malformed = "the message names no outbox row";
    let message: Message =
        serde_json::from_str(body).map_err(|error| Failure::because(malformed, error))?;
    Store::row_named(&message.row).ok_or(Failure::new(malformed))
}

/// The work on `row` begins at `now`, in the trace of the request that asked for it.
pub fn begin(row: &Row, now: Timestamp) {
    telemetry::continue_trace(row.traceparent.as_deref());
    telemetry::measure(Metric::OutboxAge, now.since(row.created_at).as_secs_f64());
}
