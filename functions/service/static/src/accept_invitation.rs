//! GET `/accept-invitation`: the page that an invitation links to. Opening it does nothing; its button sends the POST.

use shared::description::Operation;
use shared::http::{Endpoint, Page};
use shared::routes;

static PAGE: Page = Page(include_str!("accept_invitation.html"));

/// Builds the endpoint.
#[must_use]
pub fn endpoint() -> Endpoint {
    Endpoint::open(&routes::PAGES_ACCEPT_INVITATION, handler, ())
}

/// What it takes and answers.
#[must_use]
pub fn operation() -> Operation {
    Operation::of(&routes::PAGES_ACCEPT_INVITATION, "Page of an invitation")
        .explained("Shows the form of an invitation. The token is in the link's fragment and is sent only when the form is submitted.")
        .shows_page("A page; opening it does nothing.")
}

async fn handler() -> &'static Page {
    &PAGE
}
