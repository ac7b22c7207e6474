//! `cargo run --bin ops -- …`: the operator's command. See the library for what it can do.

use std::process::{Command, ExitCode};

use migrations::steps;
use shared::config::Settings;

#[tokio::main(worker_threads = 2)]
async fn main() -> ExitCode {
    let (mut out, mut err) = (std::io::stdout(), std::io::stderr());
    let arguments = std::env::args_os();
    ExitCode::from(
        Box::pin(ops::run(
            arguments,
            &settings(),
            steps::ALL,
            &mut out,
            &mut err,
        ))
        .await,
    )
}

/// The environment, and who runs this where it does not say: containers and services often lack `USER`, but POSIX `id`
/// knows the account.
fn settings() -> Settings {
    let settings = Settings::from_process();
    if settings.get("USER").is_some_and(|name| !name.is_empty()) {
        return settings;
    }
    match Command::new("id").arg("-un").output() {
        Ok(told) if told.status.success() => {
            settings.with("USER", String::from_utf8_lossy(&told.stdout).trim())
        }
        _ => settings,
    }
}
