//! HTTP: how a request becomes domain types and how an outcome becomes an answer.

mod app;
mod bearer;
mod cors;
mod endpoint;
mod error_page;
mod field;
mod fields;
mod filter;
mod page;
mod parsed;
pub mod problem;
mod record;
mod shape;

pub use app::{App, DEADLINE, app};
pub use bearer::caller;
pub use cors::Cors;
pub use endpoint::{Endpoint, Meta};
pub use error_page::{ErrorEntry, error_article};
pub use field::{DeliverableEmail, SentMailToken, SentRefreshToken, Whole};
pub use fields::{Choice, Field, FieldFault, Fields};
pub use filter::{ListSize, PageSize};
pub use page::{Page, reading_page};
pub use parsed::{BODY_LIMIT, Body, FromFields, NewPasswordRules, OptionalBody, PathId, Query};
pub use shape::{Member, Shape};
