//! The Lambda function `well-known-openid-configuration`.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::lambda::run(well_known_openid_configuration::endpoint).await
}
