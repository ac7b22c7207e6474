//! The Lambda function `auth-resend-verification`.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::runtime::lambda::run(auth_resend_verification::endpoint).await
}
