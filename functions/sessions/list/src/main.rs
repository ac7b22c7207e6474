//! The Lambda function `sessions-list`.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::runtime::lambda::run(sessions_list::endpoint).await
}
