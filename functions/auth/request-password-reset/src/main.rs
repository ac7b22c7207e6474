//! The Lambda function `auth-request-password-reset`.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::runtime::lambda::run(auth_request_password_reset::endpoint).await
}
