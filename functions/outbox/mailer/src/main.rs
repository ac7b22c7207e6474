//! The Lambda function `outbox-mailer`.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::runtime::lambda::run_consumer(outbox_mailer::consumer).await
}
