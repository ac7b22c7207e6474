//! The Lambda function `admin-audit-events`.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::runtime::lambda::run(admin_audit_events::endpoint).await
}
