//! The AWS services that the local run needs: Secrets Manager, SES, KMS and S3, and a front of `DynamoDB`'s engine.
//!
//! All are servers on loopback that speak the real wire protocol, so the product runs with the real
//! SDK clients and its code has no branch for "local". The four are our own because no emulator at hand
//! keeps the rules that key rotation and mail delivery rest on (staging labels, idempotent tokens,
//! unverified senders); each keeps exactly those rules and refuses what it does not know.
//!
//! Invariants: an answer is given only after the change is stored; no secret value appears in an
//! error, in `Debug` or in a log; a request that did not come to a loopback name is refused, so that
//! a web page cannot reach them by rebinding its own name to 127.0.0.1.
//!
//! To add an operation: a request type and a function beside the others, and a line in the service's
//! dispatch.

pub mod dynamodb;
pub mod kms;
pub(crate) mod protocol;
pub mod s3;
pub mod secrets_manager;
pub mod ses;
#[cfg(test)]
pub(crate) mod testing;
