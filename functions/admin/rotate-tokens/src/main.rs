//! The Lambda function `admin-rotate-tokens`.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::runtime::lambda::run(admin_rotate_tokens::endpoint).await
}
