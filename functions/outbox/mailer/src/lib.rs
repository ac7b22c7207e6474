//! Sends the mails that the outbox asks for.

use shared::consumer::Handler;
use shared::domain::Device;
use shared::environment::{Environment, StartError};

/// Builds the consumer.
///
/// # Errors
/// [`StartError`] if the mail key is not at hand.
pub async fn consumer(environment: &Environment) -> Result<Handler, StartError> {
    // Starting is cheaper than sending.
    Device::prepare();
    Ok(environment.mailer().await?.handler())
}
