//! Messages that fail, and what is left of them after a crash.

use super::*;

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
