//! The Lambda function `keys-rotate-data`.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::runtime::lambda::run_rotation(keys_rotate_data::rotation).await
}
