//! Every endpoint, in the order of the route table. A guard test compares the two.

use futures::future::BoxFuture;
use shared::description::Operation;
use shared::http::Endpoint;
use shared::routes::{self, Route};
use shared::runtime::environment::{Environment, StartError};

/// Builds all endpoints from one environment, each with the access key of its own function.
///
/// # Errors
/// [`StartError`] of the first that cannot be built.
#[must_use]
pub fn all(environment: &Environment) -> BoxFuture<'_, Result<Vec<Endpoint>, StartError>> {
    // An environment for each of them makes a future that no stack should hold.
    Box::pin(build(environment))
}

async fn build(environment: &Environment) -> Result<Vec<Endpoint>, StartError> {
    let role = |route: &Route| environment.with_access_key(route.program());
    let mut endpoints = vec![
        auth_register::endpoint(&role(&routes::AUTH_REGISTER)).await?,
        auth_verify_email::endpoint(&role(&routes::AUTH_VERIFY_EMAIL)).await?,
        auth_resend_verification::endpoint(&role(&routes::AUTH_RESEND_VERIFICATION)).await?,
        auth_login::endpoint(&role(&routes::AUTH_LOGIN)).await?,
        auth_refresh::endpoint(&role(&routes::AUTH_REFRESH)).await?,
        auth_logout::endpoint(&role(&routes::AUTH_LOGOUT)).await?,
        auth_request_password_reset::endpoint(&role(&routes::AUTH_REQUEST_PASSWORD_RESET)).await?,
        auth_reset_password::endpoint(&role(&routes::AUTH_RESET_PASSWORD)).await?,
        auth_me::endpoint(&role(&routes::AUTH_ME)).await?,
        auth_update_me::endpoint(&role(&routes::AUTH_UPDATE_ME)).await?,
        auth_delete_me::endpoint(&role(&routes::AUTH_DELETE_ME)).await?,
        auth_export_me::endpoint(&role(&routes::AUTH_EXPORT_ME)).await?,
        auth_change_password::endpoint(&role(&routes::AUTH_CHANGE_PASSWORD)).await?,
        auth_reauthenticate::endpoint(&role(&routes::AUTH_REAUTHENTICATE)).await?,
        auth_secure_account::endpoint(&role(&routes::AUTH_SECURE_ACCOUNT)).await?,
        auth_accept_invitation::endpoint(&role(&routes::AUTH_ACCEPT_INVITATION)).await?,
        auth_activity::endpoint(&role(&routes::AUTH_ACTIVITY)).await?,
        sessions_list::endpoint(&role(&routes::SESSIONS_LIST)).await?,
        sessions_revoke::endpoint(&role(&routes::SESSIONS_REVOKE)).await?,
        sessions_revoke_others::endpoint(&role(&routes::SESSIONS_REVOKE_OTHERS)).await?,
        sessions_revoke_all::endpoint(&role(&routes::SESSIONS_REVOKE_ALL)).await?,
        admin_rotate_tokens::endpoint(&role(&routes::ADMIN_ROTATE_TOKENS)).await?,
        admin_rotate_signing_keys::endpoint(&role(&routes::ADMIN_ROTATE_SIGNING_KEYS)).await?,
        admin_security_config::endpoint(&role(&routes::ADMIN_SECURITY_CONFIG)).await?,
        admin_find_users::endpoint(&role(&routes::ADMIN_FIND_USERS)).await?,
        admin_disable_user::endpoint(&role(&routes::ADMIN_DISABLE_USER)).await?,
        admin_enable_user::endpoint(&role(&routes::ADMIN_ENABLE_USER)).await?,
        admin_unlock_user::endpoint(&role(&routes::ADMIN_UNLOCK_USER)).await?,
        admin_audit_events::endpoint(&role(&routes::ADMIN_AUDIT_EVENTS)).await?,
        admin_create_invitation::endpoint(&role(&routes::ADMIN_CREATE_INVITATION)).await?,
        admin_list_invitations::endpoint(&role(&routes::ADMIN_LIST_INVITATIONS)).await?,
        admin_revoke_invitation::endpoint(&role(&routes::ADMIN_REVOKE_INVITATION)).await?,
        well_known_jwks::endpoint(&role(&routes::WELL_KNOWN_JWKS)).await?,
    ];
    endpoints.extend(service_static::endpoints(&role(&routes::SERVICE_HEALTH)).await?);
    Ok(endpoints)
}

/// What all endpoints take and answer, in the same order.
#[must_use]
pub fn operations() -> Vec<Operation> {
    let mut operations = vec![
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
        auth_accept_invitation::operation(),
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
        admin_create_invitation::operation(),
        admin_list_invitations::operation(),
        admin_revoke_invitation::operation(),
        well_known_jwks::operation(),
    ];
    operations.extend(service_static::operations());
    operations
}
