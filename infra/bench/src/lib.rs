//! The benchmark of the local run: what a request costs, how long it takes, how much memory the process needs.
//!
//! The service runs as a process of its own, so that its CPU and memory are its own: [`serve`] is the same executable
//! started again, which composes the same `Stack` that `cargo run` composes, in a runtime of the same size. The
//! [`client`] is a blocking socket per thread; it shares the machine with the service, but none of its CPU is counted.
//! Everything talks to 127.0.0.1 and is bounded in count and in time.
//!
//! [`sections`] holds what is measured, one function a table; a new table is a function there and a line in [`run`].
//! A goal that is missed is printed as missed; it fails nothing, since a busy machine is no fault of the code.

use std::error::Error;
use std::path::Path;

pub mod account;
pub mod client;
pub mod functions;
pub mod hash;
pub mod load;
pub mod process;
pub mod report;
pub mod sections;
pub mod serve;
pub mod server;
pub mod sessions;

/// What can end a benchmark early; the text says where.
pub type Failure = Box<dyn Error + Send + Sync>;

/// Measures and prints everything; `quick` takes less than a minute. Data files are put into `scratch`, and removed.
///
/// # Errors
/// [`Failure`], where the service did not start or answered something unexpected.
pub fn run(quick: bool, scratch: &Path) -> Result<(), Failure> {
    let bounds = if quick {
        sections::Bounds::QUICK
    } else {
        sections::Bounds::FULL
    };
    let mut goals = report::Goals::default();
    sections::endpoints::measure(&bounds, scratch, &mut goals)?;
    sections::growth::measure(&bounds, scratch, &mut goals)?;
    sections::limits::measure(&bounds, &mut goals)?;
    sections::revocation::measure(&bounds, &mut goals)?;
    sections::seals::measure(&bounds, &mut goals)?;
    sections::wrapper::measure(&bounds, &mut goals)?;
    goals.print();
    Ok(())
}
