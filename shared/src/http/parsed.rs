//! Requests as types: a handler takes [`Body`], [`OptionalBody`], [`Query`] or [`PathId`] and gets domain values, or is not
//! called.

use std::sync::Arc;

use axum::body::{Body as RawBody, Bytes, to_bytes};
use axum::extract::{FromRef, FromRequest, FromRequestParts, Path, Request};
use http::header::CONTENT_TYPE;
use http::request::Parts;

use super::fields::Fields;
use super::shape::Shape;
use crate::domain::{PasswordPolicy, Reason};
use crate::problem::{Code, Identifier, Problem};
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
        let fields = Fields::of_query(parts.uri.query().unwrap_or_default())?;
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
    let body = read_body(body).await?;
    let fields = if may_be_missing && body.is_empty() {
        Fields::empty()
    } else if is_json(&parts) {
        Fields::parse(&body)?
    } else {
        return Err(Problem::new(Code::UnsupportedMediaType));
    };
    complete(fields, &rules)
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

/// `application/json`, with any parameters. Two headers are none: payload 2.0 has them as one, joined by a comma.
fn is_json(parts: &Parts) -> bool {
    let mut values = parts.headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return false;
    };
    let text = value.to_str().unwrap_or(",");
    let essence = text
        .split(';')
        .next()
        .filter(|_| !text.contains(','))
        .unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}
