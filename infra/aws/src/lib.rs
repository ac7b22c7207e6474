//! The AWS services that a service needs, on this machine: `DynamoDB`, Secrets Manager, SES, KMS and S3.
//!
//! [`servers`] starts them, each on a loopback port of its own; a client in the same process reaches them without a socket
//! ([`in_process`]). Before each stands a door that lets a caller do what its policies allow ([`iam`]). What is sent through
//! SES is kept in a [`mailbox`].
//!
//! All speak the real wire protocol, so whatever is tested against them runs with the real SDK clients and has no branch
//! for "local". `DynamoDB` is an embedded engine; the others are our own because no emulator at hand keeps the rules that key
//! rotation and mail delivery rest on (staging labels, idempotent tokens, unverified senders). Each keeps exactly those rules
//! and refuses what it does not know.
//!
//! The crate knows nothing of the service that uses it: tables, secrets, policies, time and randomness are arguments.
//!
//! Invariants: an answer is given only after the change is stored; no secret value appears in an
//! error, in `Debug` or in a log; a request that did not come to a loopback name is refused, so that
//! a web page cannot reach them by rebinding its own name to 127.0.0.1.
//!
//! To add an operation: a request type and a function beside the others, a line in the service's dispatch, and one in
//! [`iam::requests`].

pub mod account;
pub mod address;
pub mod dynamodb;
pub mod endpoints;
pub mod files;
pub mod iam;
pub mod in_process;
pub mod inputs;
pub mod kms;
pub mod mailbox;
pub(crate) mod protocol;
pub mod s3;
pub mod secrets_manager;
pub mod servers;
pub mod ses;
#[cfg(test)]
pub(crate) mod testing;

pub use inputs::{Clock, Entropy};
pub use servers::{LocalAws, LocalAwsError, Parts};
