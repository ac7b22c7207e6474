//! Requests as types: a handler takes [`Body`], [`OptionalBody`], [`Query`] or [`PathId`] and gets domain values, or is not
//! called.

use std::sync::Arc;

use axum::body::{Body as RawBody, Bytes, to_bytes};
use axum::extract::{FromRef, FromRequest, FromRequestParts, Path, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue};

use super::fields::Fields;
use super::problem::{Code, Identifier, Problem};
use super::shape::Shape;
use crate::domain::{PasswordPolicy, Reason};
use crate::sign_in::authentication::Caller;

/// The longest body, in bytes.
pub const BODY_LIMIT: usize = 16_384;

/// A request that is read from members.
pub trait FromFields: Sized {
    /// What the rules depend on besides the request; `()` if on nothing.
    type Rules;

    /// Takes the members out. `None` if one is missing or wrong, which the fields know more of. Asks for the same members whatever
    /// is there, since the description of the interface is what this asks for.
    fn read(fields: &mut Fields, rules: &Self::Rules) -> Option<Self>;

    /// What the request may hold.
    #[must_use]
    fn shape() -> Shape
    where
        Self::Rules: Default,
    {
        Fields::shape_of(|fields| {
            Self::read(fields, &Self::Rules::default());
        })
    }
}

/// A request that only says why.
impl FromFields for Reason {
    type Rules = ();

    fn read(fields: &mut Fields, _rules: &()) -> Option<Self> {
        fields.required("reason")
    }
}

/// A JSON body.
pub struct Body<T>(pub T);

impl<S, T> FromRequest<S> for Body<T>
where
    S: Send + Sync,
    T: FromFields<Rules: FromRequestParts<S, Rejection: Into<Problem>> + Send + Sync>,
{
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        parsed(request, state, false).await.map(Self)
    }
}

/// A JSON body that may be missing: an empty one is an object without members.
pub struct OptionalBody<T>(pub T);

impl<S, T> FromRequest<S> for OptionalBody<T>
where
    S: Send + Sync,
    T: FromFields<Rules: FromRequestParts<S, Rejection: Into<Problem>> + Send + Sync>,
{
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        parsed(request, state, true).await.map(Self)
    }
}

/// The parameters of a query.
pub struct Query<T>(pub T);

impl<S, T> FromRequestParts<S> for Query<T>
where
    S: Send + Sync,
    T: FromFields<Rules: FromRequestParts<S, Rejection: Into<Problem>> + Send + Sync>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let rules = T::Rules::from_request_parts(parts, state)
            .await
            .map_err(Into::into)?;
        let fields = Fields::of_query(parts.uri.query().unwrap_or_default());
        complete(fields, &rules).map(Self)
    }
}

/// The identifier in the path. What is none names nothing, as an unknown one does.
pub struct PathId<T>(pub T);

impl<S: Send + Sync, T: Identifier> FromRequestParts<S> for PathId<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        path.ok()
            .and_then(|Path(text)| text.parse().ok())
            .map(Self)
            .ok_or_else(T::unknown)
    }
}

/// What a new password is held to.
#[derive(Debug, Clone, Default)]
pub struct NewPasswordRules {
    /// The deployment's policy.
    pub policy: PasswordPolicy,
    /// The address of the caller, if somebody has signed in; the password must not be built on it.
    pub email: Option<String>,
}

impl<S> FromRequestParts<S> for NewPasswordRules
where
    S: Send + Sync,
    PasswordPolicy: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let caller = parts.extensions.get::<Arc<Caller>>();
        let email = caller.map(|caller| caller.user.email.clone());
        Ok(Self {
            policy: PasswordPolicy::from_ref(state),
            email,
        })
    }
}

async fn parsed<S, T>(request: Request, state: &S, may_be_missing: bool) -> Result<T, Problem>
where
    S: Send + Sync,
    T: FromFields<Rules: FromRequestParts<S, Rejection: Into<Problem>>>,
{
    let (mut parts, body) = request.into_parts();
    let rules = T::Rules::from_request_parts(&mut parts, state)
        .await
        .map_err(Into::into)?;
    let fields = members(&parts.headers, body, may_be_missing).await?;
    complete(fields, &rules)
}

/// Refuses members where the endpoint takes none: a client that sends some expects an effect of them.
pub(super) async fn without_body(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let read = members(&parts.headers, body, true).await;
    match read.and_then(|fields| fields.complete(Some(()))) {
        Ok(()) => next.run(Request::from_parts(parts, RawBody::empty())).await,
        Err(problem) => problem.into_response(),
    }
}

async fn members(
    headers: &HeaderMap,
    body: RawBody,
    may_be_missing: bool,
) -> Result<Fields, Problem> {
    let body = read_body(body).await?;
    if may_be_missing && body.is_empty() {
        return Ok(Fields::empty());
    }
    if !is_json(headers) {
        return Err(unsupported());
    }
    if is_encoded(headers) {
        return Err(unsupported().detail("Send the body as it is, without `Content-Encoding`."));
    }
    Fields::parse(&body)
}

fn complete<T: FromFields>(mut fields: Fields, rules: &T::Rules) -> Result<T, Problem> {
    let value = T::read(&mut fields, rules);
    fields.complete(value)
}

async fn read_body(body: RawBody) -> Result<Bytes, Problem> {
    to_bytes(body, BODY_LIMIT)
        .await
        .map_err(|_| Problem::new(Code::PayloadTooLarge))
}

/// 415, with the content codings that are taken (RFC 9110 section 12.5.3).
fn unsupported() -> Problem {
    Problem::new(Code::UnsupportedMediaType)
        .header(ACCEPT_ENCODING, HeaderValue::from_static("identity"))
}

/// Whether the body is compressed, or encoded otherwise (RFC 9110 section 8.4). `identity` is no encoding.
fn is_encoded(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(CONTENT_ENCODING).iter();
    !codings.all(|coding| coding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

/// `application/json`, with a `charset` or without one: JSON is always UTF-8, so the parameter decides nothing. Two headers are
/// refused: payload 2.0 has them as one, joined by a comma.
fn is_json(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return false;
    };
    let Some(text) = value.to_str().ok().filter(|text| !text.contains(',')) else {
        return false;
    };
    let (essence, parameters) = text.split_once(';').unwrap_or((text, ""));
    let is_charset = |parameter: &str| {
        let name = parameter.split_once('=').map(|(name, _)| name);
        name.is_some_and(|name| name.eq_ignore_ascii_case("charset"))
    };
    let mut parameters = parameters
        .split(';')
        .map(str::trim)
        .filter(|parameter| !parameter.is_empty());
    essence.trim().eq_ignore_ascii_case("application/json")
        && parameters.next().is_none_or(is_charset)
        && parameters.next().is_none()
}
