//! Dashtam Auth: what its functions share.
//!
//! # A tour
//!
//! A request comes in through [`runtime::lambda`] (or the local run), passes the layers of [`http`], is parsed into types of
//! [`domain`], and reaches a handler in `functions/`. The handler calls one service and shapes the answer. The services hold the
//! rules:
//!
//! - [`sign_in`]: sign in, refresh, list and end sessions, verify the password again, tell who a caller is
//! - [`accounts`]: register, verify, recover, change, export and erase an account; invite and administer
//! - [`breach`]: revoke every token, replace the signing keys
//! - [`audit`]: search, archive and seal the audit log
//! - [`mail`]: send what the outbox asks for
//!
//! They use [`passwords`] (hash, compare, lock), [`limits`] (buckets), [`keys`], [`tokens`], and the [`store`], the one place that
//! knows `DynamoDB`. A change of state carries its [`audit_event`]; a service that refuses
//! says why in an error of its own, of which [`http::problem`] makes the answer.
//!
//! [`routes`] is the table of all endpoints with the plain facts about them, [`config`] is every setting there is, [`request`]
//! is what is known about a request, and [`telemetry`] has logs, traces and metrics. [`runtime`] puts the parts together. Time
//! and randomness are arguments: [`clock`], [`ground::entropy`].
//!
//! A module imports only from modules below it. A test holds them to the order; it is in `tests/it/guard_floors.rs`.

pub mod accounts;
pub mod audit;
pub mod audit_event;
pub mod aws;
pub mod breach;
pub mod config;
pub mod description;
pub mod domain;
pub mod ground;
pub mod http;
pub mod keys;
pub mod limits;
pub mod mail;
pub mod passwords;
pub mod request;
pub mod routes;
pub mod runtime;
pub mod sign_in;
pub mod store;
pub mod telemetry;
pub mod tokens;
pub mod work;

pub use dashtam_verify::clock;
