//! The two queues between the outbox stream and their consumers.
//!
//! Delivery is at least once, as with SQS: a message is done when its handler says so. A failed one comes again,
//! after half a second, then twice as long each time up to ten seconds; meanwhile the rows behind it are
//! delivered. After a thousand failures it is written to the dead-letter file, where an operator finds it.
//!
//! Only eight handlers run at once. The saved position stays below the first unfinished message, so whatever was
//! in flight at a crash is delivered again.

mod message;
mod row;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Display;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use local_aws::dynamodb::{Checkpoint, Sequence, StreamError, TableStream};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};

use self::message::{Message, Queue, bury, delay};
use self::row::Row;

/// The file in the data directory that holds the position.
pub const CHECKPOINT_FILE: &str = "outbox.checkpoint";
/// How often the stream is read.
pub const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// Handlers that run at once.
pub const CONCURRENCY: usize = 8;
/// Failures after which a message is given up.
pub const MAX_ATTEMPTS: u32 = 1_000;
/// The file in the data directory that holds the messages that were given up.
pub const DEAD_LETTER_FILE: &str = "dead-letters.jsonl";

/// Rows read at once, and messages that may wait for a free handler before more are read.
const BATCH: usize = 100;

/// A consumer: called with a message's body, `{"row":"OUTBOX#…"}`.
pub type Handler<E> = Arc<dyn Fn(String) -> BoxFuture<'static, Result<(), E>> + Send + Sync>;

/// The consumers.
pub struct Handlers<E> {
    /// Takes the rows that ask for a mail.
    pub mailer: Handler<E>,
    /// Takes the rows that ask for a sweep.
    pub sweeper: Handler<E>,
}

/// A row may ask for both, so a message is a row in a queue.
type Key = (Sequence, Queue);

/// The queues with everything that is on its way.
pub struct Consumers<E> {
    stream: TableStream,
    checkpoint: Checkpoint,
    dead_letters: Option<PathBuf>,
    handlers: Handlers<E>,
    received: Option<Sequence>,
    unfinished: BTreeMap<Key, Message>,
    ready: VecDeque<Key>,
    delayed: BTreeSet<(Instant, Key)>,
    running: JoinSet<(Key, Result<(), String>)>,
}

