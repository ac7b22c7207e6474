//! `cargo run`: Dashtam Auth on this machine. See the library for what it is made of.
//!
//! Whatever keeps it from starting is one line on standard error and exit code 2.

use std::error::Error;
use std::io::{self, Write as _};
use std::process::ExitCode;

use dashtam_local::env_file::{self, Merged};
use dashtam_local::options::{Options, Refusal};
use dashtam_local::stack::Stack;
use shared::config::Settings;
use shared::ground::error_chain;
use shared::telemetry::{LogFormat, init_logging};
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main(worker_threads = 2)]
async fn main() -> ExitCode {
    let options = match Options::read(std::env::args_os()) {
        Ok(options) => options,
        Err(Refusal::Information(text)) => {
            return match say(text.trim_end()) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => refuse(&format!("standard output cannot be written: {error}")),
            };
        }
        Err(Refusal::Mistake(line)) => return refuse(&line),
    };
    match Box::pin(run(&options)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => refuse(&error_chain(error.as_ref())),
    }
}

async fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let Merged {
        settings,
        file,
        names,
    } = env_file::merge(Settings::from_process(), options.env_file.as_deref())?;
    init_logging(
        settings.get("DASHTAM_LOG").or(Some("warn")),
        LogFormat::Text,
    );
    if let Some(file) = file.filter(|_| !names.is_empty()) {
        eprintln!("Settings from {}: {}", file.display(), names.join(", "));
    }
    // Before anything is made: a signal during the start ends it in order, too.
    let (mut interrupt, mut terminate) = (
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
    );
    let stack = tokio::select! {
        stack = Stack::start(options, &settings) => stack?,
        _ = interrupt.recv() => return Ok(()),
        _ = terminate.recv() => return Ok(()),
    };
    let url = format!("http://{}", stack.address());
    // Without a reader the service is as useful: `println!` would panic and end it.
    if let Err(error) = say(&format!(
        "Dashtam Auth is ready at {url} (mail: {url}/_local, interface: {url}/docs/)"
    )) {
        eprintln!("dashtam-local: ready at {url}; standard output cannot be written: {error}");
    }
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    stack.stop().await;
    Ok(())
}

fn say(line: &str) -> io::Result<()> {
    let mut out = io::stdout();
    writeln!(out, "{line}").and_then(|()| out.flush())
}

fn refuse(why: &str) -> ExitCode {
    let line = why.split_whitespace().collect::<Vec<_>>().join(" ");
    eprintln!("dashtam-local: {line}");
    ExitCode::from(2)
}
