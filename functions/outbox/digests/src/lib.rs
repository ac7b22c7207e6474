//! Releases the digests of notices that are due. With none it does nothing.

use shared::runtime::environment::{Environment, StartError};
use shared::runtime::lambda::Job;

/// Builds the job.
///
/// # Errors
/// None now; the job itself fails with [`StartError::Store`] and is run again at its next time.
#[expect(clippy::unused_async, reason = "all jobs are built alike")]
pub async fn job(environment: &Environment) -> Result<Job, StartError> {
    let (store, telemetry) = (environment.store(), environment.telemetry());
    Ok(Box::new(move || {
        let (store, telemetry) = (store.clone(), telemetry.clone());
        Box::pin(async move {
            let work = Box::pin(async move { store.release_digests().await });
            Ok(telemetry
                .watch(env!("CARGO_PKG_NAME"), "digests were not released", work)
                .await
                .map(drop)?)
        })
    }))
}
