//! Dashtam Auth on one machine: the whole service in one process, without an AWS account.
//!
//! A request comes to the [`gateway`], which plays API Gateway by the rules of `template.yaml`, becomes the event that
//! a function would be given, and goes to the same endpoints that are deployed. They speak through the AWS SDK to the
//! [`local_aws`] side: an embedded `DynamoDB`, and Secrets Manager, SES, KMS and S3 as servers of our own in [`aws`], which they reach
//! without a socket ([`in_process`]). Before each of them [`iam`] sees to it that a function does only what its role allows. What they
//! write to the outbox comes back through [`streams`] and [`consumers`] to the mailer and the sweeper; the mail they
//! send is caught in [`mail`] and shown at `/_local`. Their keys are rotated by the functions in [`rotations`]; the audit trail is sealed through
//! [`sealing`], and signed and looked through by the jobs in [`schedule`].
//!
//! [`stack`] puts it together. None of it is in a deployed artefact, and the service has no branch for it.

pub mod api_body;
pub mod aws;
pub mod cloudformation;
pub mod consumers;
pub mod data_directory;
pub mod database;
pub mod endpoints;
pub mod env_file;
pub mod environment;
pub mod event;
pub mod gateway;
pub mod gateway_response;
pub mod iam;
pub mod in_process;
pub mod local_aws;
pub mod mail;
pub mod options;
pub mod resources;
pub mod rotations;
pub mod schedule;
pub mod sealing;
pub mod secrets;
pub mod stack;
pub mod streams;
pub mod template;
pub mod throttle;
pub mod viewer;
