//! The Lambda function `sessions-revoke-all`.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::runtime::lambda::run(sessions_revoke_all::endpoint).await
}
