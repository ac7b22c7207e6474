//! Answers that cannot be written.

use std::io::{self, BufWriter, Write};

use super::EMAIL;
use crate::local::{Local, REASON};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_cannot_be_written_is_no_success() {
    let local = Local::start("full").await;
    local.join(EMAIL).await;
    for command in [
        &["users", "export", EMAIL, "--reason", REASON][..],
        &["users", "export", EMAIL, "--reason", REASON, "--json"],
        &["audit", "query", "--user", EMAIL],
        &["audit", "tail", "--user", EMAIL, "--json"],
        &["config", "check"],
        &["outbox", "list"],
        &["--help"],
    ] {
        let ran = local.ops_to(command, BufWriter::new(Full)).await.assert(1);
        assert!(
            ran.err.contains("Standard output could not be written"),
            "{command:?}: {}",
            ran.err
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_keeps_its_exit_code_where_nothing_can_be_written() {
    let local = Local::start("full-refused").await;
    let ran = local
        .ops_to(&["users", "show", "nobody@example.com", "--json"], Full)
        .await
        .assert(3);
    assert!(
        ran.err.contains("no account") && ran.err.contains("could not be written"),
        "{}",
        ran.err
    );
}

/// A full disk.
struct Full;

impl Write for Full {
    fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::StorageFull.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
