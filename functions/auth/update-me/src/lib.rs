//! PATCH `/api/v1/auth/me`: changes the caller's name or address. A new address waits as `pending_email` until it is proved.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use shared::accounts::profile::{NewAddress, Profile};
use shared::config::Config;
use shared::description::Operation;
use shared::domain::DisplayName;
use shared::http::problem::{Code, Problem};
use shared::http::{Body, DeliverableEmail, Endpoint, Fields, FromFields, Meta};
use shared::routes;
use shared::runtime::environment::{Environment, StartError};
use shared::sign_in::authentication::Caller;
use shared::sign_in::issuer::UserView;

/// What the handler uses.
#[derive(Clone)]
struct Deps {
    profile: Profile,
    config: Arc<Config>,
}

/// The request.
struct Changes {
    name: Option<DisplayName>,
    address: Option<NewAddress>,
}

impl FromFields for Changes {
    type Rules = ();

    fn read(fields: &mut Fields, _rules: &()) -> Option<Self> {
        fields.any_of(["name", "email"]);
        fields.needs("email", "current_password");
        let name = fields.optional("name");
        let email = fields
            .optional::<DeliverableEmail>("email")
            .map(|email| email.0);
        let current_password = fields.optional("current_password");
        let address = email
            .zip(current_password)
            .map(|(email, current_password)| NewAddress {
                email,
                current_password,
            });
        Some(Self { name, address })
    }
}

/// Builds the endpoint.
///
/// # Errors
/// [`StartError`] if the password hash cannot be set up.
#[expect(clippy::unused_async, reason = "all endpoints are built alike")]
pub async fn endpoint(environment: &Environment) -> Result<Endpoint, StartError> {
    let profile = Profile::new(
        environment.store(),
        environment.password_proof()?,
        environment.limiter(),
    );
    let deps = Deps {
        profile,
        config: environment.config(),
    };
    Ok(Endpoint::bearer(
        &routes::AUTH_UPDATE_ME,
        handler,
        deps,
        &environment.authenticator(),
    ))
}

/// What it takes and answers.
#[must_use]
pub fn operation() -> Operation {
    Operation::of(&routes::AUTH_UPDATE_ME, "Change name or email address").explained("Changes the caller's name, email address or both; a new address is pending until it is verified, and requires the password; the present address calls a pending change off. After a change the former address can take the account back for a week; a fourth change within that time is refused.")
        .body::<Changes>()
        .answers::<UserView>(StatusCode::OK, "The account as it is now.")
        .refuses(&[Code::InvalidCredentials, Code::AccountLocked, Code::ReauthenticationRequired, Code::Conflict])
}

async fn handler(
    State(deps): State<Deps>,
    Meta(meta): Meta,
    mut caller: Caller,
    Body(Changes { name, address }): Body<Changes>,
) -> Result<Json<UserView>, Problem> {
    deps.profile
        .update(&meta, &mut caller, name.as_ref(), address.as_ref())
        .await?;
    Ok(Json(UserView::new(&caller.user, &deps.config)))
}
