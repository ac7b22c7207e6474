//! The one wrapper that records refusals.
//!
//! A refusal that cannot be recorded is not answered as such: the trail must not have holes that a caller can make.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::problem::Problem;
use crate::request::RequestMeta;
use crate::store::Store;

/// Writes the refusal that a response declares.
pub(super) async fn record_refusals(
    State(store): State<Store>,
    Extension(meta): Extension<Arc<RequestMeta>>,
    request: Request,
    next: Next,
) -> Response {
    let response = next.run(request).await;
    let Some(refusal) = response.extensions().get::<Problem>().and_then(|problem| problem.refusal.as_ref()) else {
        return response;
    };
    match store.record_refusal(&meta, refusal).await {
        Ok(()) => response,
        Err(error) => Problem::from(error).into_response(),
    }
}
