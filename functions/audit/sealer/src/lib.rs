//! Chains what the audit table's stream says, so that a change of the trail shows.

use shared::audit::seals::StreamHandler;
use shared::runtime::environment::{Environment, StartError};

/// Builds the stream's consumer.
///
/// # Errors
/// None now; a batch that could not be sealed comes again.
#[expect(clippy::unused_async, reason = "all consumers are built alike")]
pub async fn consumer(environment: &Environment) -> Result<StreamHandler, StartError> {
    Ok(environment
        .sealer()
        .handler(environment.telemetry(), env!("CARGO_PKG_NAME")))
}
