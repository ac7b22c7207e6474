//! What anybody may read: keys, metadata, health, and the pages that mails link to.

use super::{PLAIN, Route};
use crate::routes::Table;

/// An endpoint that reads nothing: all of them are one function.
const STATIC: Route = Route {
    shared_function: Some("service-static"),
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
pub static WELL_KNOWN_AUTHORIZATION_SERVER: Route = Route {
    function: "well-known-authorization-server",
    path: "/.well-known/oauth-authorization-server",
    ..STATIC
};
/// Issuer and key address for gateways that only look here.
pub static WELL_KNOWN_OPENID_CONFIGURATION: Route = Route {
    function: "well-known-openid-configuration",
    path: "/.well-known/openid-configuration",
    ..STATIC
};
/// Whether the service answers.
pub static SERVICE_HEALTH: Route = Route {
    function: "service-health",
    path: "/api/v1/health",
    ..STATIC
};
/// What the `type` of a problem document leads to.
pub static PAGES_ERRORS: Route = Route {
    function: "pages-errors",
    path: "/errors/{code}",
    ..STATIC
};
/// The description of the interface.
pub static SERVICE_OPENAPI: Route = Route {
    function: "service-openapi",
    path: "/openapi.json",
    ..STATIC
};
/// The page that a verification mail links to.
pub static PAGES_VERIFY_EMAIL: Route = Route {
    function: "pages-verify-email",
    path: "/verify-email",
    ..STATIC
};
/// The page that a reset mail links to.
pub static PAGES_RESET_PASSWORD: Route = Route {
    function: "pages-reset-password",
    path: "/reset-password",
    ..STATIC
};
/// The page that a "this wasn't me" link opens.
pub static PAGES_SECURE_ACCOUNT: Route = Route {
    function: "pages-secure-account",
    path: "/secure-account",
    ..STATIC
};
/// The page that an invitation links to.
pub static PAGES_ACCEPT_INVITATION: Route = Route {
    function: "pages-accept-invitation",
    path: "/accept-invitation",
    ..STATIC
};
