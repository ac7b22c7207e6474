//! The Lambda function `auth-change-password`.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::runtime::lambda::run(auth_change_password::endpoint).await
}
