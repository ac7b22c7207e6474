//! Sends the mails that the outbox asks for.

use shared::domain::Device;
use shared::runtime::environment::{Environment, StartError};
use shared::work::consumer::{self, Handler};

/// Builds the consumer.
///
/// # Errors
/// [`StartError`] if the mail key is not at hand.
pub async fn consumer(environment: &Environment) -> Result<Handler, StartError> {
    // Starting is cheaper than sending.
    Device::prepare();
    let handler = environment.mailer().await?.handler();
    Ok(consumer::watched(
        environment.telemetry(),
        env!("CARGO_PKG_NAME"),
        handler,
    ))
}
