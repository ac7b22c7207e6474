//! What keeps a deployed table from being lost: it refuses to be deleted, and can be restored to an earlier moment.
//!
//! Somebody takes the first away to remove a stack, the second to save money, and thinks better of it later. Deploying
//! again does not bring it back, since the template has not changed; so each is told with the command that does.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::DisplayErrorContext;
use aws_sdk_dynamodb::types::PointInTimeRecoveryStatus;
use local_aws::dynamodb::TableDefinition;
use shared::aws;

use super::tables::wanted;
use super::{Check, Patient};
use crate::failure::Failure;

/// Looks at every table of a deployment that the template protects. The local run has nothing of the kind.
///
/// # Errors
/// The template that this program was built with is unusable.
pub(super) async fn check(patient: &Patient<'_>) -> Result<Vec<Check>, Failure> {
    let client = aws::client(&patient.base);
    let mut checks = Vec::new();
    for definition in wanted()?.iter().filter(|_| patient.is_deployment) {
        let table = format!(
            "{}{}",
            patient.desk.environment.config().table_prefix,
            definition.suffix
        );
        checks.extend(table_checks(&client, &table, definition).await);
    }
    Ok(checks)
}

async fn table_checks(client: &Client, table: &str, wanted: &TableDefinition) -> Vec<Check> {
    let mut checks = Vec::new();
    if wanted.is_deletion_protected {
        let fix =
            format!("aws dynamodb update-table --table-name {table} --deletion-protection-enabled");
        let (name, found) = (
            format!("deletion protection {table}"),
            is_deletion_protected(client, table).await,
        );
        checks.push(told(name, found, "dynamodb:DescribeTable", fix));
    }
    if wanted.is_recoverable {
        let fix = format!(
            "aws dynamodb update-continuous-backups --table-name {table} --point-in-time-recovery-specification PointInTimeRecoveryEnabled=true"
        );
        let (name, found) = (
            format!("point-in-time recovery {table}"),
            is_recoverable(client, table).await,
        );
        checks.push(told(name, found, "dynamodb:DescribeContinuousBackups", fix));
    }
    checks
}

fn told(name: String, found: Result<bool, String>, right: &str, fix: String) -> Check {
    match found {
        Ok(true) => Check::ok(name, "on"),
        Ok(false) => Check::failed(name, "off", fix),
        Err(error) => Check::unseen(name, &error, right),
    }
}

async fn is_deletion_protected(client: &Client, table: &str) -> Result<bool, String> {
    let described = client.describe_table().table_name(table).send().await;
    let described = described
        .map_err(|error| DisplayErrorContext(error).to_string())?
        .table;
    Ok(described.and_then(|table| table.deletion_protection_enabled) == Some(true))
}

async fn is_recoverable(client: &Client, table: &str) -> Result<bool, String> {
    let described = client
        .describe_continuous_backups()
        .table_name(table)
        .send()
        .await;
    let described = described.map_err(|error| DisplayErrorContext(error).to_string())?;
    let recovery = described
        .continuous_backups_description
        .and_then(|backups| backups.point_in_time_recovery_description);
    let status = recovery.and_then(|recovery| recovery.point_in_time_recovery_status);
    Ok(status == Some(PointInTimeRecoveryStatus::Enabled))
}
