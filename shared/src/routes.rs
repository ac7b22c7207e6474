//! THE table: every endpoint with its facts. The router, the audit wrapper, the fallback's 405, and the guards
//! over `template.yaml`, `events/` and the README all read it. To add an endpoint, add a constant here and
//! follow `docs/adding-an-endpoint.md`; a guard names whatever was forgotten.

use http::Method;

use crate::config::Rule;
pub use crate::route::{Access, Grant, Route, Secret};
use crate::store::Table;

const AUTH: [Grant; 3] =
    [(Table::Users, &["BatchGetItem"]), (Table::Tokens, &["BatchGetItem"]), (Table::Security, &["BatchGetItem"])];
const AUDIT: Grant = (Table::Audit, &["PutItem"]);
const OUTBOX: Grant = (Table::Outbox, &["PutItem"]);
const LIMITS: Grant = (Table::Limits, &["UpdateItem"]);
const LIMITS_AND_LOCK: Grant = (Table::Limits, &["UpdateItem", "DeleteItem"]);

const PLAIN: Route = Route {
    function: "",
    method: Method::GET,
    path: "",
    access: Access::Public,
    limits: &[],
    action: None,
    mutates: false,
    grants: &[],
    secrets: &[],
};

/// Makes an account, or says so for a taken address.
pub static AUTH_REGISTER: Route = Route {
    function: "auth-register",
    method: Method::POST,
    path: "/api/v1/auth/register",
    limits: &[Rule::Register],
    action: Some("auth.register"),
    mutates: true,
    grants: &[LIMITS, (Table::Users, &["GetItem", "PutItem", "UpdateItem"]), AUDIT, OUTBOX],
    ..PLAIN
};
/// Proves an address, or confirms a change of address.
pub static AUTH_VERIFY_EMAIL: Route = Route {
    function: "auth-verify-email",
    method: Method::POST,
    path: "/api/v1/auth/verify-email",
    limits: &[Rule::VerifyEmail],
    action: Some("auth.verify_email"),
    mutates: true,
    grants: &[LIMITS, (Table::Users, &["GetItem", "PutItem", "UpdateItem", "DeleteItem"]), AUDIT, OUTBOX],
    ..PLAIN
};
/// Sends another verification mail.
pub static AUTH_RESEND_VERIFICATION: Route = Route {
    function: "auth-resend-verification",
    method: Method::POST,
    path: "/api/v1/auth/resend-verification",
    limits: &[Rule::ResendVerification, Rule::MailAddress],
    action: Some("auth.resend_verification"),
    mutates: true,
    grants: &[LIMITS, (Table::Users, &["GetItem"]), AUDIT, OUTBOX],
    ..PLAIN
};
/// Proves a password and begins a session.
pub static AUTH_LOGIN: Route = Route {
    function: "auth-login",
    method: Method::POST,
    path: "/api/v1/auth/login",
    limits: &[Rule::Login],
    action: Some("auth.login"),
    mutates: true,
    grants: &[
        LIMITS_AND_LOCK,
        (Table::Users, &["GetItem", "BatchGetItem", "UpdateItem"]),
        (Table::Security, &["BatchGetItem"]),
        (Table::Tokens, &["PutItem", "Query", "DeleteItem"]),
        AUDIT,
    ],
    secrets: &[Secret::SigningRing],
    ..PLAIN
};
/// Continues a session.
pub static AUTH_REFRESH: Route = Route {
    function: "auth-refresh",
    method: Method::POST,
    path: "/api/v1/auth/refresh",
    action: Some("auth.refresh"),
    mutates: true,
    grants: &[
        (Table::Users, &["BatchGetItem", "UpdateItem"]),
        (Table::Tokens, &["BatchGetItem", "UpdateItem", "DeleteItem"]),
        (Table::Security, &["BatchGetItem"]),
        AUDIT,
        OUTBOX,
    ],
    secrets: &[Secret::SigningRing],
    ..PLAIN
};
/// Ends a session.
pub static AUTH_LOGOUT: Route = Route {
    function: "auth-logout",
    method: Method::POST,
    path: "/api/v1/auth/logout",
    access: Access::BearerOrToken,
    action: Some("auth.logout"),
    mutates: true,
    grants: &[
        (Table::Users, &["BatchGetItem"]),
        (Table::Tokens, &["BatchGetItem", "DeleteItem"]),
        (Table::Security, &["BatchGetItem"]),
        AUDIT,
    ],
    ..PLAIN
};
/// Sends a reset mail.
pub static AUTH_REQUEST_PASSWORD_RESET: Route = Route {
    function: "auth-request-password-reset",
    method: Method::POST,
    path: "/api/v1/auth/request-password-reset",
    limits: &[Rule::RequestPasswordReset, Rule::MailAddress],
    action: Some("auth.request_password_reset"),
    mutates: true,
    grants: &[LIMITS, (Table::Users, &["GetItem"]), AUDIT, OUTBOX],
    ..PLAIN
};
/// Sets a new password by a mailed token.
pub static AUTH_RESET_PASSWORD: Route = Route {
    function: "auth-reset-password",
    method: Method::POST,
    path: "/api/v1/auth/reset-password",
    limits: &[Rule::ResetPassword],
    action: Some("auth.reset_password"),
    mutates: true,
    grants: &[LIMITS_AND_LOCK, (Table::Users, &["GetItem", "UpdateItem"]), AUDIT, OUTBOX],
    ..PLAIN
};
/// The caller's account.
pub static AUTH_ME: Route = Route {
    function: "auth-me",
    method: Method::GET,
    path: "/api/v1/auth/me",
    access: Access::Bearer,
    action: Some("auth.me"),
    grants: &[AUTH[0], AUTH[1], AUTH[2], AUDIT],
    ..PLAIN
};
/// Changes the caller's name or address.
pub static AUTH_UPDATE_ME: Route = Route {
    function: "auth-update-me",
    method: Method::PATCH,
    path: "/api/v1/auth/me",
    access: Access::Bearer,
    action: Some("auth.update_me"),
    mutates: true,
    grants: &[(Table::Users, &["BatchGetItem", "UpdateItem"]), AUTH[1], AUTH[2], LIMITS_AND_LOCK, AUDIT, OUTBOX],
    ..PLAIN
};
/// Changes the caller's password.
pub static AUTH_CHANGE_PASSWORD: Route = Route {
    function: "auth-change-password",
    method: Method::POST,
    path: "/api/v1/auth/change-password",
    access: Access::Bearer,
    action: Some("auth.change_password"),
    mutates: true,
    grants: &[
        (Table::Users, &["BatchGetItem", "UpdateItem"]),
        (Table::Tokens, &["BatchGetItem", "UpdateItem"]),
        AUTH[2],
        LIMITS_AND_LOCK,
        AUDIT,
        OUTBOX,
    ],
    secrets: &[Secret::SigningRing],
    ..PLAIN
};
/// The caller's live sessions.
pub static SESSIONS_LIST: Route = Route {
    function: "sessions-list",
    method: Method::GET,
    path: "/api/v1/auth/sessions",
    access: Access::Bearer,
    action: Some("sessions.list"),
    grants: &[AUTH[0], (Table::Tokens, &["BatchGetItem", "Query"]), AUTH[2], AUDIT],
    ..PLAIN
};
/// Ends one session of the caller.
pub static SESSIONS_REVOKE: Route = Route {
    function: "sessions-revoke",
    method: Method::DELETE,
    path: "/api/v1/auth/sessions/{id}",
    access: Access::Bearer,
    action: Some("sessions.revoke"),
    mutates: true,
    grants: &[AUTH[0], (Table::Tokens, &["BatchGetItem", "DeleteItem"]), AUTH[2], AUDIT],
    ..PLAIN
};
/// Ends every session of the caller but this one.
pub static SESSIONS_REVOKE_OTHERS: Route = Route {
    function: "sessions-revoke-others",
    method: Method::DELETE,
    path: "/api/v1/auth/sessions/others",
    access: Access::Bearer,
    action: Some("sessions.revoke_others"),
    mutates: true,
    grants: &[AUTH[0], (Table::Tokens, &["BatchGetItem", "Query", "DeleteItem"]), AUTH[2], AUDIT],
    ..PLAIN
};
/// Ends every session of the caller.
pub static SESSIONS_REVOKE_ALL: Route = Route {
    function: "sessions-revoke-all",
    method: Method::DELETE,
    path: "/api/v1/auth/sessions/all",
    access: Access::Bearer,
    action: Some("sessions.revoke_all"),
    mutates: true,
    grants: &[
        (Table::Users, &["BatchGetItem", "UpdateItem"]),
        (Table::Tokens, &["BatchGetItem", "Query"]),
        AUTH[2],
        AUDIT,
        OUTBOX,
    ],
    ..PLAIN
};
/// The public keys (RFC 7517 section 5).
pub static WELL_KNOWN_JWKS: Route = Route {
    function: "well-known-jwks",
    path: "/.well-known/jwks.json",
    grants: &[(Table::Security, &["GetItem"])],
    ..PLAIN
};
/// Authorization server metadata (RFC 8414).
pub static WELL_KNOWN_AUTHORIZATION_SERVER: Route =
    Route { function: "well-known-authorization-server", path: "/.well-known/oauth-authorization-server", ..PLAIN };
