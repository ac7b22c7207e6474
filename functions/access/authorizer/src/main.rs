//! The Lambda function `access-authorizer`.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::runtime::lambda::run_authorizer(access_authorizer::authorizer).await
}
