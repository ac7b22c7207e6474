//! Every endpoint, in the order of the route table. A guard test compares the two.

use shared::environment::{Environment, StartError};
use shared::http::Endpoint;

/// Builds all endpoints from one environment.
///
/// # Errors
/// [`StartError`] of the first that cannot be built.
pub async fn all(environment: &Environment) -> Result<Vec<Endpoint>, StartError> {
    Ok(vec![
        auth_register::endpoint(environment).await?,
        auth_verify_email::endpoint(environment).await?,
        auth_resend_verification::endpoint(environment).await?,
        auth_login::endpoint(environment).await?,
        auth_refresh::endpoint(environment).await?,
        auth_logout::endpoint(environment).await?,
        auth_request_password_reset::endpoint(environment).await?,
        auth_reset_password::endpoint(environment).await?,
        auth_me::endpoint(environment).await?,
        auth_update_me::endpoint(environment).await?,
        auth_change_password::endpoint(environment).await?,
        auth_reauthenticate::endpoint(environment).await?,
        auth_secure_account::endpoint(environment).await?,
        sessions_list::endpoint(environment).await?,
        sessions_revoke::endpoint(environment).await?,
        sessions_revoke_others::endpoint(environment).await?,
        sessions_revoke_all::endpoint(environment).await?,
        admin_rotate_tokens::endpoint(environment).await?,
        admin_rotate_signing_keys::endpoint(environment).await?,
        admin_security_config::endpoint(environment).await?,
        admin_find_users::endpoint(environment).await?,
        admin_disable_user::endpoint(environment).await?,
        admin_enable_user::endpoint(environment).await?,
        admin_unlock_user::endpoint(environment).await?,
        well_known_jwks::endpoint(environment).await?,
        well_known_authorization_server::endpoint(environment).await?,
        well_known_openid_configuration::endpoint(environment).await?,
        service_health::endpoint(environment).await?,
        pages_verify_email::endpoint(environment).await?,
        pages_reset_password::endpoint(environment).await?,
        pages_secure_account::endpoint(environment).await?,
        pages_errors::endpoint(environment).await?,
    ])
}
