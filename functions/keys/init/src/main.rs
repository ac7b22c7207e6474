//! The Lambda function `keys-init`.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::runtime::lambda::run_job(keys_init::job).await
}
