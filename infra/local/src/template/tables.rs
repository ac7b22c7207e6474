//! The tables.

use local_aws::dynamodb::{IndexDefinition, TableDefinition};
use serde_json::Value;

use super::error::TemplateError;
use super::reading::{list, missing, text};

/// Reads a resource of the type `AWS::DynamoDB::Table`.
pub(crate) fn read(id: &str, table: &Value) -> Result<TableDefinition, TemplateError> {
    let name = text(table, id, "/Properties/TableName/Fn::Sub")?;
    let suffix = name
        .strip_prefix("${AWS::StackName}-")
        .ok_or_else(|| missing(id, "TableName of the form ${AWS::StackName}-<name>"))?;
    if table.pointer("/Properties/LocalSecondaryIndexes").is_some() {
        return Err(TemplateError::Unsupported {
            place: id.to_owned(),
            part: "LocalSecondaryIndexes".to_owned(),
        });
    }
    let optional = |pointer: &str| {
        table
            .pointer(pointer)
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    let stream = match table.pointer("/Properties/StreamSpecification") {
        None => None,
        Some(_) => {
            Some(text(table, id, "/Properties/StreamSpecification/StreamViewType")?.to_owned())
        }
    };
    let is_on = |pointer: &str| table.pointer(pointer).and_then(Value::as_bool) == Some(true);
    let expires = is_on("/Properties/TimeToLiveSpecification/Enabled");
    Ok(TableDefinition {
        suffix: suffix.to_owned(),
        key_schema: pairs(table, id, "/Properties/KeySchema", "/KeyType")?,
        attribute_definitions: pairs(
            table,
            id,
            "/Properties/AttributeDefinitions",
            "/AttributeType",
        )?,
        indexes: indexes(table, id)?,
        stream,
        ttl_attribute: if expires {
            optional("/Properties/TimeToLiveSpecification/AttributeName")
        } else {
            None
        },
        is_deletion_protected: is_on("/Properties/DeletionProtectionEnabled"),
        is_recoverable: is_on(
            "/Properties/PointInTimeRecoverySpecification/PointInTimeRecoveryEnabled",
        ),
    })
}

/// The attributes of the list at `pointer`, each with its type or role.
fn pairs(
    of: &Value,
    id: &str,
    pointer: &str,
    second: &str,
) -> Result<Vec<(String, String)>, TemplateError> {
    let items = list(of, id, pointer)?.iter();
    items
        .map(|item| {
            Ok((
                text(item, id, "/AttributeName")?.to_owned(),
                text(item, id, second)?.to_owned(),
            ))
        })
        .collect()
}

fn indexes(table: &Value, id: &str) -> Result<Vec<IndexDefinition>, TemplateError> {
    if table
        .pointer("/Properties/GlobalSecondaryIndexes")
        .is_none()
    {
        return Ok(Vec::new());
    }
    let read = |index: &Value| {
        let name = text(index, id, "/IndexName")?.to_owned();
        let keys_only = match text(index, id, "/Projection/ProjectionType")? {
            "ALL" => false,
            "KEYS_ONLY" => true,
            _ => {
                let part = format!("the projection of {name}");
                return Err(TemplateError::Unsupported {
                    place: id.to_owned(),
                    part,
                });
            }
        };
        Ok(IndexDefinition {
            key_schema: pairs(index, id, "/KeySchema", "/KeyType")?,
            keys_only,
            name,
        })
    };
    list(table, id, "/Properties/GlobalSecondaryIndexes")?
        .iter()
        .map(read)
        .collect()
}

#[cfg(test)]
mod tests {
    use local_aws::dynamodb::{database, tables};

    use crate::template::Template;

    #[test]
    fn the_workspaces_tables_are_valid() {
        let database = database::open(None).unwrap();
        let definitions = Template::embedded().unwrap().tables;
        tables::create_missing_tables(&database, "local-", &definitions).unwrap();
        assert_eq!(database.table_count().unwrap(), definitions.len());
    }
}
