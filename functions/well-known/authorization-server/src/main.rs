//! The Lambda function `well-known-authorization-server`.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::lambda::run(well_known_authorization_server::endpoint).await
}
