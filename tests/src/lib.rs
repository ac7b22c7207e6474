//! The harness: the whole service against a real embedded `DynamoDB`, with a clock that stands still, a proxy that breaks
//! calls on demand and writes down every one, and captured mail.
//!
//! [`TestApp`] starts it; [`Actor`]s are its clients; functions called `db_…` look into or age the tables.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::panic,
    reason = "a harness fails its test by panicking"
)]

mod app;
mod client;
mod collector;
mod database;
mod description;
mod faults;
mod log;
mod made_up;
pub mod project;
pub mod rights;
pub mod stage;
mod ticking_clock;

pub use app::{TestApp, fresh_address};
pub use client::{Actor, Answer, PASSWORD};
pub use collector::Collector;
pub use database::{Item, text};
pub use description::{DESCRIPTION, described, faults};
pub use faults::{Fault, Proxy};
pub use log::Log;
pub use made_up::{MADE_UP, NICKNAME, is_migrated};
