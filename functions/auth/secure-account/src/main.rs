//! The Lambda function `auth-secure-account`.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::runtime::lambda::run(auth_secure_account::endpoint).await
}
