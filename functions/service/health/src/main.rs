//! The Lambda function `service-health`.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::lambda::run(service_health::endpoint).await
}
