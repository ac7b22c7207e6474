//! The Lambda function `admin-rotate-signing-keys`.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::runtime::lambda::run(admin_rotate_signing_keys::endpoint).await
}
