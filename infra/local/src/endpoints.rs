//! Every endpoint, in the order of the route table. A guard test compares the two.

use shared::description::Operation;
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
        auth_delete_me::endpoint(environment).await?,
        auth_export_me::endpoint(environment).await?,
        auth_change_password::endpoint(environment).await?,
        auth_reauthenticate::endpoint(environment).await?,
        auth_secure_account::endpoint(environment).await?,
        auth_activity::endpoint(environment).await?,
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
        admin_audit_events::endpoint(environment).await?,
        well_known_jwks::endpoint(environment).await?,
        well_known_authorization_server::endpoint(environment).await?,
        well_known_openid_configuration::endpoint(environment).await?,
        service_health::endpoint(environment).await?,
        service_openapi::endpoint(environment).await?,
        pages_verify_email::endpoint(environment).await?,
        pages_reset_password::endpoint(environment).await?,
        pages_secure_account::endpoint(environment).await?,
        pages_errors::endpoint(environment).await?,
    ])
}

/// What all endpoints take and answer, in the same order.
#[must_use]
pub fn operations() -> Vec<Operation> {
    vec![
        auth_register::operation(),
        auth_verify_email::operation(),
        auth_resend_verification::operation(),
        auth_login::operation(),
        auth_refresh::operation(),
        auth_logout::operation(),
        auth_request_password_reset::operation(),
        auth_reset_password::operation(),
        auth_me::operation(),
        auth_update_me::operation(),
        auth_delete_me::operation(),
        auth_export_me::operation(),
        auth_change_password::operation(),
        auth_reauthenticate::operation(),
        auth_secure_account::operation(),
        auth_activity::operation(),
        sessions_list::operation(),
        sessions_revoke::operation(),
        sessions_revoke_others::operation(),
        sessions_revoke_all::operation(),
        admin_rotate_tokens::operation(),
        admin_rotate_signing_keys::operation(),
        admin_security_config::operation(),
        admin_find_users::operation(),
        admin_disable_user::operation(),
        admin_enable_user::operation(),
        admin_unlock_user::operation(),
        admin_audit_events::operation(),
        well_known_jwks::operation(),
        well_known_authorization_server::operation(),
        well_known_openid_configuration::operation(),
        service_health::operation(),
        service_openapi::operation(),
        pages_verify_email::operation(),
        pages_reset_password::operation(),
        pages_secure_account::operation(),
        pages_errors::operation(),
    ]
}
