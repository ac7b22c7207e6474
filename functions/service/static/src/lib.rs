//! What anyone may read and what needs no rights: metadata, health, the description, and the pages that emails link to.
//!
//! One function serves them all. A function of their own would give each the same empty role.

pub mod accept_invitation;
pub mod authorization_server;
pub mod errors;
pub mod health;
pub mod openapi;
pub mod openid_configuration;
pub mod reset_password;
pub mod secure_account;
pub mod verify_email;

use shared::description::Operation;
use shared::http::Endpoint;
use shared::runtime::environment::{Environment, StartError};

/// Builds the endpoints, in the order of the route table.
#[expect(clippy::unused_async, reason = "all functions are built alike")]
pub async fn endpoints(environment: &Environment) -> Result<Vec<Endpoint>, StartError> {
    let config = environment.config();
    Ok(vec![
        authorization_server::endpoint(&config),
        openid_configuration::endpoint(&config),
        health::endpoint(),
        openapi::endpoint(&config),
        verify_email::endpoint(),
        reset_password::endpoint(),
        secure_account::endpoint(),
        accept_invitation::endpoint(),
        errors::endpoint(),
    ])
}

/// What they take and answer, in the same order.
#[must_use]
pub fn operations() -> Vec<Operation> {
    vec![
        authorization_server::operation(),
        openid_configuration::operation(),
        health::operation(),
        openapi::operation(),
        verify_email::operation(),
        reset_password::operation(),
        secure_account::operation(),
        accept_invitation::operation(),
        errors::operation(),
    ]
}
