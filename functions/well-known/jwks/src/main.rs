//! The Lambda function `well-known-jwks`.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::runtime::lambda::run(well_known_jwks::endpoint).await
}
