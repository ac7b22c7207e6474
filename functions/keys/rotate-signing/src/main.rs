//! The Lambda function `keys-rotate-signing`.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::runtime::lambda::run_rotation(keys_rotate_signing::rotation).await
}
