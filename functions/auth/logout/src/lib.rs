//! POST `/api/v1/auth/logout`: ends the session of the access token, of the refresh token, or both (RFC 7009 section 2.2: an
//! unknown token is no error, since what the client wants is so already).

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use shared::description::{Message, Operation};
use shared::http::problem::{Code, Problem};
use shared::http::{Endpoint, Fields, FromFields, Meta, OptionalBody, SentRefreshToken};
use shared::routes;
use shared::runtime::environment::{Environment, StartError};
use shared::sign_in::authentication::{Authenticator, Caller};
use shared::sign_in::sessions::Sessions;
use shared::tokens::RefreshToken;

/// What the handler uses.
#[derive(Clone)]
struct Deps {
    sessions: Sessions,
    authenticator: Authenticator,
}

/// The request.
struct Request {
    token: Option<SentRefreshToken>,
}

impl FromFields for Request {
    type Rules = ();

    fn read(fields: &mut Fields, _rules: &()) -> Option<Self> {
        Some(Self {
            token: fields.optional("refresh_token"),
        })
    }
}

/// Builds the endpoint.
#[expect(clippy::unused_async, reason = "all endpoints are built alike")]
pub async fn endpoint(environment: &Environment) -> Result<Endpoint, StartError> {
    let sessions = Sessions::new(environment.store(), environment.limiter());
    let deps = Deps {
        sessions,
        authenticator: environment.authenticator(),
    };
    Ok(Endpoint::public(
        &routes::AUTH_LOGOUT,
        handler,
        deps,
        &environment.store(),
    ))
}

/// What it takes and answers.
#[must_use]
pub fn operation() -> Operation {
    Operation::of(&routes::AUTH_LOGOUT, "Sign out")
        .explained(
            "Ends the session of the refresh token, of the access token, or of both. An unknown token is no error.",
        )
        .optional_body::<Request>()
        .answers::<Message>(StatusCode::OK, "The session has ended, or the token was unknown.")
}

async fn handler(
    State(deps): State<Deps>,
    Meta(meta): Meta,
    headers: HeaderMap,
    OptionalBody(Request { token }): OptionalBody<Request>,
) -> Result<Json<Message>, Problem> {
    let caller = match caller(&deps, &headers, token.is_some()).await {
        Ok(caller) => caller,
        Err(problem) => {
            // A refused token is charged before the refusal is recorded.
            if problem.code.status().is_client_error() && problem.code != Code::MissingToken {
                deps.sessions.charge_refused(&meta).await?;
            }
            return Err(problem);
        }
    };
    let token = token.and_then(|SentRefreshToken(token)| RefreshToken::parse(&token));
    // A mistyped refresh token alone touches nothing.
    if token.is_some() || headers.contains_key(AUTHORIZATION) {
        deps.sessions
            .log_out(&meta, caller.as_ref(), token.as_ref())
            .await?;
    }
    Ok(Json(Message {
        message: "Signed out.",
    }))
}

/// Who shows an access token. One that is unknown, or whose session has ended, leaves nothing to end. An expired one is refused if
/// it comes alone: its session may be live, and a client that was told otherwise would leave it so.
async fn caller(
    deps: &Deps,
    headers: &HeaderMap,
    has_token: bool,
) -> Result<Option<Caller>, Problem> {
    if has_token && !headers.contains_key(AUTHORIZATION) {
        return Ok(None);
    }
    match shared::http::caller(&deps.authenticator, headers).await {
        Ok(caller) => Ok(Some(caller)),
        Err(problem) if problem.code.status().is_server_error() => Err(problem),
        Err(problem)
            if matches!(
                problem.code,
                Code::InvalidToken | Code::SessionRevoked | Code::TokenVersionTooOld
            ) =>
        {
            Ok(None)
        }
        Err(_) if has_token => Ok(None),
        Err(problem) => Err(problem),
    }
}
