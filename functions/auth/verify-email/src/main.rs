//! The Lambda function `auth-verify-email`.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::runtime::lambda::run(auth_verify_email::endpoint).await
}
