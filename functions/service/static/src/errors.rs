//! GET `/errors/{code}`: what the `type` of a problem document leads to, as a page or as JSON.

use axum::Json;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::header::{ACCEPT, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use shared::description::Operation;
use shared::http::problem::{Code, Problem};
use shared::http::{Endpoint, ErrorEntry, error_article, reading_page};
use shared::routes;

/// Builds the endpoint.
#[must_use]
pub fn endpoint() -> Endpoint {
    Endpoint::open(&routes::PAGES_ERRORS, handler, ())
}

/// What it takes and answers.
#[must_use]
pub fn operation() -> Operation {
    let words: Vec<_> = Code::ALL.into_iter().map(Code::name).collect();
    Operation::of(&routes::PAGES_ERRORS, "Explain an error code").explained("Returns what a problem's `code` means and what to do about it: as a page, or as JSON where the client accepts only that.")
        .path_word("code", "The `code` of a problem document.", &words)
        .shows_page("What the code means and what to do: as a page, or as JSON where nothing else is accepted.")
        .answers::<ErrorEntry>(StatusCode::OK, "")
}

async fn handler(
    name: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    // What is no text names no code.
    let name = name.map(|Path(name)| name).unwrap_or_default();
    let code = Code::ALL
        .into_iter()
        .find(|code| code.name() == name)
        .ok_or_else(|| Problem::new(Code::NotFound))?;
    let mut response = if wants_json(&headers) {
        Json(ErrorEntry::new(code)).into_response()
    } else {
        reading_page(&error_article(code))
    };
    response
        .headers_mut()
        .append(VARY, HeaderValue::from_static("Accept"));
    Ok(response)
}

/// A program says so; a browser asks for HTML beside whatever else it takes.
fn wants_json(headers: &HeaderMap) -> bool {
    let given = headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect::<Vec<_>>()
        .join(",");
    let kinds = given.to_ascii_lowercase();
    let takes = |kind: &str| {
        kinds
            .split(',')
            .any(|one| one.split(';').next().unwrap_or_default().trim() == kind)
    };
    takes("application/json") && !takes("text/html")
}
