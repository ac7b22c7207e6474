//! The Lambda function `auth-reset-password`.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::runtime::lambda::run(auth_reset_password::endpoint).await
}
