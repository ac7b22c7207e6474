//! The Lambda function `service-fallback`: 404, 405 with `Allow`, and OPTIONS, for every path that has no such method.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::runtime::lambda::run_fallback().await
}
