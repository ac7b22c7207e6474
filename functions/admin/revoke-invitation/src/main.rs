//! The Lambda function `admin-revoke-invitation`.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::runtime::lambda::run(admin_revoke_invitation::endpoint).await
}
