//! A rotation function, as Secrets Manager calls it: in four steps, each of which may come again.
//!
//! The steps are those of AWS's
//! [rotation functions](https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html).

use std::sync::Arc;

use futures::future::BoxFuture;

use crate::account;

/// One step of a rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Make the new version and store it under the label `AWSPENDING`.
    CreateSecret,
    /// Make it known to whoever must know it before it is used.
    SetSecret,
    /// Use it once, for a test.
    TestSecret,
    /// Put it into use: it gets the label `AWSCURRENT`.
    FinishSecret,
}

impl Step {
    /// All steps, in their order.
    pub const ALL: [Self; 4] = [
        Self::CreateSecret,
        Self::SetSecret,
        Self::TestSecret,
        Self::FinishSecret,
    ];
}

/// What a rotation function is called with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RotationEvent {
    /// What is to be done.
    pub step: Step,
    /// The secret's ARN.
    pub secret_id: String,
    /// Names the version that is being made; the same in all steps, and when a step comes again.
    pub client_request_token: String,
}

/// Does one step; a failure is its reason, which is logged.
pub type RotationFunction =
    Arc<dyn Fn(RotationEvent) -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// The ARN of the rotation function of this name.
pub(super) fn function_arn(name: &str) -> String {
    account::arn("lambda", &format!("function:{name}"))
}
