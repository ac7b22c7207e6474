//! Makes the signing ring and the data ring on first start and publishes what others must know of them. Running it again
//! mends what a crash has left halfway, and does nothing more.

use std::time::Duration;

use shared::keys::secrets::Secrets;
use shared::keys::{self, KeysError};
use shared::runtime::environment::{Environment, StartError};
use shared::store::Store;

/// Builds the job.
///
/// # Errors
/// None now; the job itself fails with [`StartError::Keys`] and may be run again.
#[expect(clippy::unused_async, reason = "all jobs are built alike")]
pub async fn job(
    environment: &Environment,
) -> Result<impl AsyncFn() -> Result<(), StartError> + use<>, StartError> {
    let (secrets, store, lead) = (
        environment.secrets(),
        environment.store(),
        environment.config().tokens.key_lead,
    );
    let telemetry = environment.telemetry();
    Ok(async move || {
        let made = Box::pin(all(&secrets, &store, lead));
        Ok(telemetry
            .watch(env!("CARGO_PKG_NAME"), "the rings are not in order", made)
            .await?)
    })
}

async fn all(secrets: &Secrets, store: &Store, lead: Duration) -> Result<(), KeysError> {
    keys::first_start(secrets, store).await?;
    keys::first_start::mend(secrets, store, lead).await?;
    keys::first_data_ring(secrets, store).await
}