/// Issuer and key address for gateways that only look here.
pub static WELL_KNOWN_OPENID_CONFIGURATION: Route =
    Route { function: "well-known-openid-configuration", path: "/.well-known/openid-configuration", ..PLAIN };
/// Whether the service answers.
pub static SERVICE_HEALTH: Route = Route { function: "service-health", path: "/api/v1/health", ..PLAIN };
/// The page that a verification mail links to.
pub static PAGES_VERIFY_EMAIL: Route = Route { function: "pages-verify-email", path: "/verify-email", ..PLAIN };
/// The page that a reset mail links to.
pub static PAGES_RESET_PASSWORD: Route = Route { function: "pages-reset-password", path: "/reset-password", ..PLAIN };

/// All endpoints, in the order of the contract.
pub static ALL: [&Route; 21] = [
    &AUTH_REGISTER,
    &AUTH_VERIFY_EMAIL,
    &AUTH_RESEND_VERIFICATION,
    &AUTH_LOGIN,
    &AUTH_REFRESH,
    &AUTH_LOGOUT,
    &AUTH_REQUEST_PASSWORD_RESET,
    &AUTH_RESET_PASSWORD,
    &AUTH_ME,
    &AUTH_UPDATE_ME,
    &AUTH_CHANGE_PASSWORD,
    &SESSIONS_LIST,
    &SESSIONS_REVOKE,
    &SESSIONS_REVOKE_OTHERS,
    &SESSIONS_REVOKE_ALL,
    &WELL_KNOWN_JWKS,
    &WELL_KNOWN_AUTHORIZATION_SERVER,
    &WELL_KNOWN_OPENID_CONFIGURATION,
    &SERVICE_HEALTH,
    &PAGES_VERIFY_EMAIL,
    &PAGES_RESET_PASSWORD,
];

