//! The Lambda function `auth-delete-me`.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::runtime::lambda::run(auth_delete_me::endpoint).await
}
