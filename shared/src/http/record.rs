//! The one wrapper that records refusals.
//!
//! A refusal that cannot be recorded is not answered as such: the trail must not have holes that a caller can make.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::problem::Problem;
use crate::audit_event::{Cause, Refusal};
use crate::domain::{SessionId, UserId};
use crate::request::RequestMeta;
use crate::store::Store;

/// The admin whose request an answer is to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Actor {
    pub(super) user: UserId,
    pub(super) session: SessionId,
}

/// Writes the refusal that a response declares.
pub(super) async fn record_refusals(
    State(store): State<Store>,
    Extension(meta): Extension<Arc<RequestMeta>>,
    request: Request,
    next: Next,
) -> Response {
    let response = next.run(request).await;
    let refusal = response
        .extensions()
        .get::<Problem>()
        .and_then(|problem| problem.refusal.as_deref().cloned());
    record(&store, &meta, refusal, response).await
}

/// Writes every refusal, declared or not: what an admin was denied matters, however it was denied.
pub(super) async fn record_all_refusals(
    State(store): State<Store>,
    Extension(meta): Extension<Arc<RequestMeta>>,
    request: Request,
    next: Next,
) -> Response {
    let response = next.run(request).await;
    let actor = response.extensions().get::<Actor>().copied();
    let problem = response.extensions().get::<Problem>();
    let refusal = problem
        .filter(|problem| problem.code.status().is_client_error())
        .map(|problem| {
            let declared = problem.refusal.as_deref().cloned();
            match actor {
                Some(actor) => declared
                    .unwrap_or_else(|| Refusal::new(Cause::Answered(problem.code.name())))
                    .actor(actor.user)
                    .session(actor.session),
                // Nobody known: once in ten minutes from one client, or anybody could fill the trail.
                None => declared.unwrap_or_else(|| {
                    Refusal::new(Cause::Answered(problem.code.name())).once(format!(
                        "{}#{}",
                        meta.action(),
                        meta.client_key()
                    ))
                }),
            }
        });
    record(&store, &meta, refusal, response).await
}

async fn record(
    store: &Store,
    meta: &RequestMeta,
    refusal: Option<Refusal>,
    response: Response,
) -> Response {
    let Some(refusal) = refusal else {
        return response;
    };
    match store.record_refusal(meta, &refusal).await {
        Ok(()) => response,
        Err(error) => Problem::from(error).into_response(),
    }
}
