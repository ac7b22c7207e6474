//! The queues over a real stream.

use super::message::LONGEST_DELAY;
use super::*;
use crate::testing::{OUTBOX, TempDir, outbox, put};
use dynoxide::Database;
use std::collections::HashMap;
use std::sync::Mutex;
use tokio::sync::Semaphore;

mod failures;

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
    let task =
        tokio::spawn(consumers(&database, &scratch, handlers).run(async { drop(stopped.await) }));
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
