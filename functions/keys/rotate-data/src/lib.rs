//! Rotates the data ring, step by step as Secrets Manager asks for it.

use shared::keys::data_rotation::DataRotation;
use shared::runtime::environment::{Environment, StartError};
use shared::work::secret_rotation::{self, RotationHandler};

/// Builds the rotation.
///
/// # Errors
/// None now; the steps themselves fail and come again.
#[expect(clippy::unused_async, reason = "all rotations are built alike")]
pub async fn rotation(environment: &Environment) -> Result<RotationHandler, StartError> {
    let rotation = DataRotation::new(environment.secrets(), environment.store());
    Ok(secret_rotation::watched(
        environment.telemetry(),
        env!("CARGO_PKG_NAME"),
        rotation.handler(),
    ))
}