/// The methods of the routes that match `path`, for `Allow` (RFC 9110 section 10.2.1); empty if none does.
#[must_use]
pub fn allowed_methods(path: &str) -> Vec<Method> {
    let mut methods: Vec<Method> = Vec::new();
    for route in ALL.iter().filter(|route| route.matches(path)) {
        let answered =
            if route.method == Method::GET { vec![Method::GET, Method::HEAD] } else { vec![route.method.clone()] };
        methods.extend(answered.into_iter().filter(|method| !methods.contains(method)).collect::<Vec<_>>());
    }
    methods
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_routes_share_a_function_or_an_address() {
        for (index, route) in ALL.iter().enumerate() {
            for other in ALL.iter().skip(index + 1) {
                assert_ne!(route.function, other.function);
                assert!(route.path != other.path || route.method != other.method, "{}", route.path);
            }
        }
    }

    #[test]
    fn a_path_names_its_methods() {
        assert_eq!(allowed_methods("/api/v1/auth/me"), [Method::GET, Method::HEAD, Method::PATCH]);
        assert_eq!(allowed_methods("/api/v1/auth/sessions/all"), [Method::DELETE]);
        assert_eq!(allowed_methods("/api/v1/auth/me/"), Vec::<Method>::new());
        assert_eq!(allowed_methods("/api/v1/auth/sessions/"), Vec::<Method>::new());
    }

    #[test]
    fn every_mutating_route_leaves_an_audit_record() {
        for route in ALL.iter().filter(|route| route.mutates) {
            assert!(route.action.is_some(), "{}", route.function);
            assert!(route.grants.contains(&AUDIT), "{}", route.function);
        }
    }
}
