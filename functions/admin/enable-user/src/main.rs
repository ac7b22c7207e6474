//! The Lambda function `admin-enable-user`.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::runtime::lambda::run(admin_enable_user::endpoint).await
}
