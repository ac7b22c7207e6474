//! PATCH `/api/v1/auth/me`: changes the caller's name or address. A new address waits as `pending_email` until it is proved.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use shared::config::Config;
use shared::domain::DisplayName;
use shared::environment::{Environment, StartError};
use shared::http::{Caller, Endpoint, FieldFault, Fields, Meta, Problem};
use shared::issuer::UserView;
use shared::profile::{NewAddress, Profile};
use shared::routes;

/// What the handler uses.
#[derive(Clone)]
struct Deps {
    profile: Profile,
    config: Arc<Config>,
}

/// Builds the endpoint.
///
/// # Errors
/// [`StartError`] if the password hash cannot be set up.
#[expect(clippy::unused_async, reason = "all endpoints are built alike")]
pub async fn endpoint(environment: &Environment) -> Result<Endpoint, StartError> {
    let profile = Profile::new(environment.store(), environment.password_proof()?, environment.limiter());
    let deps = Deps { profile, config: environment.config() };
    Ok(Endpoint::bearer(&routes::AUTH_UPDATE_ME, handler, deps, &environment.authenticator()))
}

async fn handler(
    State(deps): State<Deps>,
    Meta(meta): Meta,
    mut caller: Caller,
    fields: Fields,
) -> Result<Json<UserView>, Problem> {
    let (name, address) = parse(fields)?;
    deps.profile.update(&meta, &mut caller, name.as_ref(), address.as_ref()).await?;
    Ok(Json(UserView::new(&caller.user, &deps.config)))
}

fn parse(mut fields: Fields) -> Result<(Option<DisplayName>, Option<NewAddress>), Problem> {
    let fault = |code, detail: &'static str| FieldFault { code, detail: detail.into() };
    let (asks_name, asks_email) = (fields.has("name"), fields.has("email"));
    let name = fields.optional("name");
    let email = fields.optional("email");
    let current_password = fields.optional("current_password");
    if asks_email && current_password.is_none() {
        fields.refuse("current_password", fault("required", "Must be given with `email`."));
    }
    if !asks_name && !asks_email {
        fields.refuse("", fault("required", "Give `name`, `email`, or both."));
    }
    let address = email.zip(current_password).map(|(email, current_password)| NewAddress { email, current_password });
    fields.complete(Some((name, address)))
}
