//! The Lambda function `admin-find-users`.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::runtime::lambda::run(admin_find_users::endpoint).await
}
