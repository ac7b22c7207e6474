//! The Lambda function `audit-checkpoint`.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::runtime::lambda::run_scheduled(audit_checkpoint::job).await
}
