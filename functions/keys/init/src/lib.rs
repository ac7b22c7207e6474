//! Makes the signing ring on first start and publishes its public half. Running it again does nothing more.

use shared::environment::{Environment, StartError};
use shared::keys;

/// Builds the job.
///
/// # Errors
/// None now; the job itself fails with [`StartError::Keys`] and may be run again.
#[expect(clippy::unused_async, reason = "all jobs are built alike")]
pub async fn job(environment: &Environment) -> Result<impl AsyncFn() -> Result<(), StartError> + use<>, StartError> {
    let (secrets, store) = (environment.secrets(), environment.store());
    Ok(async move || Ok(keys::first_start(&secrets, &store).await?))
}
