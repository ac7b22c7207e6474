//! An endpoint: a handler with the layers that its route's facts call for.

use std::sync::Arc;

use axum::Extension;
use axum::Router;
use axum::extract::{FromRequestParts, Request, State};
use axum::handler::Handler;
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, on};
use http::request::Parts;
use http::{HeaderMap, Method};

use super::bearer::{bearer, caller};
use super::parsed::without_body;
use super::problem::{Code, Problem};
use super::record::{Actor, record_all_refusals, record_refusals};
use crate::request::RequestMeta;
use crate::routes::{Route, Rule};
use crate::sign_in::authentication::{Authenticator, Caller};
use crate::store::Store;

/// A handler under its route.
pub struct Endpoint {
    pub(super) route: &'static Route,
    pub(super) router: Router,
}

impl Endpoint {
    /// An endpoint that needs nothing but itself: nobody signs in, and nothing is refused that matters.
    pub fn open<H, T, S>(route: &'static Route, handler: H, deps: S) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
        S: Clone + Send + Sync + 'static,
    {
        let router = Router::new()
            .route(route.path, on(filter(&route.method), handler))
            .with_state(deps);
        let router = if route.body {
            router
        } else {
            router.route_layer(from_fn(without_body))
        };
        Self { route, router }
    }

    /// An endpoint whose refusals are recorded. It reads credentials itself, if it takes any.
    pub fn public<H, T, S>(route: &'static Route, handler: H, deps: S, store: &Store) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
        S: Clone + Send + Sync + 'static,
    {
        let open = Self::open(route, handler, deps);
        let router = open
            .router
            .route_layer(from_fn_with_state(store.clone(), record_refusals));
        Self { router, ..open }
    }

    /// An endpoint for signed-in callers; the handler takes them as [`Caller`].
    pub fn bearer<H, T, S>(
        route: &'static Route,
        handler: H,
        deps: S,
        authenticator: &Authenticator,
    ) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
        S: Clone + Send + Sync + 'static,
    {
        let open = Self::open(route, handler, deps);
        let router = open
            .router
            .route_layer(from_fn_with_state(authenticator.clone(), authenticate))
            .route_layer(from_fn_with_state(
                authenticator.store().clone(),
                record_refusals,
            ));
        Self { router, ..open }
    }

    /// An endpoint for admins; the handler takes them as [`Caller`]. The route's buckets are charged to the admin, and
    /// whatever is refused is recorded.
    pub fn admin<H, T, S>(
        route: &'static Route,
        handler: H,
        deps: S,
        authenticator: &Authenticator,
    ) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
        S: Clone + Send + Sync + 'static,
    {
        let open = Self::open(route, handler, deps);
        let router = open
            .router
            .route_layer(from_fn_with_state(
                (authenticator.clone(), route.limits),
                administrate,
            ))
            .route_layer(from_fn_with_state(
                authenticator.store().clone(),
                record_all_refusals,
            ));
        Self { router, ..open }
    }

    /// The route's facts.
    #[must_use]
    pub const fn route(&self) -> &'static Route {
        self.route
    }
}

async fn authenticate(
    State(authenticator): State<Authenticator>,
    mut request: Request,
    next: Next,
) -> Response {
    match caller(&authenticator, request.headers()).await {
        Ok(caller) => {
            request.extensions_mut().insert(Arc::new(caller));
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    }
}

async fn administrate(
    State((authenticator, rules)): State<(Authenticator, &'static [Rule])>,
    Extension(meta): Extension<Arc<RequestMeta>>,
    mut request: Request,
    next: Next,
) -> Response {
    let caller = match admin(&authenticator, request.headers()).await {
        Ok(caller) => caller,
        Err(problem) => return problem.into_response(),
    };
    let actor = Actor {
        user: caller.user.id,
        session: caller.session.id,
    };
    let mut response = match charge(&authenticator, rules, &meta, &caller).await {
        Ok(()) => {
            request.extensions_mut().insert(Arc::new(caller));
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    };
    response.extensions_mut().insert(actor);
    response
}

async fn admin(authenticator: &Authenticator, headers: &HeaderMap) -> Result<Caller, Problem> {
    Ok(authenticator.admin(bearer(headers)?).await?)
}

async fn charge(
    authenticator: &Authenticator,
    rules: &[Rule],
    meta: &RequestMeta,
    admin: &Caller,
) -> Result<(), Problem> {
    for rule in rules {
        authenticator
            .limiter()
            .admit_user(*rule, meta, admin.user.id)
            .await?;
    }
    Ok(())
}

fn filter(method: &Method) -> MethodFilter {
    MethodFilter::try_from(method.clone()).unwrap_or(MethodFilter::GET)
}

/// The request's [`RequestMeta`], as a handler's argument.
pub struct Meta(pub Arc<RequestMeta>);

impl<S: Send + Sync> FromRequestParts<S> for Meta {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        parts
            .extensions
            .get()
            .cloned()
            .map(Self)
            .ok_or_else(|| Problem::new(Code::InternalError))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let caller = parts.extensions.get::<Arc<Self>>().cloned();
        // An endpoint that was not built as `Endpoint::bearer` has no caller: refuse rather than guess.
        caller
            .map(Arc::unwrap_or_clone)
            .ok_or_else(|| Problem::new(Code::InternalError))
    }
}
