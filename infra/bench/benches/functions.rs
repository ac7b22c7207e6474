//! `cargo bench -p dashtam-bench --bench functions`; add `-- --quick` for the short form, and names of functions to measure
//! those alone. See `docs/performance.md`.

use std::process::{Command, ExitCode};

use dashtam_bench::Failure;
use dashtam_bench::functions::{Bounds, run};

/// Set where this program has started itself again on one processor.
const PINNED: &str = "DASHTAM_BENCH_PINNED";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // `cargo test --benches` starts this, too, without the argument; a test run is no time to measure.
    if !arguments.iter().any(|argument| argument == "--bench") {
        println!("not measured: run `cargo bench -p dashtam-bench --bench functions`");
        return ExitCode::SUCCESS;
    }
    let result = match pinned(&arguments) {
        Some(code) => return code,
        None => measure(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("functions: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(arguments: &[String]) -> Result<(), Failure> {
    let is_quick = arguments.iter().any(|argument| argument == "--quick");
    let only: Vec<&str> = arguments
        .iter()
        .map(String::as_str)
        .filter(|argument| !argument.starts_with("--"))
        .collect();
    run(
        if is_quick {
            &Bounds::QUICK
        } else {
            &Bounds::FULL
        },
        &only,
    )
}

/// Starts this program again on one processor, with everything that it starts: whether two ends of a connection share a
/// processor or wake each other up would be half of what is measured. Without `taskset` it is measured as it comes.
fn pinned(arguments: &[String]) -> Option<ExitCode> {
    if std::env::var_os(PINNED).is_some() {
        return None;
    }
    let own = std::env::current_exe().ok()?;
    let status = Command::new("taskset")
        .args(["-c", "0"])
        .arg(own)
        .args(arguments)
        .env(PINNED, "1")
        .status()
        .ok()?;
    Some(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
