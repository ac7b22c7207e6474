//! The Lambda function `admin-security-config`.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::runtime::lambda::run(admin_security_config::endpoint).await
}
