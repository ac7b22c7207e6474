//! The Lambda function `outbox-digests`.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::runtime::lambda::run_scheduled(outbox_digests::job).await
}