impl<E: Display + Send + 'static> Consumers<E> {
    /// Queues that go on reading `stream` from `checkpoint`. Given-up messages go to `dead_letters`, or are
    /// logged where there is no such file.
    #[must_use]
    pub fn new(
        stream: TableStream,
        checkpoint: Checkpoint,
        dead_letters: Option<PathBuf>,
        handlers: Handlers<E>,
    ) -> Self {
        Self {
            stream,
            received: checkpoint.saved(),
            checkpoint,
            dead_letters,
            handlers,
            unfinished: BTreeMap::new(),
            ready: VecDeque::new(),
            delayed: BTreeSet::new(),
            running: JoinSet::new(),
        }
    }

    /// Delivers until `shutdown` resolves, then waits for the handlers that run.
    pub async fn run(mut self, shutdown: impl Future<Output = ()>) {
        let mut shutdown = std::pin::pin!(shutdown);
        let mut tick = tokio::time::interval(POLL_INTERVAL);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                _ = tick.tick() => {
                    self.receive_or_warn();
                    self.save();
                }
                Some(Ok((key, result))) = self.running.join_next() => {
                    self.settle(key, result);
                }
            }
            self.start_due();
        }
        while let Some(Ok((key, result))) = self.running.join_next().await {
            self.settle(key, result);
        }
        self.save();
    }

    /// Delivers everything that is in the stream and due, once, and says how many messages that finished.
    pub async fn poll_once(&mut self) -> usize {
        let mut finished = 0;
        while self.receive_or_warn() > 0 {
            finished += self.deliver_due().await;
        }
        finished += self.deliver_due().await;
        self.save();
        finished
    }

    /// Delivers until nothing is left but messages that wait for another attempt, and says how many those are.
    pub async fn drain(&mut self) -> usize {
        while self.poll_once().await > 0 {}
        self.unfinished.len()
    }

    async fn deliver_due(&mut self) -> usize {
        let mut finished = 0;
        self.start_due();
        while let Some(Ok((key, result))) = self.running.join_next().await {
            finished += usize::from(self.settle(key, result));
            self.start_due();
        }
        finished
    }

    fn receive_or_warn(&mut self) -> usize {
        self.receive().unwrap_or_else(|error| {
            tracing::warn!(%error, "the outbox is read again shortly");
            0
        })
    }

    /// Reads the next rows, unless enough wait already, and says how many there were.
    fn receive(&mut self) -> Result<usize, StreamError> {
        if self.ready.len() >= BATCH {
            return Ok(0);
        }
        let rows = self.stream.next(BATCH)?;
        let count = rows.len();
        for Row {
            sequence,
            handed_on,
            mail,
            sweep,
        } in rows.into_iter().map(Row::read)
        {
            self.received = Some(sequence);
            let Some(row) = handed_on else { continue };
            let body = json!({ "row": row }).to_string();
            for (_, queue) in [(mail, Queue::Mailer), (sweep, Queue::Sweeper)]
                .into_iter()
                .filter(|(wanted, _)| *wanted)
            {
                self.unfinished.insert(
                    (sequence, queue),
                    Message {
                        body: body.clone(),
                        attempts: 0,
                    },
                );
                self.ready.push_back((sequence, queue));
            }
        }
        Ok(count)
    }

    fn start_due(&mut self) {
        let now = Instant::now();
        while let Some((due, key)) = self.delayed.first().copied() {
            if due > now {
                break;
            }
            self.delayed.pop_first();
            self.ready.push_back(key);
        }
        while self.running.len() < CONCURRENCY {
            let Some(key) = self.ready.pop_front() else {
                return;
            };
            let Some(message) = self.unfinished.get(&key) else {
                continue;
            };
            let handler = match key.1 {
                Queue::Mailer => &self.handlers.mailer,
                Queue::Sweeper => &self.handlers.sweeper,
            };
            let handler = Arc::clone(handler);
            let body = message.body.clone();
            self.running.spawn(async move {
                let outcome = AssertUnwindSafe(async move { handler(body).await })
                    .catch_unwind()
                    .await;
                let result = match outcome {
                    Ok(result) => result.map_err(|failure| failure.to_string()),
                    Err(_) => Err("the handler panicked".to_owned()),
                };
                (key, result)
            });
        }
    }

    /// Books a handler's result; true when the message is finished.
    fn settle(&mut self, key: Key, result: Result<(), String>) -> bool {
        let Some(message) = self.unfinished.get_mut(&key) else {
            return false;
        };
        let Err(failure) = result else {
            self.unfinished.remove(&key);
            return true;
        };
        message.attempts += 1;
        let (attempts, queue) = (message.attempts, key.1.name());
        tracing::warn!(
            queue,
            body = message.body,
            attempts,
            failure,
            "a message was not handled"
        );
        if attempts >= MAX_ATTEMPTS && bury(self.dead_letters.as_ref(), queue, message, &failure) {
            self.unfinished.remove(&key);
            return true;
        }
        self.delayed.insert((Instant::now() + delay(attempts), key));
        false
    }

    /// Saves the position below the first unfinished message. A failure is tried again with the next position.
    fn save(&mut self) {
        let position = match self.unfinished.first_key_value() {
            Some(((sequence, _), _)) => Some(sequence.before()),
            None => self.received,
        };
        let saved = self.checkpoint.save(position);
        if let Err(error) =
            saved.and_then(|()| position.map_or(Ok(()), |position| self.stream.trim(position)))
        {
            tracing::warn!(%error, "the outbox's position is not saved, or its stream not trimmed");
        }
    }
}
