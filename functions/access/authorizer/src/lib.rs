//! Tells the gateways of other services whether an access token is good. It reads tables and holds no secret.

use shared::runtime::environment::{Environment, StartError};
use shared::sign_in::authorizer::Authorizer;

/// Builds the authorizer.
#[expect(clippy::unused_async, reason = "all functions are built alike")]
pub async fn authorizer(environment: &Environment) -> Result<Authorizer, StartError> {
    environment.authorizer()
}
