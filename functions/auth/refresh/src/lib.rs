//! POST `/api/v1/auth/refresh`: continues a session. Each refresh retires the token it was made with (RFC 9700 section 4.14.2).

use axum::Json;
use axum::extract::State;
use shared::environment::{Environment, StartError};
use shared::http::{Endpoint, Fields, Meta, Problem};
use shared::issuer::TokenPair;
use shared::refresh::Refresh;
use shared::routes;

/// Builds the endpoint.
///
/// # Errors
/// [`StartError`] if keys or `GeoIP` file cannot be set up.
pub async fn endpoint(environment: &Environment) -> Result<Endpoint, StartError> {
    let refresh = Refresh {
        store: environment.store(),
        authenticator: environment.authenticator(),
        issuer: environment.issuer().await?,
        limiter: environment.limiter(),
        locator: environment.locator()?,
        config: environment.config(),
    };
    Ok(Endpoint::public(&routes::AUTH_REFRESH, handler, refresh, &environment.store()))
}

async fn handler(
    State(refresh): State<Refresh>,
    Meta(meta): Meta,
    mut fields: Fields,
) -> Result<Json<TokenPair>, Problem> {
    let token = fields.required::<String>("refresh_token");
    let token = fields.complete(token)?;
    Ok(Json(refresh.refresh(&meta, &token).await?))
}
