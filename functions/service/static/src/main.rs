//! The Lambda function `service-static`.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::runtime::lambda::run_several(service_static::endpoints).await
}
