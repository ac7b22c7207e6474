//! The Lambda function `admin-list-invitations`.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::runtime::lambda::run(admin_list_invitations::endpoint).await
}
