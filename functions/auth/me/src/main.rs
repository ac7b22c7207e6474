//! The Lambda function `auth-me`.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::runtime::lambda::run(auth_me::endpoint).await
}
