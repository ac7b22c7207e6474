//! The two queues between the outbox stream and their consumers.
//!
//! Delivery is at least once, as with SQS: a message is done when its handler says so. A failed one comes again,
//! after half a second, then twice as long each time up to ten seconds; meanwhile the rows behind it are
//! delivered. After a thousand failures it is written to the dead-letter file, where an operator finds it.
//!
//! Only eight handlers run at once. The saved position stays below the first unfinished message, so whatever was
//! in flight at a crash is delivered again.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Display;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use dynoxide::AttributeValue;
use dynoxide::actions::get_records::Record;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};

use crate::data_directory::append_line;
use crate::streams::{Checkpoint, Sequence, StreamError, TableStream};

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

const FIRST_DELAY: Duration = Duration::from_millis(500);
const LONGEST_DELAY: Duration = Duration::from_secs(10);
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

/// What the pipes look at in a record: the template's filters say which row goes where, and this says the same.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    /// Its place.
    sequence: Sequence,
    /// The row's key, if the row is new or is handed on once more.
    handed_on: Option<String>,
    /// Whether it asks for a mail.
    mail: bool,
    /// Whether it asks for a sweep of sessions.
    sweep: bool,
}

impl Row {
    fn read((sequence, record): (Sequence, Record)) -> Self {
        let (is_new, is_changed) = (record.event_name == "INSERT", record.event_name == "MODIFY");
        let image = record.dynamodb.new_image;
        let image = image
            .filter(|image| is_new || is_changed && image.contains_key("redriven_at"))
            .unwrap_or_default();
        let handed_on = match image.get("pk") {
            Some(AttributeValue::S(key)) => Some(key.clone()),
            _ => None,
        };
        Self {
            sequence,
            handed_on,
            mail: image.contains_key("mail"),
            sweep: image.contains_key("sweep"),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Queue {
    Mailer,
    Sweeper,
}

impl Queue {
    const fn name(self) -> &'static str {
        match self {
            Self::Mailer => "mailer",
            Self::Sweeper => "sweeper",
        }
    }
}

/// A row may ask for both, so a message is a row in a queue.
type Key = (Sequence, Queue);

#[derive(Debug)]
struct Message {
    body: String,
    attempts: u32,
}

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

/// How long a message rests after its `attempts`th failure.
fn delay(attempts: u32) -> Duration {
    let doublings = attempts.saturating_sub(1).min(10);
    FIRST_DELAY
        .saturating_mul(1 << doublings)
        .min(LONGEST_DELAY)
}

/// Writes a message to the dead-letter file; false when that failed, and the message must be kept.
fn bury(file: Option<&PathBuf>, queue: &str, message: &Message, failure: &str) -> bool {
    let Message { body, attempts } = message;
    tracing::error!(queue, body, attempts, failure, "a message is given up");
    let Some(file) = file else { return true };
    let line = json!({ "queue": queue, "body": body, "attempts": attempts, "failure": failure })
        .to_string();
    append_line(file, &line)
        .inspect_err(|error| tracing::error!(%error, "the dead-letter file cannot be written"))
        .is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::testing::TempDir;
    use crate::streams::tests::{OUTBOX, outbox, put};
    use dynoxide::Database;
    use std::collections::HashMap;
    use std::sync::Mutex;
    use tokio::sync::Semaphore;

    /// Records what is delivered; fails the rows it is told to fail, as often as it is told.
    #[derive(Clone, Default)]
    struct Recorder {
        seen: Arc<Mutex<Vec<String>>>,
        failures: Arc<Mutex<HashMap<String, usize>>>,
    }

    impl Recorder {
        fn failing(row: &str, times: usize) -> Self {
            let recorder = Self::default();
            recorder
                .failures
                .lock()
                .unwrap()
                .insert(format!("{{\"row\":\"{row}\"}}"), times);
            recorder
        }

        fn handler(&self, queue: &'static str) -> Handler<String> {
            let recorder = self.clone();
            Arc::new(move |body| {
                let recorder = recorder.clone();
                Box::pin(async move {
                    recorder
                        .seen
                        .lock()
                        .unwrap()
                        .push(format!("{queue} {body}"));
                    match recorder.failures.lock().unwrap().get_mut(&body) {
                        Some(left) if *left > 0 => {
                            *left -= 1;
                            Err("told to fail".to_owned())
                        }
                        _ => Ok(()),
                    }
                })
            })
        }

        fn handlers(&self) -> Handlers<String> {
            Handlers {
                mailer: self.handler("mailer"),
                sweeper: self.handler("sweeper"),
            }
        }

        fn seen(&self) -> Vec<String> {
            std::mem::take(&mut *self.seen.lock().unwrap())
        }
    }

    fn mail(row: &str) -> String {
        format!("mailer {{\"row\":\"{row}\"}}")
    }

    fn put_mail(database: &Database, row: &str) {
        put(
            database,
            &json!({ "pk": { "S": row }, "mail": { "S": "verify" } }),
        );
    }

    fn consumers(
        database: &Database,
        scratch: &TempDir,
        handlers: Handlers<String>,
    ) -> Consumers<String> {
        let checkpoint = Checkpoint::open(Some(scratch.path(CHECKPOINT_FILE))).unwrap();
        let stream = TableStream::open(database.clone(), OUTBOX, checkpoint.saved()).unwrap();
        Consumers::new(
            stream,
            checkpoint,
            Some(scratch.path(DEAD_LETTER_FILE)),
            handlers,
        )
    }

    #[tokio::test(start_paused = true)]
    async fn each_row_goes_to_the_queues_it_asks_for() {
        let (database, scratch, recorder) = (outbox(), TempDir::new(), Recorder::default());
        put_mail(&database, "OUTBOX#1");
        put(
            &database,
            &json!({ "pk": { "S": "OUTBOX#2" }, "sweep": { "S": "user" } }),
        );
        put(&database, &json!({ "pk": { "S": "OUTBOX#3" } }));
        put(
            &database,
            &json!({ "pk": { "S": "OUTBOX#4" }, "mail": { "S": "x" }, "sweep": { "S": "y" } }),
        );
        assert_eq!(
            consumers(&database, &scratch, recorder.handlers())
                .poll_once()
                .await,
            4
        );
        let mut seen = recorder.seen();
        seen.sort();
        let rows: Vec<_> = seen
            .iter()
            .map(|line| line.replace("{\"row\":\"OUTBOX#", "").replace("\"}", ""))
            .collect();
        assert_eq!(rows, ["mailer 1", "mailer 4", "sweeper 2", "sweeper 4"]);
    }

    #[test]
    fn changed_and_removed_rows_ask_for_nothing() {
        let database = outbox();
        put(
            &database,
            &json!({ "pk": { "S": "OUTBOX#1" }, "mail": { "S": "verify" } }),
        );
        put(
            &database,
            &json!({ "pk": { "S": "OUTBOX#1" }, "mail": { "S": "verify" }, "sent": { "BOOL": true } }),
        );
        let key = json!({ "TableName": OUTBOX, "Key": { "pk": { "S": "OUTBOX#1" } } });
        database
            .delete_item(serde_json::from_value(key).unwrap())
            .unwrap();
        let rows = TableStream::open(database, OUTBOX, None)
            .unwrap()
            .next(10)
            .unwrap();
        let rows: Vec<_> = rows.into_iter().map(Row::read).collect();
        assert_eq!(rows.iter().filter(|row| row.handed_on.is_some()).count(), 1);
        assert_eq!(rows.len(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_row_that_is_marked_is_handed_on_once_more() {
        let (database, scratch, recorder) = (outbox(), TempDir::new(), Recorder::default());
        put_mail(&database, "OUTBOX#1");
        let marked = json!({ "pk": { "S": "OUTBOX#1" }, "mail": { "S": "verify" }, "redriven_at": { "N": "1" } });
        put(&database, &marked);
        assert_eq!(
            consumers(&database, &scratch, recorder.handlers())
                .poll_once()
                .await,
            2
        );
        assert_eq!(recorder.seen(), [mail("OUTBOX#1"), mail("OUTBOX#1")]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failing_message_comes_again_later_and_holds_up_nobody() {
        let (database, scratch, recorder) =
            (outbox(), TempDir::new(), Recorder::failing("OUTBOX#1", 2));
        put_mail(&database, "OUTBOX#1");
        put_mail(&database, "OUTBOX#2");
        let mut consumers = consumers(&database, &scratch, recorder.handlers());
        assert_eq!(consumers.poll_once().await, 1);
        assert_eq!(recorder.seen().len(), 2);
        assert_eq!(consumers.poll_once().await, 0, "it came again at once");
        tokio::time::advance(Duration::from_millis(500)).await;
        assert_eq!(
            (consumers.poll_once().await, recorder.seen()),
            (0, vec![mail("OUTBOX#1")])
        );
        tokio::time::advance(Duration::from_millis(999)).await;
        assert_eq!((consumers.poll_once().await, recorder.seen()), (0, vec![]));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(
            (consumers.poll_once().await, recorder.seen()),
            (1, vec![mail("OUTBOX#1")])
        );
    }

    #[test]
    fn the_delay_doubles_up_to_ten_seconds() {
        let delays: Vec<_> = (1..=7)
            .map(|attempts| delay(attempts).as_millis())
            .collect();
        assert_eq!(delays, [500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
        assert_eq!(delay(MAX_ATTEMPTS), LONGEST_DELAY);
    }

    #[tokio::test(start_paused = true)]
    async fn a_crash_between_handling_and_saving_delivers_again() {
        let (database, scratch, recorder) = (outbox(), TempDir::new(), Recorder::default());
        put_mail(&database, "OUTBOX#1");
        assert_eq!(
            consumers(&database, &scratch, recorder.handlers())
                .drain()
                .await,
            0
        );
        put_mail(&database, "OUTBOX#2");
        let mut crashing = consumers(&database, &scratch, recorder.handlers());
        crashing.receive().unwrap();
        assert_eq!(crashing.deliver_due().await, 1);
        drop(crashing);
        assert_eq!(recorder.seen(), [mail("OUTBOX#1"), mail("OUTBOX#2")]);
        let mut restarted = consumers(&database, &scratch, recorder.handlers());
        assert_eq!(
            (restarted.poll_once().await, recorder.seen()),
            (1, vec![mail("OUTBOX#2")])
        );
        drop(restarted);
        assert_eq!(
            consumers(&database, &scratch, recorder.handlers())
                .poll_once()
                .await,
            0
        );
    }

    #[tokio::test(start_paused = true)]
    async fn the_saved_position_stays_below_a_failing_message() {
        let (database, scratch, recorder) = (
            outbox(),
            TempDir::new(),
            Recorder::failing("OUTBOX#2", usize::MAX),
        );
        for row in ["OUTBOX#1", "OUTBOX#2", "OUTBOX#3"] {
            put_mail(&database, row);
        }
        assert_eq!(
            consumers(&database, &scratch, recorder.handlers())
                .drain()
                .await,
            1
        );
        recorder.seen();
        let healed = Recorder::default();
        assert_eq!(
            consumers(&database, &scratch, healed.handlers())
                .drain()
                .await,
            0
        );
        assert_eq!(healed.seen(), [mail("OUTBOX#2"), mail("OUTBOX#3")]);
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_thousand_failures_a_message_is_a_dead_letter() {
        let (database, scratch, recorder) = (
            outbox(),
            TempDir::new(),
            Recorder::failing("OUTBOX#1", usize::MAX),
        );
        put_mail(&database, "OUTBOX#1");
        let mut consumers = consumers(&database, &scratch, recorder.handlers());
        for _ in 1..MAX_ATTEMPTS {
            assert_eq!(consumers.poll_once().await, 0);
            tokio::time::advance(LONGEST_DELAY).await;
        }
        assert!(!scratch.path(DEAD_LETTER_FILE).exists());
        assert_eq!(
            (consumers.poll_once().await, consumers.drain().await),
            (1, 0)
        );
        assert_eq!(recorder.seen().len(), 1_000);
        let line: serde_json::Value = serde_json::from_str(
            std::fs::read_to_string(scratch.path(DEAD_LETTER_FILE))
                .unwrap()
                .trim(),
        )
        .unwrap();
        assert_eq!(
            (&line["queue"], &line["attempts"]),
            (&json!("mailer"), &json!(1_000))
        );
        assert_eq!(line["body"], "{\"row\":\"OUTBOX#1\"}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_panicking_handler_is_a_failure_like_any_other() {
        let (database, scratch) = (outbox(), TempDir::new());
        put_mail(&database, "OUTBOX#1");
        put_mail(&database, "OUTBOX#2");
        let handler: Handler<String> = Arc::new(|body| {
            if body.contains("#1") {
                panic!("out of the handler")
            } else {
                Box::pin(async { Ok(()) })
            }
        });
        let handlers = Handlers {
            mailer: Arc::clone(&handler),
            sweeper: handler,
        };
        let mut consumers = consumers(&database, &scratch, handlers);
        assert_eq!(
            (consumers.poll_once().await, consumers.unfinished.len()),
            (1, 1)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_than_eight_handlers_run_at_once_and_a_stop_waits_for_them() {
        let (database, scratch) = (outbox(), TempDir::new());
        for number in 0..20 {
            put_mail(&database, &format!("OUTBOX#{number}"));
        }
        let (gate, running) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let handler: Handler<String> = {
            let (gate, running) = (Arc::clone(&gate), Arc::clone(&running));
            Arc::new(move |_| {
                let (gate, running) = (Arc::clone(&gate), Arc::clone(&running));
                Box::pin(async move {
                    running.add_permits(1);
                    gate.acquire().await.unwrap().forget();
                    Ok(())
                })
            })
        };
        let handlers = Handlers {
            mailer: Arc::clone(&handler),
            sweeper: handler,
        };
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let task = tokio::spawn(
            consumers(&database, &scratch, handlers).run(async { drop(stopped.await) }),
        );
        drop(running.acquire_many(8).await.unwrap());
        tokio::time::advance(POLL_INTERVAL * 3).await;
        assert_eq!(running.available_permits(), 8);
        stop.send(()).unwrap();
        gate.add_permits(8);
        task.await.unwrap();
        let left = consumers(&database, &scratch, Recorder::default().handlers())
            .poll_once()
            .await;
        assert_eq!(left, 12);
    }
}
