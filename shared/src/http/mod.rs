//! HTTP: how a request becomes domain types and how an outcome becomes an answer.

mod app;
mod authenticate;
mod body;
mod code;
mod cors;
mod endpoint;
mod fields;
mod page;
mod problem;
mod record;

pub use app::{App, app, error_chain};
pub use authenticate::{Authenticator, Caller};
pub use body::{Field, FieldFault, Fields, OptionalFields, QueryFields};
pub use code::Code;
pub use endpoint::{Endpoint, Meta};
pub use fields::Whole;
pub use page::{BUTTON, Page};
pub use problem::{FieldError, Problem};
