//! POST `/api/v1/auth/register`: makes an account.
//!
//! The answer is the same whether or not the address is taken; only the mail differs.

use axum::Json;
use axum::extract::{FromRef, State};
use http::StatusCode;
use shared::accounts::registration::{Applicant, Registration};
use shared::description::{Message, Operation};
use shared::domain::{EmailAddress, PasswordPolicy};
use shared::http::problem::{Code, Problem};
use shared::http::{Body, DeliverableEmail, Endpoint, Fields, FromFields, Meta, NewPasswordRules};
use shared::routes;
use shared::runtime::environment::{Environment, StartError};

/// What the handler uses.
#[derive(Clone)]
struct Deps {
    registration: Registration,
    policy: PasswordPolicy,
}

impl FromRef<Deps> for PasswordPolicy {
    fn from_ref(deps: &Deps) -> Self {
        deps.policy
    }
}

/// The request.
struct Request(Applicant);

impl FromFields for Request {
    type Rules = NewPasswordRules;

    fn read(fields: &mut Fields, rules: &NewPasswordRules) -> Option<Self> {
        let email = fields
            .required::<DeliverableEmail>("email")
            .map(|email| email.0);
        let password = fields.new_password(
            "password",
            rules.policy,
            email.as_ref().map(EmailAddress::address),
        );
        let name = fields.required("name");
        Some(Self(Applicant {
            email: email?,
            password: password?,
            name: name?,
        }))
    }
}

/// Builds the endpoint.
///
/// # Errors
/// [`StartError`] if the password hash cannot be set up.
#[expect(clippy::unused_async, reason = "all endpoints are built alike")]
pub async fn endpoint(environment: &Environment) -> Result<Endpoint, StartError> {
    let (store, hasher, limiter) = (
        environment.store(),
        environment.hasher()?,
        environment.limiter(),
    );
    let registration = Registration::new(store, hasher, limiter, environment.config());
    let deps = Deps {
        registration,
        policy: environment.password_policy(),
    };
    Ok(Endpoint::public(
        &routes::AUTH_REGISTER,
        handler,
        deps,
        &environment.store(),
    ))
}

/// What it takes and answers.
#[must_use]
pub fn operation() -> Operation {
    Operation::of(&routes::AUTH_REGISTER, "Register an account").explained("Registers an address and sends a verification email, or a notice to the owner of a taken address; the answer is the same. The same password again is the same registration; another password makes the address contested, and the person who verifies it chooses the password by a reset link.")
        .body::<Request>()
        .answers::<Message>(
            StatusCode::CREATED,
            "Registered, or the owner of the address gets an email; the answer is the same.",
        )
        .refuses(&[Code::Forbidden])
}

async fn handler(
    State(deps): State<Deps>,
    Meta(meta): Meta,
    Body(Request(applicant)): Body<Request>,
) -> Result<(StatusCode, Json<Message>), Problem> {
    deps.registration.register(&meta, &applicant).await?;
    let message = "Registered. Open the link in the mail that we have sent to this address.";
    Ok((StatusCode::CREATED, Json(Message { message })))
}
