//! GET `/reset-password`: the page that a reset mail links to. Opening it does nothing; its button sends the POST.

use shared::description::Operation;
use shared::environment::{Environment, StartError};
use shared::http::{Endpoint, FORM, Page};
use shared::routes;

static PAGE: Page = Page { html: include_str!("page.html"), script: FORM };

/// Builds the endpoint.
///
/// # Errors
/// None now.
#[expect(clippy::unused_async, reason = "all endpoints are built alike")]
pub async fn endpoint(_environment: &Environment) -> Result<Endpoint, StartError> {
    Ok(Endpoint::open(&routes::PAGES_RESET_PASSWORD, handler, ()))
}

/// What it takes and answers.
#[must_use]
pub fn operation() -> Operation {
    Operation::of(&routes::PAGES_RESET_PASSWORD, "Page of a reset link").explained("Shows the form for a new password. The token is in the link's fragment and is sent only when the form is submitted.")
        .shows_page("A page; opening it does nothing.")
}

async fn handler() -> &'static Page {
    &PAGE
}
