//! POST `/api/v1/auth/change-password`: the caller goes on under fresh tokens, every other session ends.

use axum::Json;
use axum::extract::{FromRef, State};
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use shared::accounts::profile::Profile;
use shared::description::Operation;
use shared::domain::{Password, PasswordPolicy};
use shared::http::problem::{Code, Problem};
use shared::http::{Body, Endpoint, Fields, FromFields, Meta, NewPasswordRules};
use shared::routes;
use shared::runtime::environment::{Environment, StartError};
use shared::sign_in::authentication::Caller;
use shared::sign_in::issuer::{Issuer, TokenPair};

/// What the handler uses.
#[derive(Clone)]
struct Deps {
    profile: Profile,
    issuer: Issuer,
    policy: PasswordPolicy,
}

impl FromRef<Deps> for PasswordPolicy {
    fn from_ref(deps: &Deps) -> Self {
        deps.policy
    }
}

/// The request.
struct Change {
    current: Password,
    new: Password,
}

impl FromFields for Change {
    type Rules = NewPasswordRules;

    fn read(fields: &mut Fields, rules: &NewPasswordRules) -> Option<Self> {
        let current = fields.required("current_password");
        let new = fields.new_password("new_password", rules.policy, rules.email.as_deref());
        Some(Self {
            current: current?,
            new: new?,
        })
    }
}

/// The answer.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct Answer {
    message: &'static str,
    #[serde(flatten)]
    tokens: TokenPair,
}

/// Builds the endpoint.
///
/// # Errors
/// [`StartError`] if keys or password hash cannot be set up.
pub async fn endpoint(environment: &Environment) -> Result<Endpoint, StartError> {
    let profile = Profile::new(
        environment.store(),
        environment.password_proof()?,
        environment.limiter(),
    );
    let deps = Deps {
        profile,
        issuer: environment.issuer().await?,
        policy: environment.password_policy(),
    };
    Ok(Endpoint::bearer(
        &routes::AUTH_CHANGE_PASSWORD,
        handler,
        deps,
        &environment.authenticator(),
    ))
}

/// What it takes and answers.
#[must_use]
pub fn operation() -> Operation {
    Operation::of(&routes::AUTH_CHANGE_PASSWORD, "Change the password")
        .explained("Sets a new password and ends every other session. The caller continues with the returned tokens.")
        .body::<Change>()
        .answers::<Answer>(StatusCode::OK, "The password is changed; continue with these tokens.")
        .refuses(&[Code::InvalidCredentials, Code::AccountLocked, Code::ReauthenticationRequired, Code::Conflict])
}

async fn handler(
    State(deps): State<Deps>,
    Meta(meta): Meta,
    caller: Caller,
    Body(Change { current, new }): Body<Change>,
) -> Result<Json<Answer>, Problem> {
    let tokens = deps
        .profile
        .change_password(&meta, &caller, &current, &new, &deps.issuer)
        .await?;
    let message = "The password is changed. Every other session is ended; go on with these tokens.";
    Ok(Json(Answer { message, tokens }))
}
