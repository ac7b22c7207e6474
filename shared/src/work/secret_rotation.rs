//! Rotation of a secret, as Secrets Manager asks for it: four steps, each of which may come again.
//!
//! The steps are those of AWS's
//! [rotation functions](https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html).
//! In Lambda they come as events, in the local run from its own Secrets Manager.

use std::sync::Arc;

use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

use crate::telemetry::Telemetry;
use crate::work::consumer::Failure;

/// One step of a rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RotationEvent {
    /// What is to be done.
    pub step: Step,
    /// The secret's ARN or name.
    pub secret_id: String,
    /// Names the version that is being made; the same in all steps, and when a step comes again.
    pub client_request_token: String,
}

/// Does one step.
pub type RotationHandler =
    Arc<dyn Fn(RotationEvent) -> BoxFuture<'static, Result<(), Failure>> + Send + Sync>;

/// `handler` as a task of `function`.
#[must_use]
pub fn watched(
    telemetry: Telemetry,
    function: &'static str,
    handler: RotationHandler,
) -> RotationHandler {
    Arc::new(move |event| {
        let (telemetry, work) = (telemetry.clone(), handler(event));
        Box::pin(async move {
            telemetry
                .watch(function, "a step of a rotation comes again", work)
                .await
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_reads_as_secrets_manager_writes_it() {
        let text = r#"{"Step":"createSecret","SecretId":"arn:aws:x","ClientRequestToken":"t"}"#;
        let event: RotationEvent = serde_json::from_str(text).expect("an event");
        assert_eq!(
            (event.step, event.client_request_token.as_str()),
            (Step::CreateSecret, "t")
        );
    }
}
