//! THE table: every endpoint with its facts. The router, the audit wrapper, the fallback's 405, and the guards
//! over `template.yaml`, `events/` and the README all read it. To add an endpoint, add a constant in the file of
//! its group and a line in [`ALL`], and
//! follow `docs/adding-an-endpoint.md`; a guard names whatever was forgotten.

mod admin;
mod auth;
mod mail_kind;
mod open;
mod route;
mod rule;
mod sessions;
mod table;

use http::Method;

pub use admin::*;
pub use auth::*;
pub use mail_kind::MailKind;
pub use open::*;
pub use route::{Access, Grant, RingRight, Route, Secret};
pub use rule::Rule;
pub use sessions::*;
pub use table::{Index, Table};

const AUTH: [Grant; 3] = [
    (Table::Users, &["BatchGetItem"]),
    (Table::Tokens, &["BatchGetItem"]),
    (Table::Security, &["BatchGetItem"]),
];
const AUDIT: Grant = (Table::Audit, &["PutItem"]);
const READ_TRAIL: Grant = (Table::Audit, &["Query", "PutItem"]);
const OUTBOX: Grant = (Table::Outbox, &["PutItem"]);
const LIMITS: Grant = (Table::Limits, &["UpdateItem"]);
const LIMITS_AND_LOCK: Grant = (Table::Limits, &["UpdateItem", "DeleteItem"]);

const PLAIN: Route = Route {
    function: "",
    shared_function: None,
    method: Method::GET,
    path: "",
    body: false,
    access: Access::Public,
    limits: &[],
    refusal_limits: &[],
    action: None,
    recorded: false,
    grants: &[],
    calls_at_once: 1,
    indexes: &[],
    secrets: &[],
    ring: RingRight::None,
};

/// All endpoints, in the order of the contract.
pub static ALL: [&Route; 42] = [
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
    &AUTH_DELETE_ME,
    &AUTH_EXPORT_ME,
    &AUTH_CHANGE_PASSWORD,
    &AUTH_REAUTHENTICATE,
    &AUTH_SECURE_ACCOUNT,
    &AUTH_ACCEPT_INVITATION,
    &AUTH_ACTIVITY,
    &SESSIONS_LIST,
    &SESSIONS_REVOKE,
    &SESSIONS_REVOKE_OTHERS,
    &SESSIONS_REVOKE_ALL,
    &ADMIN_ROTATE_TOKENS,
    &ADMIN_ROTATE_SIGNING_KEYS,
    &ADMIN_SECURITY_CONFIG,
    &ADMIN_FIND_USERS,
    &ADMIN_DISABLE_USER,
    &ADMIN_ENABLE_USER,
    &ADMIN_UNLOCK_USER,
    &ADMIN_AUDIT_EVENTS,
    &ADMIN_CREATE_INVITATION,
    &ADMIN_LIST_INVITATIONS,
    &ADMIN_REVOKE_INVITATION,
    &WELL_KNOWN_JWKS,
    &WELL_KNOWN_AUTHORIZATION_SERVER,
    &WELL_KNOWN_OPENID_CONFIGURATION,
    &SERVICE_HEALTH,
    &SERVICE_OPENAPI,
    &PAGES_VERIFY_EMAIL,
    &PAGES_RESET_PASSWORD,
    &PAGES_SECURE_ACCOUNT,
    &PAGES_ACCEPT_INVITATION,
    &PAGES_ERRORS,
];

/// The function that serves the endpoint `name`; the name itself where it is no endpoint's.
#[must_use]
pub fn program_of(name: &str) -> &str {
    ALL.iter()
        .find(|route| route.function == name)
        .map_or(name, |route| route.program())
}

/// The methods of the routes that match `path`, for `Allow` (RFC 9110 section 10.2.1); empty if none does.
#[must_use]
pub fn allowed_methods(path: &str) -> Vec<Method> {
    let mut methods: Vec<Method> = Vec::new();
    for route in ALL.iter().filter(|route| route.matches(path)) {
        let answered = if route.method == Method::GET {
            vec![Method::GET, Method::HEAD]
        } else {
            vec![route.method.clone()]
        };
        methods.extend(
            answered
                .into_iter()
                .filter(|method| !methods.contains(method))
                .collect::<Vec<_>>(),
        );
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
                assert!(
                    route.path != other.path || route.method != other.method,
                    "{}",
                    route.path
                );
            }
        }
    }

    #[test]
    fn a_path_names_its_methods() {
        assert_eq!(
            allowed_methods("/api/v1/auth/me"),
            [Method::GET, Method::HEAD, Method::PATCH, Method::DELETE]
        );
        assert_eq!(
            allowed_methods("/api/v1/auth/sessions/all"),
            [Method::DELETE]
        );
        assert_eq!(allowed_methods("/api/v1/auth/me/"), Vec::<Method>::new());
        assert_eq!(
            allowed_methods("/api/v1/auth/sessions/"),
            Vec::<Method>::new()
        );
    }

    #[test]
    fn endpoints_share_a_function_only_if_they_need_no_rights() {
        for route in ALL.iter().filter(|route| route.shared_function.is_some()) {
            let needs_none = route.grants.is_empty()
                && route.indexes.is_empty()
                && route.secrets.is_empty()
                && route.ring == RingRight::None
                && !route.recorded;
            assert!(needs_none, "{} needs a separate role", route.function);
        }
    }

    #[test]
    fn every_recorded_route_may_write_the_trail() {
        for route in ALL.iter().filter(|route| route.recorded) {
            assert!(route.action.is_some(), "{}", route.function);
            assert!(
                route
                    .grants
                    .iter()
                    .any(|grant| [AUDIT, READ_TRAIL].contains(grant)),
                "{}",
                route.function
            );
        }
    }
}
