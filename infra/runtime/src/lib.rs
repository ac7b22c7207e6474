//! Lambda around a function's binary, on this machine: what the tests replay events with, and what the benchmark measures.
//!
//! A [`Function`] is a binary and its settings. Started, it is a [`Process`]: in a clean environment, as Lambda sets it, with
//! a [Runtime API](https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html) of its own, which hands it one event at a
//! time and takes its answers. A [`Process`] also tells what [`usage`] knows of it: processor time, peak memory.
//!
//! [`wires`] stand between a process and the services that it calls. They count connections, and encrypt them where TLS is to
//! be part of what is measured.
//!
//! Not played: the sandbox around the process, its share of a processor, and the way to AWS.

mod api;
mod error;
mod function;
mod process;
pub mod usage;
pub mod wires;

pub use error::Failure;
pub use function::Function;
pub use process::{Answer, Init, Invocation, Process};
