//! HTTP: how a request becomes domain types and how an outcome becomes an answer.

mod app;
mod authenticate;
mod code;
mod cors;
mod endpoint;
mod error_page;
mod facts;
mod field;
mod fields;
mod filter;
mod page;
mod parsed;
mod problem;
mod record;
mod shape;

pub use app::{App, DEADLINE, app, error_chain};
pub use authenticate::{Authenticator, Caller};
pub use code::{Code, Facts, HeaderFact, Retry};
pub use cors::Cors;
pub use endpoint::{Endpoint, Meta};
pub use error_page::{ErrorEntry, error_article};
pub use field::{DeliverableEmail, SentMailToken, SentRefreshToken, Whole};
pub use fields::{Choice, Field, FieldFault, Fields};
pub use filter::{ListSize, PageSize};
pub use page::{BUTTON, FORM, Page, reading_page};
pub use parsed::{BODY_LIMIT, Body, FromFields, Identifier, NewPasswordRules, OptionalBody, PathId, Query};
pub use problem::{FieldError, Problem};
pub use shape::{Member, Shape};
