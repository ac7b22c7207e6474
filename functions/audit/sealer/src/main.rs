//! The Lambda function `audit-sealer`.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::runtime::lambda::run_stream(audit_sealer::consumer).await
}
