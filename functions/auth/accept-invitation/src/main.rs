//! The Lambda function `auth-accept-invitation`.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::runtime::lambda::run(auth_accept_invitation::endpoint).await
}
