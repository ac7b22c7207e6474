//! GET `/reset-password`: the page that a reset mail links to. Opening it does nothing; its button sends the POST.

use shared::description::Operation;
use shared::http::{Endpoint, Page};
use shared::routes;

static PAGE: Page = Page(include_str!("reset_password.html"));

/// Builds the endpoint.
#[must_use]
pub fn endpoint() -> Endpoint {
    Endpoint::open(&routes::PAGES_RESET_PASSWORD, handler, ())
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
