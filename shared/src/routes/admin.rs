//! Breach response: what only admins may do.

use http::Method;

use super::{
    AUDIT, AUTH, Access, LIMITS, LIMITS_AND_LOCK, OUTBOX, PLAIN, READ_TRAIL, RingRight, Route,
    Secret,
};
use crate::routes::{Index, Rule, Table};

/// Makes every token of a user, or of everybody, worthless.
pub static ADMIN_ROTATE_TOKENS: Route = Route {
    function: "admin-rotate-tokens",
    method: Method::POST,
    path: "/api/v1/admin/token-rotations",
    body: true,
    access: Access::Admin,
    limits: &[Rule::AdminRotations],
    action: Some("admin.rotate_tokens"),
    recorded: true,
    grants: &[
        (Table::Users, &["BatchGetItem", "GetItem", "UpdateItem"]),
        (Table::Tokens, &["BatchGetItem", "Query"]),
        (
            Table::Security,
            &["BatchGetItem", "GetItem", "PutItem", "UpdateItem"],
        ),
        LIMITS,
        AUDIT,
        OUTBOX,
    ],
    ..PLAIN
};
/// Replaces the signing keys.
pub static ADMIN_ROTATE_SIGNING_KEYS: Route = Route {
    function: "admin-rotate-signing-keys",
    method: Method::POST,
    path: "/api/v1/admin/signing-keys/rotations",
    body: true,
    access: Access::Admin,
    limits: &[Rule::AdminRotations],
    action: Some("admin.rotate_signing_keys"),
    recorded: true,
    grants: &[
        AUTH[0],
        AUTH[1],
        (Table::Security, &["BatchGetItem", "GetItem", "UpdateItem"]),
        LIMITS,
        AUDIT,
    ],
    secrets: &[Secret::SigningRing],
    ring: RingRight::Replace,
    ..PLAIN
};
/// The version level and the keys as they are now.
pub static ADMIN_SECURITY_CONFIG: Route = Route {
    function: "admin-security-config",
    path: "/api/v1/admin/security-config",
    access: Access::Admin,
    limits: &[Rule::AdminReads],
    action: Some("admin.security_config"),
    grants: &[
        AUTH[0],
        AUTH[1],
        (Table::Security, &["BatchGetItem", "GetItem"]),
        LIMITS,
        AUDIT,
    ],
    ..PLAIN
};
/// Lists users, or finds the one that has an address.
pub static ADMIN_FIND_USERS: Route = Route {
    function: "admin-find-users",
    path: "/api/v1/admin/users",
    access: Access::Admin,
    limits: &[Rule::AdminUsers],
    action: Some("admin.find_users"),
    recorded: true,
    grants: &[
        (Table::Users, &["BatchGetItem", "GetItem"]),
        AUTH[1],
        AUTH[2],
        LIMITS,
        AUDIT,
    ],
    indexes: &[Index::ByDirectory],
    secrets: &[Secret::CursorKey],
    ..PLAIN
};
/// Closes an account.
pub static ADMIN_DISABLE_USER: Route = Route {
    function: "admin-disable-user",
    method: Method::POST,
    path: "/api/v1/admin/users/{id}/disable",
    body: true,
    access: Access::Admin,
    limits: &[Rule::AdminAccounts],
    action: Some("admin.disable_user"),
    recorded: true,
    grants: &[
        (
            Table::Users,
            &["BatchGetItem", "ConditionCheckItem", "UpdateItem"],
        ),
        AUTH[1],
        AUTH[2],
        LIMITS,
        AUDIT,
        OUTBOX,
    ],
    ..PLAIN
};
/// Opens a closed account again.
pub static ADMIN_ENABLE_USER: Route = Route {
    function: "admin-enable-user",
    method: Method::POST,
    path: "/api/v1/admin/users/{id}/enable",
    body: true,
    access: Access::Admin,
    limits: &[Rule::AdminAccounts],
    action: Some("admin.enable_user"),
    recorded: true,
    grants: &[
        (Table::Users, &["BatchGetItem", "UpdateItem"]),
        AUTH[1],
        AUTH[2],
        LIMITS,
        AUDIT,
    ],
    ..PLAIN
};
/// Lifts the lock of an account.
pub static ADMIN_UNLOCK_USER: Route = Route {
    function: "admin-unlock-user",
    method: Method::POST,
    path: "/api/v1/admin/users/{id}/unlock",
    body: true,
    access: Access::Admin,
    limits: &[Rule::AdminAccounts],
    action: Some("admin.unlock_user"),
    recorded: true,
    grants: &[
        (Table::Users, &["BatchGetItem", "GetItem"]),
        AUTH[1],
        AUTH[2],
        LIMITS_AND_LOCK,
        AUDIT,
    ],
    ..PLAIN
};
/// Looks into the audit trail, across users.
pub static ADMIN_AUDIT_EVENTS: Route = Route {
    function: "admin-audit-events",
    path: "/api/v1/admin/audit-events",
    access: Access::Admin,
    limits: &[Rule::AdminReads],
    action: Some("admin.audit_events"),
    recorded: true,
    grants: &[AUTH[0], AUTH[1], AUTH[2], LIMITS, READ_TRAIL],
    indexes: &Index::OF_AUDIT,
    secrets: &[Secret::CursorKey],
    ..PLAIN
};
/// Invites the owner of an address.
pub static ADMIN_CREATE_INVITATION: Route = Route {
    function: "admin-create-invitation",
    method: Method::POST,
    path: "/api/v1/admin/invitations",
    body: true,
    access: Access::Admin,
    limits: &[Rule::AdminInvitations],
    action: Some("admin.create_invitation"),
    recorded: true,
    grants: &[
        (
            Table::Users,
            &[
                "BatchGetItem",
                "GetItem",
                "PutItem",
                "UpdateItem",
                "DeleteItem",
            ],
        ),
        AUTH[1],
        AUTH[2],
        LIMITS,
        AUDIT,
        OUTBOX,
    ],
    ..PLAIN
};
/// The invitations that can still be accepted.
pub static ADMIN_LIST_INVITATIONS: Route = Route {
    function: "admin-list-invitations",
    path: "/api/v1/admin/invitations",
    access: Access::Admin,
    limits: &[Rule::AdminUsers],
    action: Some("admin.list_invitations"),
    recorded: true,
    grants: &[AUTH[0], AUTH[1], AUTH[2], LIMITS, AUDIT],
    indexes: &[Index::ByDirectory],
    secrets: &[Secret::CursorKey],
    ..PLAIN
};
/// Withdraws an invitation.
pub static ADMIN_REVOKE_INVITATION: Route = Route {
    function: "admin-revoke-invitation",
    method: Method::DELETE,
    path: "/api/v1/admin/invitations/{id}",
    access: Access::Admin,
    limits: &[Rule::AdminInvitations],
    action: Some("admin.revoke_invitation"),
    recorded: true,
    grants: &[
        (Table::Users, &["BatchGetItem", "DeleteItem"]),
        AUTH[1],
        AUTH[2],
        LIMITS,
        AUDIT,
    ],
    ..PLAIN
};
