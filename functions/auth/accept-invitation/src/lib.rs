//! POST `/api/v1/auth/accept-invitation`: makes the account of an invitation. It does not sign in.

use axum::Json;
use axum::extract::{FromRef, State};
use axum::http::StatusCode;
use shared::accounts::invitations::{Choice, Invitations};
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
    invitations: Invitations,
    hasher: PasswordHasher,
    policy: PasswordPolicy,
}

impl FromRef<Deps> for PasswordPolicy {
    fn from_ref(deps: &Deps) -> Self {
        deps.policy
    }
}

/// The request.
struct Acceptance {
    token: SentMailToken,
    name: DisplayName,
    password: Password,
}

impl FromFields for Acceptance {
    type Rules = NewPasswordRules;

    fn read(fields: &mut Fields, rules: &NewPasswordRules) -> Option<Self> {
        let token = fields.required("token");
        let name = fields.required("name");
        let password = fields.new_password("password", rules.policy, None);
        Some(Self {
            token: token?,
            name: name?,
            password: password?,
        })
    }
}

/// Builds the endpoint.
///
/// # Errors
/// [`StartError`] if the password hash cannot be set up.
#[expect(clippy::unused_async, reason = "all endpoints are built alike")]
pub async fn endpoint(environment: &Environment) -> Result<Endpoint, StartError> {
    let (invitations, hasher) = (environment.invitations(), environment.hasher()?);
    let deps = Deps {
        invitations,
        hasher,
        policy: environment.password_policy(),
    };
    Ok(Endpoint::public(
        &routes::AUTH_ACCEPT_INVITATION,
        handler,
        deps,
        &environment.store(),
    ))
}

/// What it takes and answers.
#[must_use]
pub fn operation() -> Operation {
    Operation::of(&routes::AUTH_ACCEPT_INVITATION, "Accept an invitation")
        .explained("Makes the account of an invitation, or finishes the imported one of its address, with the token of its email, a name and a password; it ends every registration of the address, and does not sign in. A password that breaks the rules does not use the token up.")
        .body::<Acceptance>()
        .answers::<Message>(StatusCode::OK, "The account is ready, and its email address is verified.")
        .refuses(&[Code::InvalidOrExpiredToken])
}

async fn handler(
    State(deps): State<Deps>,
    Meta(meta): Meta,
    Body(Acceptance {
        token,
        name,
        password,
    }): Body<Acceptance>,
) -> Result<Json<Message>, Problem> {
    let choice = Choice {
        name: &name,
        password: &password,
        policy: deps.policy,
    };
    deps.invitations
        .accept(&meta, &token.0, &choice, &deps.hasher)
        .await?;
    Ok(Json(Message {
        message: "Your account is ready. You can sign in.",
    }))
}
