//! `cargo bench -p dashtam-bench`; add `-- --quick` for the short form. See `docs/performance.md`.

use std::path::Path;
use std::process::ExitCode;

use dashtam_bench::{run, serve};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments.as_slice() {
        [serve::COMMAND, storage @ ..] => serve::serve(storage),
        // `cargo test --benches` starts this, too, without the argument; a test run is no time to measure.
        all if !all.contains(&"--bench") => {
            println!("not measured: run `cargo bench -p dashtam-bench`");
            Ok(())
        }
        all => run(
            all.contains(&"--quick"),
            Path::new(env!("CARGO_TARGET_TMPDIR")),
        ),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("local_run: {error}");
            ExitCode::FAILURE
        }
    }
}
