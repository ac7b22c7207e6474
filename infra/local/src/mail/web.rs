//! The captured mail over HTTP: as JSON for programs, as a page for people.

use std::sync::Arc;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use local_aws::mailbox::{Mailbox, Message};
use percent_encoding::percent_decode_str;
use serde::Serialize;

use super::page::{self, Page};

/// Serves `GET /_local/mail?to=ADDRESS` and the page at `GET /_local`.
///
/// The JSON form also takes `limit=N` for the newest N messages, and answers 304 to an
/// `If-None-Match` with its last `ETag` (RFC 9110 section 13.1.2) while no mail came in.
pub fn router(mailbox: Mailbox) -> Router {
    let page = Arc::new(Page::new());
    Router::new()
        .route("/_local/mail", get(list).with_state(mailbox))
        .route("/_local", get(show).with_state(page.clone()))
        .route("/_local/", get(show).with_state(page))
}

#[derive(Serialize)]
struct Answer<'a> {
    messages: Vec<&'a Message>,
}

async fn list(
    State(mailbox): State<Mailbox>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let query = query.unwrap_or_default();
    let to = parameter(&query, "to").filter(|to| !to.is_empty());
    let limit = match parameter(&query, "limit").map(|limit| limit.parse()) {
        None => usize::MAX,
        Some(Ok(limit)) => limit,
        Some(Err(_)) => {
            return (StatusCode::BAD_REQUEST, "`limit` is a whole number\n").into_response();
        }
    };
    let (revision, messages) = mailbox.newest(to.as_deref(), limit);
    let tag = format!("\"{revision}\"");
    if headers
        .get(header::IF_NONE_MATCH)
        .is_some_and(|known| known.as_bytes() == tag.as_bytes())
    {
        return (StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response();
    }
    let answer = Answer {
        messages: messages.iter().map(|message| &**message).collect(),
    };
    let Ok(body) = serde_json::to_string(&answer) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let mut answer = body.into_response();
    let headers = answer.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    guard(headers);
    answer
}

async fn show(State(page): State<Arc<Page>>) -> Response {
    let mut answer = page::HTML.into_response();
    let headers = answer.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/html; charset=utf-8"),
    );
    headers.insert(header::CONTENT_SECURITY_POLICY, page.policy());
    guard(headers);
    answer
}

/// No copy in a cache, no guessing of types, no address of a mail's link in a referrer.
fn guard(headers: &mut HeaderMap) {
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
}

/// The first value of a query parameter. `+` stays a plus: addresses contain it, people type it as it
/// is, and no address contains the space that a form would mean by it.
fn parameter(query: &str, name: &str) -> Option<String> {
    let (_, value) = query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(key, _)| *key == name)?;
    Some(percent_decode_str(value).decode_utf8_lossy().into_owned())
}
