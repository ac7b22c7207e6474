//! The Lambda function `pages-accept-invitation`.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::lambda::run(pages_accept_invitation::endpoint).await
}
