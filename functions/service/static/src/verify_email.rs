//! GET `/verify-email`: the page that a verification mail links to. Opening it does nothing; its button sends the POST.

use shared::description::Operation;
use shared::http::{Endpoint, Page};
use shared::routes;

static PAGE: Page = Page(include_str!("verify_email.html"));

/// Builds the endpoint.
#[must_use]
pub fn endpoint() -> Endpoint {
    Endpoint::open(&routes::PAGES_VERIFY_EMAIL, handler, ())
}

/// What it takes and answers.
#[must_use]
pub fn operation() -> Operation {
    Operation::of(&routes::PAGES_VERIFY_EMAIL, "Page of a verification link").explained("Shows the button that verifies the address. The token is in the link's fragment and is sent only when the button is pressed.")
        .shows_page("A page; opening it does nothing.")
}

async fn handler() -> &'static Page {
    &PAGE
}
