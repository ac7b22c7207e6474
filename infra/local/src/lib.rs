//! Dashtam Auth on one machine: the whole service in one process, without an AWS account.
//!
//! A request comes to the [`gateway`], which plays API Gateway by the rules of `template.yaml` ([`template`]), becomes the
//! event that a function would be given ([`event`]), and goes to the same endpoints that are deployed. They speak through the
//! AWS SDK to [`local_aws`], which is told what is in the template ([`aws_side`]) and lets a function do only what its role
//! allows ([`policies`]). What they write to the outbox comes back through [`consumers`] to the mailer and the sweeper; the
//! mail they send is caught and shown at `/_local` ([`mail`]). Their keys are rotated by the functions in [`rotations`]; the
//! audit trail is sealed through [`sealing`], and signed and looked through by the jobs in [`schedule`].
//!
//! [`stack`] puts it together. None of it is in a deployed artefact, and the service has no branch for it.

pub mod aws_side;
pub mod cloudformation;
pub mod consumers;
pub mod data_directory;
pub mod endpoints;
pub mod env_file;
pub mod event;
pub mod gateway;
pub mod lambda_env;
pub mod mail;
pub mod names;
pub mod options;
pub mod policies;
pub mod resources;
pub mod rotations;
pub mod schedule;
pub mod sealing;
pub mod stack;
pub mod template;
#[cfg(test)]
pub(crate) mod testing;
pub mod token_bucket;
pub mod viewer;
