//! HTTP: how a request becomes domain types and how an outcome becomes an answer.

mod app;
mod authenticate;
mod code;
mod cors;
mod endpoint;
mod field;
mod fields;
mod page;
mod parsed;
mod problem;
mod record;
mod shape;

pub use app::{App, app, error_chain};
pub use authenticate::{Authenticator, Caller};
pub use code::Code;
pub use endpoint::{Endpoint, Meta};
pub use field::{SentMailToken, SentRefreshToken, Whole};
pub use fields::{Choice, Field, FieldFault, Fields};
pub use page::{BUTTON, Page};
pub use parsed::{BODY_LIMIT, Body, FromFields, Identifier, NewPasswordRules, OptionalBody, PathId, Query};
pub use problem::{FieldError, Problem};
pub use shape::{Member, Shape};
