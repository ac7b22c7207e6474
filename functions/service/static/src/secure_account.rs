//! GET `/secure-account`: the page that a "this wasn't me" link opens. Opening it does nothing; its button sends the POST.

use shared::description::Operation;
use shared::http::{Endpoint, Page};
use shared::routes;

static PAGE: Page = Page(include_str!("secure_account.html"));

/// Builds the endpoint.
#[must_use]
pub fn endpoint() -> Endpoint {
    Endpoint::open(&routes::PAGES_SECURE_ACCOUNT, handler, ())
}

/// What it takes and answers.
#[must_use]
pub fn operation() -> Operation {
    Operation::of(&routes::PAGES_SECURE_ACCOUNT, "Page of a notice's link").explained("Shows the button that secures the account. The token is in the link's fragment and is sent only when the button is pressed.")
        .shows_page("A page; opening it does nothing.")
}

async fn handler() -> &'static Page {
    &PAGE
}
