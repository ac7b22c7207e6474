//! Dashtam Auth: what its functions share.
//!
//! # A tour
//!
//! A request comes in through [`lambda`] (or the local run), passes the layers of [`http`], is parsed into types of [`domain`],
//! and reaches a handler in `functions/`. The handler calls one service and shapes the answer. The services hold the rules:
//!
//! | service | what it does |
//! |---|---|
//! | [`registration`] | makes accounts |
//! | [`verification`] | proves addresses |
//! | [`login`] | begins sessions |
//! | [`refresh`] | continues them |
//! | [`sessions`] | lists and ends them |
//! | [`recovery`] | a forgotten password |
//! | [`profile`] | what users change about themselves |
//! | [`mail`] | the mailer: what the outbox asks for |
//! | [`sweeper`] | removes what a rotation has killed |
//!
//! They use [`password_proof`] (lock and hash), [`limits`] (buckets), [`issuer`] (tokens), and the [`store`], the one place
//! that knows `DynamoDB`. [`routes`] is the table of all endpoints; [`config`] is every setting there is; [`environment`] puts
//! the parts together. Time and randomness are arguments: [`clock`], [`entropy`].

pub mod audit;
pub mod clock;
pub mod config;
pub mod consumer;
pub mod digest;
pub mod domain;
pub mod entropy;
pub mod environment;
pub mod http;
pub mod issuer;
pub mod keys;
pub mod lambda;
pub mod limits;
pub mod locator;
pub mod login;
pub mod mail;
pub mod password_proof;
pub mod passwords;
pub mod profile;
pub mod recovery;
pub mod refresh;
pub mod registration;
pub mod request;
mod route;
pub mod rotation;
pub mod routes;
pub mod secrets;
pub mod sessions;
pub mod store;
pub mod sweeper;
pub mod tokens;
pub mod verification;
