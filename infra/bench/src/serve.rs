//! The measured process: the local run as `cargo run` starts it, with one addition, a channel on which sessions can be
//! put into its tables.
//!
//! It ends when its standard input does, so it never outlives the benchmark.

use std::io::BufRead as _;
use std::path::PathBuf;

use dashtam_local::options::Options;
use dashtam_local::stack::Stack;
use shared::config::Settings;
use shared::telemetry::{LogFormat, init_logging};

use crate::{Failure, sessions};

/// The first argument of such a process; the second is its data directory, without which it keeps all in memory.
pub const COMMAND: &str = "serve";
/// What it says when it can be used; the address follows.
pub const READY: &str = "ready ";
/// What it says when an order is carried out.
pub const DONE: &str = "done";

/// Serves until standard input ends. Each line of it is an order in the form of [`sessions::Fill`].
///
/// # Errors
/// The service does not start, or an order cannot be carried out.
pub fn serve(storage: &[&str]) -> Result<(), Failure> {
    let data_dir = storage.first().map(PathBuf::from);
    let (in_memory, data_dir) = (data_dir.is_none(), data_dir.unwrap_or_default());
    let options = Options {
        port: 0,
        in_memory,
        data_dir,
        env_file: None,
    };
    init_logging(Some("warn"), LogFormat::Text);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let settings = Settings::from_process();
    let stack = runtime.block_on(Box::pin(Stack::start(&options, &settings)))?;
    println!("{READY}{}", stack.address());
    for line in std::io::stdin().lock().lines() {
        let order: sessions::Fill = line?.parse()?;
        sessions::fill(&stack.aws().database, order)?;
        println!("{DONE}");
    }
    runtime.block_on(stack.stop());
    Ok(())
}
