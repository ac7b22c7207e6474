//! The Lambda function `pages-errors`.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::lambda::run(pages_errors::endpoint).await
}
