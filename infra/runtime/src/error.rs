//! What can go wrong with a process.

use std::io;
use std::process::ExitStatus;
use std::time::Duration;

/// A process that does not do what Lambda expects of it.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The program cannot be started, or its Runtime API has no port.
    #[error("{0} cannot be started")]
    Start(String, #[source] io::Error),
    /// It has ended: at the start, or in an invocation.
    #[error(
        "{function} has ended ({status}); it told the Runtime API: {told:?}; it wrote:\n{output}"
    )]
    Ended {
        /// The function's name.
        function: String,
        /// How it ended.
        status: ExitStatus,
        /// The body of its `init/error`.
        told: Option<String>,
        /// What it wrote to standard output and standard error.
        output: String,
    },
    /// Lambda would have ended it.
    #[error("{0} has done nothing for {1:?}; it wrote:\n{2}")]
    Late(String, Duration, String),
    /// It says something at the wrong time, or answers another event than it was given.
    #[error("{0} spoke out of turn: {1}")]
    OutOfTurn(String, &'static str),
    /// The operating system does not tell.
    #[error("nothing is known of {0}")]
    Unknown(String, #[source] io::Error),
}
