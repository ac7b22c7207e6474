//! `cargo run`: Dashtam Auth on this machine. See the library for what it is made of.
//!
//! Whatever keeps it from starting is one line on standard error and exit code 2.

use std::error::Error;
use std::process::ExitCode;

use dashtam_local::options::{Options, Refusal};
use dashtam_local::stack::Stack;
use shared::config::Settings;
use shared::http::error_chain;
use shared::telemetry::{LogFormat, init_logging};
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main(worker_threads = 2)]
async fn main() -> ExitCode {
    let options = match Options::read(std::env::args_os()) {
        Ok(options) => options,
        Err(Refusal::Information(text)) => {
            print!("{text}");
            return ExitCode::SUCCESS;
        }
        Err(Refusal::Mistake(line)) => return refuse(&line),
    };
    match Box::pin(run(&options)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => refuse(&error_chain(error.as_ref())),
    }
}

async fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let settings = Settings::from_process();
    init_logging(settings.get("DASHTAM_LOG").or(Some("warn")), LogFormat::Text);
    // Before anything is made: a signal during the start ends it in order, too.
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let stack = tokio::select! {
        stack = Stack::start(options, &settings) => stack?,
        _ = interrupt.recv() => return Ok(()),
        _ = terminate.recv() => return Ok(()),
    };
    let url = format!("http://{}", stack.address());
    println!("Dashtam Auth is ready at {url} (mail: {url}/_local, interface: {url}/docs/)");
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    stack.stop().await;
    Ok(())
}

fn refuse(why: &str) -> ExitCode {
    let line = why.split_whitespace().collect::<Vec<_>>().join(" ");
    eprintln!("dashtam-local: {line}");
    ExitCode::from(2)
}
