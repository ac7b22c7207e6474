//! The Lambda function `admin-disable-user`.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::runtime::lambda::run(admin_disable_user::endpoint).await
}
