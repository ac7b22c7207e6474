//! The Lambda function `auth-reauthenticate`.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::runtime::lambda::run(auth_reauthenticate::endpoint).await
}
