//! The Lambda function `admin-unlock-user`.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::runtime::lambda::run(admin_unlock_user::endpoint).await
}
