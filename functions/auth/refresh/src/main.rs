//! The Lambda function `auth-refresh`.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::runtime::lambda::run(auth_refresh::endpoint).await
}
