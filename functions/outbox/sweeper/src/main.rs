//! The Lambda function `outbox-sweeper`.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::runtime::lambda::run_consumer(outbox_sweeper::consumer).await
}
