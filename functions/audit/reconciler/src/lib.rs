//! Seals the audit records that the stream has lost, in segments that are marked late.

use shared::runtime::environment::{Environment, StartError};
use shared::runtime::lambda::Job;

/// Builds the job.
///
/// # Errors
/// None now; the job itself fails with [`StartError::Seals`] and may be run again.
#[expect(clippy::unused_async, reason = "all jobs are built alike")]
pub async fn job(environment: &Environment) -> Result<Job, StartError> {
    Ok(environment
        .reconciler()
        .job(environment.telemetry(), env!("CARGO_PKG_NAME")))
}
