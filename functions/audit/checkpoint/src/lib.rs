//! Signs where the audit trail's chains have got to. With nothing new it does nothing.

use shared::runtime::environment::{Environment, StartError};
use shared::runtime::lambda::Job;

/// Builds the job.
///
/// # Errors
/// None now; the job itself fails with [`StartError::Seals`] and is run again a minute later.
#[expect(clippy::unused_async, reason = "all jobs are built alike")]
pub async fn job(environment: &Environment) -> Result<Job, StartError> {
    Ok(environment
        .notary()
        .job(environment.telemetry(), env!("CARGO_PKG_NAME")))
}
