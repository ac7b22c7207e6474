//! How a process starts and runs: the parts of an endpoint, and Lambda around it.

pub mod environment;
mod init_error;
pub mod lambda;
mod priming;
mod seals;
mod start_error;
