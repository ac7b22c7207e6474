//! The tables, made from their definitions.

use dynoxide::actions::create_table::{CreateTableRequest, StreamSpecification};
use dynoxide::actions::describe_table::DescribeTableRequest;
use dynoxide::actions::update_table::{
    CreateGsiAction, GlobalSecondaryIndexUpdate, UpdateTableRequest,
};
use dynoxide::actions::update_time_to_live::{TimeToLiveSpecification, UpdateTimeToLiveRequest};
use dynoxide::types::{
    AttributeDefinition, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType,
};
use dynoxide::{Database, DynoxideError};

use super::database::DatabaseError;
use super::definition::{IndexDefinition, TableDefinition};

/// Makes the tables that are not there yet, with their indexes, streams and expiry attributes, and the indexes
/// and streams that a table of an earlier version lacks. Their names begin with `prefix`.
///
/// # Errors
/// [`DatabaseError::Table`] for a definition that the engine refuses (a misspelt key type, for one), and
/// [`DatabaseError::Different`] for a table that is there with other keys.
pub fn create_missing_tables(
    database: &Database,
    prefix: &str,
    tables: &[TableDefinition],
) -> Result<(), DatabaseError> {
    for table in tables {
        let name = format!("{prefix}{}", table.suffix);
        let refused = |error: DynoxideError| DatabaseError::Table(name.clone(), error.to_string());
        let keys = key_schema(&table.key_schema, &name)?;
        let existing = database.describe_table(DescribeTableRequest {
            table_name: name.clone(),
        });
        match existing {
            Ok(existing) if existing.table.key_schema == keys => {
                let there: Vec<_> = existing.table.global_secondary_indexes.unwrap_or_default();
                let is_there = |index: &&IndexDefinition| {
                    there.iter().any(|other| other.index_name == index.name)
                };
                for index in table.indexes.iter().filter(|index| !is_there(index)) {
                    database
                        .update_table(one_more_index(table, &name, index)?)
                        .map_err(refused)?;
                }
                // What was written before the stream stays out of it.
                if let (None, Some(specification)) =
                    (existing.table.latest_stream_arn, stream(table))
                {
                    let stream_specification = Some(specification);
                    let table_name = name.clone();
                    let request = UpdateTableRequest {
                        table_name,
                        stream_specification,
                        ..Default::default()
                    };
                    database.update_table(request).map_err(refused)?;
                }
            }
            Ok(_) => return Err(DatabaseError::Different(name)),
            Err(DynoxideError::ResourceNotFoundException(_)) => {
                database
                    .create_table(definition(table, &name, keys)?)
                    .map_err(refused)?;
            }
            Err(error) => return Err(refused(error)),
        }
        if let Some(attribute) = &table.ttl_attribute {
            let time_to_live_specification = TimeToLiveSpecification {
                attribute_name: attribute.clone(),
                enabled: true,
            };
            let request = UpdateTimeToLiveRequest {
                table_name: name.clone(),
                time_to_live_specification,
            };
            database.update_time_to_live(request).map_err(refused)?;
        }
    }
    Ok(())
}

/// One index a request, as the real store wants it.
fn one_more_index(
    table: &TableDefinition,
    name: &str,
    index: &IndexDefinition,
) -> Result<UpdateTableRequest, DatabaseError> {
    let create = CreateGsiAction {
        index_name: index.name.clone(),
        key_schema: key_schema(&index.key_schema, name)?,
        projection: projection(index),
    };
    let of_index = |(attribute, _): &&(String, String)| {
        index.key_schema.iter().any(|(key, _)| key == attribute)
    };
    let attributes: Vec<_> = table
        .attribute_definitions
        .iter()
        .filter(of_index)
        .cloned()
        .collect();
    Ok(UpdateTableRequest {
        table_name: name.to_owned(),
        attribute_definitions: Some(attribute_definitions(&attributes, name)?),
        global_secondary_index_updates: Some(vec![GlobalSecondaryIndexUpdate {
            create: Some(create),
            ..GlobalSecondaryIndexUpdate::default()
        }]),
        ..UpdateTableRequest::default()
    })
}

fn projection(index: &IndexDefinition) -> Projection {
    let kind = if index.keys_only {
        ProjectionType::KEYS_ONLY
    } else {
        ProjectionType::ALL
    };
    Projection {
        projection_type: Some(kind),
        ..Projection::default()
    }
}

fn indexes(
    table: &TableDefinition,
    name: &str,
) -> Result<Option<Vec<GlobalSecondaryIndex>>, DatabaseError> {
    let index = |index: &IndexDefinition| {
        Ok(GlobalSecondaryIndex {
            index_name: index.name.clone(),
            key_schema: key_schema(&index.key_schema, name)?,
            projection: projection(index),
            provisioned_throughput: None,
        })
    };
    let indexes: Vec<_> = table.indexes.iter().map(index).collect::<Result<_, _>>()?;
    Ok((!indexes.is_empty()).then_some(indexes))
}

fn key_schema(
    keys: &[(String, String)],
    name: &str,
) -> Result<Vec<KeySchemaElement>, DatabaseError> {
    let element = |(attribute, kind): &(String, String)| {
        let key_type = match kind.as_str() {
            "HASH" => KeyType::HASH,
            "RANGE" => KeyType::RANGE,
            other => {
                return Err(DatabaseError::Table(
                    name.to_owned(),
                    format!("{other} is no key type"),
                ));
            }
        };
        Ok(KeySchemaElement {
            attribute_name: attribute.clone(),
            key_type,
        })
    };
    keys.iter().map(element).collect()
}

