//! The Lambda function `pages-secure-account`.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::lambda::run(pages_secure_account::endpoint).await
}
