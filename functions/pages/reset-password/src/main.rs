//! The Lambda function `pages-reset-password`.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::lambda::run(pages_reset_password::endpoint).await
}
