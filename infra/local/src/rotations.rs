//! The rotation of the local secrets, by the template's schedules and with the functions that are deployed.

use std::sync::Arc;

use local_aws::secrets_manager::{self, RotationError, RotationFunction, SecretsManager};
use shared::ground::error_chain;
use shared::runtime::environment::{Environment, StartError};
use shared::work::secret_rotation::{RotationEvent, RotationHandler, Step};

use crate::template::TemplateRotation;

/// Builds all rotation functions, each under the name of its crate, which is its access key, too.
///
/// # Errors
/// [`StartError`] of the first that cannot be built.
pub async fn handlers(
    environment: &Environment,
) -> Result<Vec<(&'static str, RotationHandler)>, StartError> {
    Ok(vec![
        (
            "keys-rotate-data",
            keys_rotate_data::rotation(&environment.with_access_key("keys-rotate-data")).await?,
        ),
        (
            "keys-rotate-signing",
            keys_rotate_signing::rotation(&environment.with_access_key("keys-rotate-signing"))
                .await?,
        ),
    ])
}

/// Registers the functions, and has the secrets rotated as the template says. Nothing rotates at once, except
/// what was unfinished when the last run ended. A secret that does not exist yet is left out; one that has its
/// rotation already keeps it, so a restart moves no date.
///
/// # Errors
/// [`RotationError`] for a rotation whose function is not among `handlers`, or that cannot be stored.
pub async fn set_up(
    secrets: &SecretsManager,
    secret_prefix: &str,
    rotations: &[TemplateRotation],
    handlers: &[(&'static str, RotationHandler)],
) -> Result<(), RotationError> {
    for (function, handler) in handlers {
        secrets.register(function, called(handler));
    }
    for TemplateRotation {
        secret,
        function,
        rules,
    } in rotations
    {
        secrets
            .set_rotation(&format!("{secret_prefix}{secret}"), function, rules.clone())
            .await?;
    }
    Ok(())
}

/// A handler as Secrets Manager calls it.
fn called(handler: &RotationHandler) -> RotationFunction {
    let handler = Arc::clone(handler);
    Arc::new(move |event| {
        let outcome = handler(RotationEvent {
            step: step(event.step),
            secret_id: event.secret_id,
            client_request_token: event.client_request_token,
        });
        Box::pin(async move { outcome.await.map_err(|failure| error_chain(&failure)) })
    })
}

const fn step(step: secrets_manager::Step) -> Step {
    match step {
        secrets_manager::Step::CreateSecret => Step::CreateSecret,
        secrets_manager::Step::SetSecret => Step::SetSecret,
        secrets_manager::Step::TestSecret => Step::TestSecret,
        secrets_manager::Step::FinishSecret => Step::FinishSecret,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use local_aws::secrets_manager::RotationRules;
    use serde_json::{Value, json};
    use shared::clock::MockClock;

    use super::*;
    use crate::testing::{self, TempDir};

    const FUNCTION: &str = "keys-rotate-signing";

    fn handlers() -> Vec<(&'static str, RotationHandler)> {
        vec![(FUNCTION, Arc::new(|_| Box::pin(async { Ok(()) })))]
    }

    fn rotation(secret: &str, rate: &str) -> TemplateRotation {
        let rules = RotationRules {
            schedule_expression: Some(rate.to_owned()),
            ..RotationRules::default()
        };
        TemplateRotation {
            secret: secret.to_owned(),
            function: FUNCTION.to_owned(),
            rules,
        }
    }

    fn open(directory: &TempDir) -> (SecretsManager, Arc<MockClock>) {
        let (clock, reader) = testing::clock();
        let path = Some(directory.path("secrets.json"));
        (
            SecretsManager::open(path, reader, testing::entropy()).unwrap(),
            clock,
        )
    }

    async fn done(secrets: &SecretsManager, operation: &str, body: Value) -> Value {
        let target = format!("secretsmanager.{operation}");
        let (status, answer) = testing::send(secrets.router(), &target, &body.to_string()).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    async fn create(secrets: &SecretsManager) {
        let body = json!({ "Name": "local/signing-ring", "SecretString": "1", "ClientRequestToken": "a".repeat(36) });
        done(secrets, "CreateSecret", body).await;
    }

    async fn describe(secrets: &SecretsManager) -> Value {
        done(
            secrets,
            "DescribeSecret",
            json!({ "SecretId": "local/signing-ring" }),
        )
        .await
    }

    async fn set_up_with(secrets: &SecretsManager, rate: &str) {
        set_up(
            secrets,
            "local/",
            &[rotation("signing-ring", rate)],
            &handlers(),
        )
        .await
        .unwrap();
    }

    /// How long after the start the secret is rotated next.
    fn next(described: &Value) -> Duration {
        let date = Duration::from_secs_f64(described["NextRotationDate"].as_f64().unwrap());
        date.saturating_sub(Duration::from_secs(1_700_000_000))
    }

    #[tokio::test]
    async fn secrets_are_rotated_as_the_template_says_and_not_at_once() {
        let directory = TempDir::new();
        let (secrets, _) = open(&directory);
        create(&secrets).await;
        set_up_with(&secrets, "rate(2 hours)").await;
        let described = describe(&secrets).await;
        assert_eq!(described["RotationEnabled"], json!(true));
        assert!(
            described["RotationLambdaARN"]
                .as_str()
                .unwrap()
                .ends_with(":function:keys-rotate-signing")
        );
        assert_eq!(
            described["RotationRules"],
            json!({ "ScheduleExpression": "rate(2 hours)" })
        );
        assert_eq!(next(&described), Duration::from_secs(7_200));
        assert_eq!(
            described["VersionIdsToStages"],
            json!({ "a".repeat(36): ["AWSCURRENT"] })
        );
    }

    #[tokio::test]
    async fn a_restart_moves_no_date() {
        let directory = TempDir::new();
        let (secrets, _) = open(&directory);
        create(&secrets).await;
        set_up_with(&secrets, "rate(2 hours)").await;
        drop(secrets);
        let (secrets, clock) = open(&directory);
        clock.advance(Duration::from_secs(60));
        set_up_with(&secrets, "rate(2 hours)").await;
        assert_eq!(next(&describe(&secrets).await), Duration::from_secs(7_200));
    }

    #[tokio::test]
    async fn another_schedule_takes_the_place_of_the_former() {
        let directory = TempDir::new();
        let (secrets, clock) = open(&directory);
        create(&secrets).await;
        set_up_with(&secrets, "rate(2 hours)").await;
        clock.advance(Duration::from_secs(60));
        set_up_with(&secrets, "rate(1 hour)").await;
        assert_eq!(next(&describe(&secrets).await), Duration::from_secs(3_660));
    }

    #[tokio::test]
    async fn a_secret_that_does_not_exist_is_left_out() {
        let directory = TempDir::new();
        let (secrets, _) = open(&directory);
        create(&secrets).await;
        set_up(
            &secrets,
            "local/",
            &[rotation("nothing", "rate(1 day)")],
            &handlers(),
        )
        .await
        .unwrap();
        assert_eq!(describe(&secrets).await.get("RotationEnabled"), None);
    }

    #[tokio::test]
    async fn a_rotation_whose_function_is_missing_is_an_error_that_names_both() {
        let directory = TempDir::new();
        let (secrets, _) = open(&directory);
        create(&secrets).await;
        let error = set_up(
            &secrets,
            "local/",
            &[rotation("signing-ring", "rate(1 day)")],
            &[],
        )
        .await
        .unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("local/signing-ring") && text.contains(FUNCTION),
            "{text}"
        );
    }
}
