//! The measured process, seen from the benchmark.

use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use crate::load::{Load, Measured};
use crate::sessions::Fill;
use crate::{Failure, process, serve};

/// The defaults are measured, except that nobody is refused for coming often. The logins' bucket holds more, but is
/// refilled as by default, a token in 12 s: it then stays in one state while many log in at once.
const SETTINGS: [(&str, &str); 2] = [
    ("DASHTAM_RATE_LIMIT_SCALE", "1000"),
    ("DASHTAM_RATE_LIMIT_LOGIN", "20/0.005"),
];

/// A running service. Dropping it ends the process and removes its data.
pub struct Server {
    child: Child,
    orders: ChildStdin,
    words: Lines<BufReader<ChildStdout>>,
    address: SocketAddr,
    directory: Option<PathBuf>,
}

impl Server {
    /// Starts a service that keeps its state in memory.
    ///
    /// # Errors
    /// It does not start.
    pub fn in_memory() -> Result<Self, Failure> {
        Self::start(None)
    }

    /// Starts a service on a new data directory in `scratch`.
    ///
    /// # Errors
    /// It does not start.
    pub fn on_files(scratch: &Path) -> Result<Self, Failure> {
        let directory = scratch.join(format!("dashtam-bench-{}", std::process::id()));
        // An earlier process of the same number may have been killed.
        let _nothing_there = std::fs::remove_dir_all(&directory);
        Self::start(Some(directory))
    }

    fn start(directory: Option<PathBuf>) -> Result<Self, Failure> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(serve::COMMAND).args(&directory);
        // Whatever is set where the benchmark is started.
        command.env_clear().envs(SETTINGS);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let orders = child.stdin.take().ok_or("no standard input")?;
        let mut words = BufReader::new(child.stdout.take().ok_or("no standard output")?).lines();
        let word = words.next().ok_or("the service did not start")??;
        let address = word
            .strip_prefix(serve::READY)
            .ok_or("the service said something else than its address")?
            .parse()?;
        Ok(Self {
            child,
            orders,
            words,
            address,
            directory,
        })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Runs a load against it.
    pub fn measure(&self, load: Load<'_>) -> Result<Measured, Failure> {
        load.run(self.address, self.child.id())
    }

    /// Its CPU so far.
    ///
    /// # Errors
    /// It has ended.
    pub fn cpu(&self) -> Result<Duration, Failure> {
        process::cpu(self.child.id())
    }

    /// The most memory that it has ever used, in MiB.
    ///
    /// # Errors
    /// It has ended.
    #[expect(clippy::cast_precision_loss, reason = "no process has 2^52 bytes")]
    pub fn peak_mebibytes(&self) -> Result<f64, Failure> {
        Ok(process::peak_memory(self.child.id())? as f64 / f64::from(1 << 20))
    }

    /// Puts sessions into its tables.
    ///
    /// # Errors
    /// It could not; it said why on standard error.
    pub fn fill(&mut self, order: Fill) -> Result<(), Failure> {
        writeln!(self.orders, "{order}")?;
        match self.words.next() {
            Some(Ok(word)) if word == serve::DONE => Ok(()),
            _ => Err("sessions could not be put into the tables".into()),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ended_before = self.child.kill();
        let _no_status = self.child.wait();
        if let Some(directory) = &self.directory {
            let _left_behind = std::fs::remove_dir_all(directory);
        }
    }
}
