//! The Lambda function `auth-update-me`.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::runtime::lambda::run(auth_update_me::endpoint).await
}
