//! The Lambda function `service-openapi`.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::lambda::run(service_openapi::endpoint).await
}
