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
//! | [`export`] | hands out what is stored about somebody |
//! | [`reauthentication`] | renews the password proof of a session |
//! | [`secure_account`] | "this wasn't me" |
//! | [`rotations`] | makes everything issued before worthless |
//! | [`key_changes`] | replaces the signing keys |
//! | [`trail`] | shows the audit trail |
//! | [`administration`] | what admins do to accounts |
//! | [`directory`] | lists accounts and invitations |
//! | [`invitations`] | invites the owner of an address |
//! | [`mail`] | the mailer: what the outbox asks for |
//! | [`sweeper`] | removes what a rotation has killed |
//! | [`authorizer`] | answers the gateways of other services |
//! | [`seals`] | makes a change of the audit trail show |
//!
//! They use [`password_proof`] (lock and hash), [`limits`] (buckets), [`issuer`] (tokens), [`keys`], and the [`store`], the one place
//! that knows `DynamoDB`. [`routes`] is the table of all endpoints; [`config`] is every setting there is; [`environment`] puts
//! the parts together; [`telemetry`] tells what they do: logs, traces, metrics. Time and randomness are arguments: [`clock`], [`entropy`].

pub mod administration;
pub mod archive;
pub mod audit;
pub mod authorizer;
pub mod config;
pub mod consumer;
pub mod description;
pub mod digest;
pub mod directory;
pub mod domain;
pub mod entropy;
pub mod environment;
pub mod export;
pub mod foreign_hash;
pub mod gateway;
pub mod http;
mod init_error;
pub mod invitations;
pub mod issuer;
pub mod key_changes;
pub mod keys;
pub mod lambda;
pub mod limits;
pub mod locator;
pub mod login;
pub mod mail;
pub mod newcomer;
pub mod password_proof;
pub mod passwords;
mod priming;
pub mod profile;
pub mod random_key;
pub mod reauthentication;
pub mod recovery;
pub mod refresh;
pub mod registration;
pub mod request;
pub mod rotation;
pub mod rotations;
pub mod routes;
pub mod seals;
pub mod secrets;
pub mod secure_account;
mod session_cap;
pub mod sessions;
mod start_error;
pub mod store;
pub mod sweeper;
pub mod telemetry;
pub mod tokens;
pub mod trail;
pub mod verification;

pub use dashtam_verify::clock;