fn attribute_definitions(
    attributes: &[(String, String)],
    name: &str,
) -> Result<Vec<AttributeDefinition>, DatabaseError> {
    let attribute = |(attribute, kind): &(String, String)| {
        let attribute_type = match kind.as_str() {
            "S" => ScalarAttributeType::S,
            "N" => ScalarAttributeType::N,
            "B" => ScalarAttributeType::B,
            other => {
                return Err(DatabaseError::Table(
                    name.to_owned(),
                    format!("{other} is no type of a key attribute"),
                ));
            }
        };
        Ok(AttributeDefinition {
            attribute_name: attribute.clone(),
            attribute_type,
        })
    };
    attributes.iter().map(attribute).collect()
}

fn definition(
    table: &TableDefinition,
    name: &str,
    key_schema: Vec<KeySchemaElement>,
) -> Result<CreateTableRequest, DatabaseError> {
    Ok(CreateTableRequest {
        table_name: name.to_owned(),
        key_schema,
        attribute_definitions: attribute_definitions(&table.attribute_definitions, name)?,
        global_secondary_indexes: indexes(table, name)?,
        billing_mode: Some("PAY_PER_REQUEST".to_owned()),
        stream_specification: stream(table),
        ..CreateTableRequest::default()
    })
}

fn stream(table: &TableDefinition) -> Option<StreamSpecification> {
    table.stream.clone().map(|view| StreamSpecification {
        stream_enabled: true,
        stream_view_type: Some(view),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dynamodb::database::open;
    use crate::testing::{self, TempDir};
    use dynoxide::actions::get_item::GetItemRequest;
    use dynoxide::actions::put_item::PutItemRequest;
    use serde_json::json;

    const PREFIX: &str = "app-";

    fn put(database: &Database, table: &str, item: &serde_json::Value) {
        let request: PutItemRequest = serde_json::from_value(
            json!({ "TableName": format!("{PREFIX}{table}"), "Item": item }),
        )
        .unwrap();
        database.put_item(request).unwrap();
    }

    fn has(database: &Database, table: &str, key: &serde_json::Value) -> bool {
        let request: GetItemRequest =
            serde_json::from_value(json!({ "TableName": format!("{PREFIX}{table}"), "Key": key }))
                .unwrap();
        database.get_item(request).unwrap().item.is_some()
    }

    #[test]
    fn tables_are_made_once_and_kept() {
        let scratch = TempDir::new();
        let file = scratch.path("dynamodb.sqlite");
        for _ in 0..2 {
            let database = open(Some(&file)).unwrap();
            create_missing_tables(&database, PREFIX, &testing::tables()).unwrap();
            put(&database, "outbox", &json!({ "pk": { "S": "OUTBOX#1" } }));
            assert_eq!(database.table_count().unwrap(), 2);
        }
        assert!(has(
            &open(Some(&file)).unwrap(),
            "outbox",
            &json!({ "pk": { "S": "OUTBOX#1" } })
        ));
    }

    #[test]
    fn a_table_of_an_earlier_version_gets_its_indexes() {
        let database = open(None).unwrap();
        let mut tables = testing::tables();
        let index = IndexDefinition {
            name: "by_sk".to_owned(),
            key_schema: vec![("sk".to_owned(), "HASH".to_owned())],
            keys_only: false,
        };
        create_missing_tables(&database, PREFIX, &tables).unwrap();
        tables[1].indexes.push(index);
        for _ in 0..2 {
            create_missing_tables(&database, PREFIX, &tables).unwrap();
            let table_name = format!("{PREFIX}tokens");
            let described = database
                .describe_table(DescribeTableRequest { table_name })
                .unwrap()
                .table;
            let indexes = described.global_secondary_indexes.unwrap_or_default();
            assert_eq!(indexes.len(), 1);
        }
    }

    #[test]
    fn expired_items_are_removed_by_a_sweep() {
        let database = open(None).unwrap();
        create_missing_tables(&database, PREFIX, &testing::tables()).unwrap();
        put(
            &database,
            "tokens",
            &json!({ "pk": { "S": "a" }, "sk": { "S": "old" }, "ttl": { "N": "1" } }),
        );
        put(
            &database,
            "tokens",
            &json!({ "pk": { "S": "a" }, "sk": { "S": "new" }, "ttl": { "N": "99999999999" } }),
        );
        assert_eq!(database.sweep_ttl().unwrap(), 1);
        assert!(has(
            &database,
            "tokens",
            &json!({ "pk": { "S": "a" }, "sk": { "S": "new" } })
        ));
    }

    #[test]
    fn a_misspelt_key_type_is_an_error_that_names_the_table() {
        let mut tables = testing::tables();
        tables[0].key_schema[0].1 = "HASHH".into();
        let error = create_missing_tables(&open(None).unwrap(), PREFIX, &tables)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("app-outbox") && error.contains("HASHH"),
            "{error}"
        );
    }

    #[test]
    fn a_table_from_before_its_stream_gets_it() {
        let database = open(None).unwrap();
        let tables = testing::tables();
        let mut before = tables.clone();
        for table in &mut before {
            table.stream = None;
        }
        create_missing_tables(&database, PREFIX, &before).unwrap();
        create_missing_tables(&database, PREFIX, &tables).unwrap();
        let request = DescribeTableRequest {
            table_name: format!("{PREFIX}outbox"),
        };
        assert!(
            database
                .describe_table(request)
                .unwrap()
                .table
                .latest_stream_arn
                .is_some()
        );
    }

    #[test]
    fn a_table_with_other_keys_is_of_another_version() {
        let database = open(None).unwrap();
        let mut tables = testing::tables();
        create_missing_tables(&database, PREFIX, &tables).unwrap();
        tables[1].key_schema.pop();
        assert!(matches!(
            create_missing_tables(&database, PREFIX, &tables),
            Err(DatabaseError::Different(_))
        ));
    }
}
