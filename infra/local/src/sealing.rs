//! The sealer on the audit table's stream.
//!
//! As Lambda does for a stream, it hands over one batch after the other, in order, and the same one again until the
//! handler has taken it. The saved position lies behind the last batch that was taken.

use std::time::Duration;

use local_aws::dynamodb::{Checkpoint, Sequence, StreamError, TableStream};
use serde_json::{Value, json};
use shared::audit::seals::StreamHandler;
use tokio::time::MissedTickBehavior;

/// The file in the data directory that holds the position.
pub const CHECKPOINT_FILE: &str = "audit.checkpoint";
/// How often the stream is read: a batch is what happened meanwhile.
const INTERVAL: Duration = Duration::from_secs(1);
/// Records of a batch, as in the template.
const BATCH: usize = 500;

/// The stream with its consumer.
pub struct Sealing {
    stream: TableStream,
    checkpoint: Checkpoint,
    handler: StreamHandler,
    pending: Option<(Sequence, Value)>,
}

impl Sealing {
    /// Goes on reading `stream` from `checkpoint`.
    #[must_use]
    pub const fn new(stream: TableStream, checkpoint: Checkpoint, handler: StreamHandler) -> Self {
        Self {
            stream,
            checkpoint,
            handler,
            pending: None,
        }
    }

    /// Hands over until `shutdown` resolves.
    pub async fn run(mut self, shutdown: impl Future<Output = ()>) {
        let mut shutdown = std::pin::pin!(shutdown);
        let mut tick = tokio::time::interval(INTERVAL);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = &mut shutdown => return,
                _ = tick.tick() => drop(self.drain().await),
            }
        }
    }

    /// Hands over everything that is there; whether the handler has taken it.
    pub async fn drain(&mut self) -> bool {
        loop {
            match self.next().await {
                Ok(true) => {}
                Ok(false) => return true,
                Err(failure) => {
                    tracing::warn!(failure, "audit records are sealed again shortly");
                    return false;
                }
            }
        }
    }

    /// Hands over one batch; `false` if there is none.
    async fn next(&mut self) -> Result<bool, String> {
        let text = |error: StreamError| error.to_string();
        if self.pending.is_none() {
            let events = self.stream.next(BATCH).map_err(text)?;
            let Some((last, _)) = events.last() else {
                return Ok(false);
            };
            let (last, records): (_, Vec<_>) = (
                *last,
                events.iter().map(|(_, record)| json!(record)).collect(),
            );
            self.pending = Some((last, json!({ "Records": records })));
        }
        let Some((last, batch)) = self.pending.clone() else {
            return Ok(false);
        };
        // A task of its own: a panic is a failure as any other.
        let handled = tokio::spawn((self.handler)(batch)).await;
        let handled = handled
            .unwrap_or_else(|_| Err(shared::work::consumer::Failure::new("the handler panicked")));
        handled.map_err(|failure| shared::ground::error_chain(&failure))?;
        self.pending = None;
        self.checkpoint.save(Some(last)).map_err(text)?;
        if let Err(error) = self.stream.trim(last) {
            tracing::warn!(%error, "records of the audit stream are kept");
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use shared::work::consumer::Failure;

    use super::*;
    use crate::testing::TempDir;
    use crate::testing::{OUTBOX, outbox, put};

    type Seen = Arc<Mutex<Vec<usize>>>;

    /// Counts the records of each batch; fails as often as it is told.
    fn handler(seen: &Seen, mut failures: usize) -> StreamHandler {
        let seen = Arc::clone(seen);
        let failing = Mutex::new(move || {
            let fails = failures > 0;
            failures = failures.saturating_sub(1);
            fails
        });
        Arc::new(move |batch: Value| {
            seen.lock()
                .unwrap()
                .push(batch["Records"].as_array().unwrap().len());
            let fails = (failing.lock().unwrap())();
            Box::pin(async move {
                if fails {
                    Err(Failure::new("told to fail"))
                } else {
                    Ok(())
                }
            })
        })
    }

    #[tokio::test]
    async fn a_batch_comes_again_until_it_is_taken_and_a_restart_goes_on_behind_it() {
        let (database, scratch, seen) = (outbox(), TempDir::new(), Seen::default());
        for number in 0..BATCH + 3 {
            put(
                &database,
                &json!({ "pk": { "S": format!("OUTBOX#{number}") } }),
            );
        }
        let open = |failures| {
            let checkpoint = Checkpoint::open(Some(scratch.path(CHECKPOINT_FILE))).unwrap();
            let stream = TableStream::open(database.clone(), OUTBOX, checkpoint.saved()).unwrap();
            Sealing::new(stream, checkpoint, handler(&seen, failures))
        };
        let mut first = open(1);
        assert!(!first.drain().await);
        assert!(first.drain().await);
        assert_eq!(
            std::mem::take(&mut *seen.lock().unwrap()),
            [BATCH, BATCH, 3]
        );
        put(&database, &json!({ "pk": { "S": "OUTBOX#last" } }));
        assert!(open(0).drain().await);
        assert_eq!(*seen.lock().unwrap(), [1]);
    }
}
