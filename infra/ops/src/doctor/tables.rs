//! Each table against the template: there, with its key, stream and expiry.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::DisplayErrorContext;
use aws_sdk_dynamodb::operation::describe_table::DescribeTableError;
use aws_sdk_dynamodb::types::{StreamViewType, TableDescription, TimeToLiveStatus};
use dashtam_local::template::Template;
use local_aws::dynamodb::TableDefinition;
use shared::aws;

use super::clock::Clocks;
use super::{Check, Patient};
use crate::failure::Failure;

/// Looks at every table of the template, and at the clock on the way.
///
/// # Errors
/// The template that this program was built with is unusable.
pub(super) async fn check(patient: &Patient<'_>) -> Result<Vec<Check>, Failure> {
    let wanted = wanted()?;
    let clocks = Clocks::default();
    let config = aws::client(&patient.base)
        .config()
        .to_builder()
        .interceptor(clocks.clone())
        .build();
    let client = Client::from_conf(config);
    let mut checks = Vec::new();
    for definition in &wanted {
        checks.push(table(patient, &client, definition).await);
    }
    checks.push(clocks.check());
    Ok(checks)
}

/// The tables of the template.
///
/// # Errors
/// The template that this program was built with is unusable.
pub(super) fn wanted() -> Result<Vec<TableDefinition>, Failure> {
    let template = Template::embedded().map_err(|error| {
        Failure::refused(
            error.to_string(),
            "Build the command from a checkout whose tests pass.",
        )
    })?;
    Ok(template.tables)
}

async fn table(patient: &Patient<'_>, client: &Client, wanted: &TableDefinition) -> Check {
    let prefix = patient.desk.environment.config().table_prefix.clone();
    let table = format!("{prefix}{}", wanted.suffix);
    let name = format!("table {table}");
    let described = match client.describe_table().table_name(&table).send().await {
        Ok(described) => described
            .table
            .unwrap_or_else(|| TableDescription::builder().build()),
        Err(error)
            if error
                .as_service_error()
                .is_some_and(DescribeTableError::is_resource_not_found_exception) =>
        {
            let fix = format!(
                "See that DASHTAM_TABLE_PREFIX ({prefix}) and the region are the service's. If they are, {}.",
                patient.maker()
            );
            return Check::failed(name, "is not there", fix);
        }
        Err(error) => {
            return Check::unseen(
                name,
                &DisplayErrorContext(error).to_string(),
                "dynamodb:DescribeTable",
            );
        }
    };
    let mut drift = drift(&described, wanted);
    match expiry(client, &table).await {
        Ok(found) if found == wanted.ttl_attribute => {}
        Ok(found) => drift.push(apart(
            "expiry",
            found.as_deref(),
            wanted.ttl_attribute.as_deref(),
        )),
        Err(error) => return Check::unseen(name, &error, "dynamodb:DescribeTimeToLive"),
    }
    if drift.is_empty() {
        return Check::ok(name, "as the template has it");
    }
    let fix = format!(
        "Somebody has changed it by hand. Undo that, or {}.",
        patient.maker()
    );
    Check::failed(name, drift.join("; "), fix)
}

/// Where key and stream are not the template's.
fn drift(found: &TableDescription, wanted: &TableDefinition) -> Vec<String> {
    let key = |(name, kind): (&str, &str)| format!("{name} {kind}");
    let found_key: Vec<_> = found
        .key_schema()
        .iter()
        .map(|part| key((part.attribute_name(), part.key_type().as_str())))
        .collect();
    let wanted_key: Vec<_> = wanted
        .key_schema
        .iter()
        .map(|(name, kind)| key((name, kind)))
        .collect();
    let stream = found
        .stream_specification()
        .filter(|stream| stream.stream_enabled());
    let stream = stream
        .and_then(|stream| stream.stream_view_type())
        .map(StreamViewType::as_str);
    let mut drift = Vec::new();
    if found_key != wanted_key {
        drift.push(apart(
            "key",
            Some(&found_key.join(", ")),
            Some(&wanted_key.join(", ")),
        ));
    }
    if stream != wanted.stream.as_deref() {
        drift.push(apart("stream", stream, wanted.stream.as_deref()));
    }
    drift
}

/// The attribute by which items expire.
async fn expiry(client: &Client, table: &str) -> Result<Option<String>, String> {
    let described = client
        .describe_time_to_live()
        .table_name(table)
        .send()
        .await;
    let described = described
        .map_err(|error| DisplayErrorContext(error).to_string())?
        .time_to_live_description;
    let on = described.filter(|expiry| {
        matches!(
            expiry.time_to_live_status(),
            Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)
        )
    });
    Ok(on.and_then(|expiry| expiry.attribute_name))
}

fn apart(what: &str, found: Option<&str>, wanted: Option<&str>) -> String {
    format!(
        "its {what} is {} and not {}",
        found.unwrap_or("none"),
        wanted.unwrap_or("none")
    )
}
