//! Accounts: registration, verification, sign-in, passwords, profile.

use http::Method;

use super::{
    AUDIT, AUTH, Access, LIMITS, LIMITS_AND_LOCK, OUTBOX, PLAIN, READ_TRAIL, Route, Secret,
};
use crate::routes::{Index, Rule, Table};

/// Makes an account, or says so for a taken address.
pub static AUTH_REGISTER: Route = Route {
    function: "auth-register",
    method: Method::POST,
    path: "/api/v1/auth/register",
    body: true,
    limits: &[Rule::Register],
    action: Some("auth.register"),
    recorded: true,
    grants: &[
        LIMITS,
        (Table::Users, &["GetItem", "PutItem", "UpdateItem"]),
        AUDIT,
        OUTBOX,
    ],
    ..PLAIN
};
/// Proves an address, or confirms a change of address.
pub static AUTH_VERIFY_EMAIL: Route = Route {
    function: "auth-verify-email",
    method: Method::POST,
    path: "/api/v1/auth/verify-email",
    body: true,
    limits: &[Rule::VerifyEmail],
    action: Some("auth.verify_email"),
    recorded: true,
    grants: &[
        LIMITS_AND_LOCK,
        (Table::Users, &["BatchGetItem", "UpdateItem"]),
        (Table::Security, &["BatchGetItem"]),
        AUDIT,
        OUTBOX,
    ],
    ..PLAIN
};
/// Sends another verification mail.
pub static AUTH_RESEND_VERIFICATION: Route = Route {
    function: "auth-resend-verification",
    method: Method::POST,
    path: "/api/v1/auth/resend-verification",
    body: true,
    limits: &[Rule::ResendVerification],
    action: Some("auth.resend_verification"),
    recorded: true,
    grants: &[LIMITS, (Table::Users, &["GetItem"]), AUDIT, OUTBOX],
    ..PLAIN
};
/// Proves a password and begins a session.
pub static AUTH_LOGIN: Route = Route {
    function: "auth-login",
    method: Method::POST,
    path: "/api/v1/auth/login",
    body: true,
    limits: &[Rule::Login],
    action: Some("auth.login"),
    recorded: true,
    grants: &[
        LIMITS_AND_LOCK,
        (Table::Users, &["GetItem", "BatchGetItem", "UpdateItem"]),
        (Table::Security, &["BatchGetItem"]),
        (Table::Tokens, &["PutItem", "Query", "DeleteItem"]),
        AUDIT,
        OUTBOX,
    ],
    calls_at_once: 2,
    secrets: &[Secret::SigningRing],
    ..PLAIN
};
/// Continues a session.
pub static AUTH_REFRESH: Route = Route {
    function: "auth-refresh",
    method: Method::POST,
    path: "/api/v1/auth/refresh",
    body: true,
    limits: &[Rule::Refresh],
    refusal_limits: &[Rule::RefusedTokens],
    action: Some("auth.refresh"),
    recorded: true,
    grants: &[
        (Table::Users, &["BatchGetItem", "UpdateItem"]),
        (Table::Tokens, &["BatchGetItem", "UpdateItem", "DeleteItem"]),
        (Table::Security, &["BatchGetItem"]),
        LIMITS,
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
    body: true,
    access: Access::BearerOrToken,
    refusal_limits: &[Rule::Logout],
    action: Some("auth.logout"),
    recorded: true,
    grants: &[
        (Table::Users, &["BatchGetItem"]),
        (Table::Tokens, &["BatchGetItem", "DeleteItem"]),
        (Table::Security, &["BatchGetItem"]),
        LIMITS,
        AUDIT,
    ],
    ..PLAIN
};
/// Sends a reset mail.
pub static AUTH_REQUEST_PASSWORD_RESET: Route = Route {
    function: "auth-request-password-reset",
    method: Method::POST,
    path: "/api/v1/auth/request-password-reset",
    body: true,
    limits: &[Rule::RequestPasswordReset],
    action: Some("auth.request_password_reset"),
    recorded: true,
    grants: &[LIMITS, (Table::Users, &["GetItem"]), AUDIT, OUTBOX],
    ..PLAIN
};
/// Sets a new password by a mailed token.
pub static AUTH_RESET_PASSWORD: Route = Route {
    function: "auth-reset-password",
    method: Method::POST,
    path: "/api/v1/auth/reset-password",
    body: true,
    limits: &[Rule::ResetPassword],
    action: Some("auth.reset_password"),
    recorded: true,
    grants: &[
        LIMITS_AND_LOCK,
        (Table::Users, &["BatchGetItem", "UpdateItem"]),
        (Table::Security, &["BatchGetItem"]),
        AUDIT,
        OUTBOX,
    ],
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
    body: true,
    access: Access::Bearer,
    limits: &[Rule::Profile],
    action: Some("auth.update_me"),
    recorded: true,
    grants: &[
        (Table::Users, &["BatchGetItem", "UpdateItem"]),
        AUTH[1],
        AUTH[2],
        LIMITS_AND_LOCK,
        AUDIT,
        OUTBOX,
    ],
    ..PLAIN
};
/// Erases the caller's account.
pub static AUTH_DELETE_ME: Route = Route {
    function: "auth-delete-me",
    method: Method::DELETE,
    path: "/api/v1/auth/me",
    body: true,
    access: Access::Bearer,
    limits: &[Rule::PersonalData],
    action: Some("auth.delete_me"),
    recorded: true,
    grants: &[
        (Table::Users, &["BatchGetItem", "UpdateItem", "DeleteItem"]),
        AUTH[1],
        AUTH[2],
        LIMITS_AND_LOCK,
        AUDIT,
        OUTBOX,
    ],
    ..PLAIN
};
/// Everything that is stored about the caller.
pub static AUTH_EXPORT_ME: Route = Route {
    function: "auth-export-me",
    path: "/api/v1/auth/me/export",
    access: Access::Bearer,
    limits: &[Rule::PersonalData],
    action: Some("auth.export_me"),
    recorded: true,
    grants: &[
        (Table::Users, &["BatchGetItem", "GetItem"]),
        (Table::Tokens, &["BatchGetItem", "Query"]),
        AUTH[2],
        (Table::Limits, &["GetItem", "UpdateItem"]),
        READ_TRAIL,
    ],
    calls_at_once: 2,
    indexes: &[Index::ByUser],
    secrets: &[Secret::CursorKey],
    ..PLAIN
};
/// Changes the caller's password.
pub static AUTH_CHANGE_PASSWORD: Route = Route {
    function: "auth-change-password",
    method: Method::POST,
    path: "/api/v1/auth/change-password",
    body: true,
    access: Access::Bearer,
    limits: &[Rule::ChangePassword],
    action: Some("auth.change_password"),
    recorded: true,
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
/// Renews the password proof of the caller's session.
pub static AUTH_REAUTHENTICATE: Route = Route {
    function: "auth-reauthenticate",
    method: Method::POST,
    path: "/api/v1/auth/reauthenticate",
    body: true,
    access: Access::Bearer,
    limits: &[Rule::Reauthenticate],
    action: Some("auth.reauthenticate"),
    recorded: true,
    grants: &[
        AUTH[0],
        (Table::Tokens, &["BatchGetItem", "UpdateItem"]),
        AUTH[2],
        LIMITS_AND_LOCK,
        AUDIT,
        OUTBOX,
    ],
    secrets: &[Secret::SigningRing],
    ..PLAIN
};
/// "This wasn't me": gives an account back to its owner.
pub static AUTH_SECURE_ACCOUNT: Route = Route {
    function: "auth-secure-account",
    method: Method::POST,
    path: "/api/v1/auth/secure-account",
    body: true,
    limits: &[Rule::SecureAccount],
    action: Some("auth.secure_account"),
    recorded: true,
    grants: &[
        LIMITS,
        (Table::Users, &["GetItem", "UpdateItem", "DeleteItem"]),
        AUDIT,
        (Table::Outbox, &["GetItem", "PutItem", "UpdateItem"]),
    ],
    secrets: &[Secret::MailKey],
    ..PLAIN
};
/// Makes the account of an invitation.
pub static AUTH_ACCEPT_INVITATION: Route = Route {
    function: "auth-accept-invitation",
    method: Method::POST,
    path: "/api/v1/auth/accept-invitation",
    body: true,
    limits: &[Rule::AcceptInvitation],
    action: Some("auth.accept_invitation"),
    recorded: true,
    grants: &[
        LIMITS_AND_LOCK,
        (
            Table::Users,
            &[
                "GetItem",
                "BatchGetItem",
                "ConditionCheckItem",
                "PutItem",
                "UpdateItem",
                "DeleteItem",
            ],
        ),
        (Table::Security, &["BatchGetItem"]),
        AUDIT,
    ],
    ..PLAIN
};
/// What happened to the caller's account.
pub static AUTH_ACTIVITY: Route = Route {
    function: "auth-activity",
    path: "/api/v1/auth/activity",
    access: Access::Bearer,
    limits: &[Rule::Sessions],
    action: Some("auth.activity"),
    recorded: true,
    grants: &[AUTH[0], AUTH[1], AUTH[2], LIMITS, READ_TRAIL],
    calls_at_once: 2,
    indexes: &[Index::ByUser],
    secrets: &[Secret::CursorKey],
    ..PLAIN
};
