//! The Lambda function `admin-create-invitation`.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::runtime::lambda::run(admin_create_invitation::endpoint).await
}
