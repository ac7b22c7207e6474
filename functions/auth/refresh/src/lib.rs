//! POST `/api/v1/auth/refresh`: continues a session. Each refresh retires the token it was made with (RFC 9700 section 4.14.2).

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use shared::description::Operation;
use shared::http::problem::{Code, Problem};
use shared::http::{Body, Endpoint, Fields, FromFields, Meta, SentRefreshToken};
use shared::routes;
use shared::runtime::environment::{Environment, StartError};
use shared::sign_in::issuer::TokenPair;
use shared::sign_in::refresh::Refresh;
use shared::sign_in::refresh::presented::RetryKey;

/// The request.
struct Request {
    token: SentRefreshToken,
    key: Option<RetryKey>,
}

impl FromFields for Request {
    type Rules = ();

    fn read(fields: &mut Fields, _rules: &()) -> Option<Self> {
        let token = fields.required("refresh_token");
        let key = fields.optional("retry_key");
        Some(Self { token: token?, key })
    }
}

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
    Ok(Endpoint::public(
        &routes::AUTH_REFRESH,
        handler,
        refresh,
        &environment.store(),
    ))
}

/// What it takes and answers.
#[must_use]
pub fn operation() -> Operation {
    Operation::of(&routes::AUTH_REFRESH, "Refresh the tokens").explained("Retires the refresh token and returns its successor with a new access token. A retired token that is sent again within the grace period, or later with the `retry_key` of its refresh, gets the same successor; else it ends the session, since it may have been stolen.")
        .body::<Request>()
        .answers::<TokenPair>(StatusCode::OK, "Fresh tokens; the old refresh token is spent.")
        .refuses(&[Code::InvalidRefreshToken])
}

async fn handler(
    State(refresh): State<Refresh>,
    Meta(meta): Meta,
    Body(Request { token, key }): Body<Request>,
) -> Result<Json<TokenPair>, Problem> {
    Ok(Json(refresh.refresh(&meta, &token.0, key.as_ref()).await?))
}
