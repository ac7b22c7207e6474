//! The small pages that mails and problem documents link to: plain HTML with one inline script or none, under a policy that
//! lets nothing else run.
//!
//! Opening a page does nothing, since scanners and previews open links. The token stands behind `#` in the address, so it
//! never reaches a server before the button is pressed, and the script removes it from the address bar.

use axum::response::{Html, IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use http::header::CONTENT_SECURITY_POLICY;

use crate::ground::digest;

const STYLE: &str = include_str!("page.css");

/// The script of every page that sends something: the token and the fields of the form, by their names, to the endpoint that the
/// form's `data-endpoint` names. A part with `data-if="x"` is asked for only if the link has the parameter `x`, and
/// `data-expired` says what a person does whose link is refused.
const SCRIPT: &str = include_str!("form.js");

/// A page with a form; the HTML is in `<main>`, and its first line is the title.
#[derive(Debug)]
pub struct Page(pub &'static str);

impl IntoResponse for &'static Page {
    fn into_response(self) -> Response {
        respond(self.0, Some(SCRIPT))
    }
}

/// A page without a script: `html` stands in `<main>`, and its first line is the title.
#[must_use]
pub fn reading_page(html: &str) -> Response {
    respond(html, None)
}

fn respond(html: &str, script: Option<&str>) -> Response {
    let title = html.lines().next().unwrap_or_default();
    let title = title.trim_start_matches("<h1>").trim_end_matches("</h1>");
    let (element, source_of_script) = match script {
        Some(script) => (
            format!("<script>{script}</script>"),
            format!("script-src '{}'; connect-src 'self'; ", source(script)),
        ),
        None => (String::new(), String::new()),
    };
    let document = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title><style>{STYLE}</style></head>\n\
         <body><main>{html}</main>{element}</body>\n</html>\n"
    );
    let mut response = Html(document).into_response();
    let policy = format!(
        "default-src 'none'; {source_of_script}style-src '{}'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        source(STYLE)
    );
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        response
            .headers_mut()
            .insert(CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// A hash source (CSP Level 3 section 2.3.1).
fn source(text: &str) -> String {
    format!(
        "sha256-{}",
        STANDARD.encode(digest::sha256(text.as_bytes()))
    )
}
