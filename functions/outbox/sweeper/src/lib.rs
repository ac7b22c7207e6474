//! Removes the sessions that a rotation has killed.

use shared::breach::sweeper::Sweeper;
use shared::runtime::environment::{Environment, StartError};
use shared::work::consumer::{self, Handler};

/// Builds the consumer.
#[expect(clippy::unused_async, reason = "all consumers are built alike")]
pub async fn consumer(environment: &Environment) -> Result<Handler, StartError> {
    let handler = Sweeper::new(environment.store()).handler();
    Ok(consumer::watched(
        environment.telemetry(),
        env!("CARGO_PKG_NAME"),
        handler,
    ))
}
