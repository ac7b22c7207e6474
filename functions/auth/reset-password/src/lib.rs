//! POST `/api/v1/auth/reset-password`: sets a new password by a mailed token and ends every session. It does not sign in.

use axum::Json;
use axum::extract::{FromRef, State};
use axum::http::StatusCode;
use shared::accounts::recovery::{Choice, PasswordSet, Recovery};
use shared::description::{Message, Operation};
use shared::domain::{DisplayName, Password, PasswordPolicy};
use shared::http::problem::{Code, Problem};
use shared::http::{Body, Endpoint, Fields, FromFields, Meta, NewPasswordRules, SentMailToken};
use shared::passwords::PasswordHasher;
use shared::routes;
use shared::runtime::environment::{Environment, StartError};

/// What the handler uses.
#[derive(Clone)]
struct Deps {
    recovery: Recovery,
    hasher: PasswordHasher,
    policy: PasswordPolicy,
}

impl FromRef<Deps> for PasswordPolicy {
    fn from_ref(deps: &Deps) -> Self {
        deps.policy
    }
}

/// The request.
struct Reset {
    token: SentMailToken,
    password: Password,
    name: Option<DisplayName>,
}

impl FromFields for Reset {
    type Rules = NewPasswordRules;

    fn read(fields: &mut Fields, rules: &NewPasswordRules) -> Option<Self> {
        let token = fields.required("token");
        let password = fields.new_password("new_password", rules.policy, rules.email.as_deref());
        // Only an unfinished account takes a name with it.
        let name = fields.optional("name");
        Some(Self {
            token: token?,
            password: password?,
            name,
        })
    }
}

/// Builds the endpoint.
///
/// # Errors
/// [`StartError`] if the password hash cannot be set up.
#[expect(clippy::unused_async, reason = "all endpoints are built alike")]
pub async fn endpoint(environment: &Environment) -> Result<Endpoint, StartError> {
    let recovery = Recovery::new(
        environment.store(),
        environment.limiter(),
        environment.config(),
    );
    let deps = Deps {
        recovery,
        hasher: environment.hasher()?,
        policy: environment.password_policy(),
    };
    Ok(Endpoint::public(
        &routes::AUTH_RESET_PASSWORD,
        handler,
        deps,
        &environment.store(),
    ))
}

/// What it takes and answers.
#[must_use]
pub fn operation() -> Operation {
    Operation::of(&routes::AUTH_RESET_PASSWORD, "Reset the password").explained("Sets a new password with the token of a reset email, verifies the address and ends every session and every registration and invitation of the address. A password that breaks the rules does not use the token up.")
        .body::<Reset>()
        .sample("token", "drs_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
        .answers::<Message>(StatusCode::OK, "The password is set; every session that there was is ended.")
        .refuses(&[Code::InvalidOrExpiredToken])
}

async fn handler(
    State(deps): State<Deps>,
    Meta(meta): Meta,
    Body(Reset {
        token,
        password,
        name,
    }): Body<Reset>,
) -> Result<Json<Message>, Problem> {
    let choice = Choice {
        password: &password,
        name: name.as_ref(),
        policy: deps.policy,
    };
    let set = deps
        .recovery
        .reset(&meta, &token.0, &choice, &deps.hasher)
        .await?;
    let message = match set {
        PasswordSet::New => "The password is set and every session is ended. Sign in with it.",
        PasswordSet::First => {
            "The password is set and your email address is verified. Sign in with them."
        }
        PasswordSet::WithAddress => {
            "The password is set, the new email address is confirmed, and every session is ended. Sign in with them."
        }
    };
    Ok(Json(Message { message }))
}
