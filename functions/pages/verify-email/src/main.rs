//! The Lambda function `pages-verify-email`.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::lambda::run(pages_verify_email::endpoint).await
}
