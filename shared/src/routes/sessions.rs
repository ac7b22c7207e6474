//! Sessions: the list, and the three ways to end one.

use http::Method;

use super::{AUDIT, AUTH, Access, LIMITS, OUTBOX, PLAIN, Route};
use crate::routes::{Rule, Table};

/// The caller's live sessions.
pub static SESSIONS_LIST: Route = Route {
    function: "sessions-list",
    method: Method::GET,
    path: "/api/v1/auth/sessions",
    access: Access::Bearer,
    limits: &[Rule::Sessions],
    action: Some("sessions.list"),
    grants: &[
        AUTH[0],
        (Table::Tokens, &["BatchGetItem", "Query"]),
        AUTH[2],
        LIMITS,
        AUDIT,
    ],
    ..PLAIN
};
/// Ends one session of the caller.
pub static SESSIONS_REVOKE: Route = Route {
    function: "sessions-revoke",
    method: Method::DELETE,
    path: "/api/v1/auth/sessions/{id}",
    access: Access::Bearer,
    limits: &[Rule::Sessions],
    action: Some("sessions.revoke"),
    recorded: true,
    grants: &[
        AUTH[0],
        (Table::Tokens, &["BatchGetItem", "DeleteItem"]),
        AUTH[2],
        LIMITS,
        AUDIT,
    ],
    ..PLAIN
};
/// Ends every session of the caller but this one.
pub static SESSIONS_REVOKE_OTHERS: Route = Route {
    function: "sessions-revoke-others",
    method: Method::DELETE,
    path: "/api/v1/auth/sessions/others",
    access: Access::Bearer,
    limits: &[Rule::Sessions],
    action: Some("sessions.revoke_others"),
    recorded: true,
    grants: &[
        AUTH[0],
        (Table::Tokens, &["BatchGetItem", "Query", "DeleteItem"]),
        AUTH[2],
        LIMITS,
        AUDIT,
    ],
    ..PLAIN
};
/// Ends every session of the caller.
pub static SESSIONS_REVOKE_ALL: Route = Route {
    function: "sessions-revoke-all",
    method: Method::DELETE,
    path: "/api/v1/auth/sessions/all",
    access: Access::Bearer,
    limits: &[Rule::Sessions],
    action: Some("sessions.revoke_all"),
    recorded: true,
    grants: &[
        (Table::Users, &["BatchGetItem", "UpdateItem"]),
        (Table::Tokens, &["BatchGetItem", "Query"]),
        AUTH[2],
        LIMITS,
        AUDIT,
        OUTBOX,
    ],
    ..PLAIN
};
