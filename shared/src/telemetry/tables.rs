//! Which tables a call of `DynamoDB` concerns.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::operation::batch_get_item::BatchGetItemInput;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemInput;
use aws_sdk_dynamodb::operation::get_item::GetItemInput;
use aws_sdk_dynamodb::operation::put_item::PutItemInput;
use aws_sdk_dynamodb::operation::query::QueryInput;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsInput;
use aws_sdk_dynamodb::operation::update_item::UpdateItemInput;
use aws_sdk_dynamodb::types::{ConditionCheck, Delete, Put, TransactWriteItem, Update};
use aws_smithy_runtime_api::client::interceptors::context::Input;

/// The names of the tables that a call of `DynamoDB` reads or writes, each once; none for another service's call.
pub(super) fn tables_of(input: &Input) -> Vec<String> {
    let one = [
        input.downcast_ref().and_then(GetItemInput::table_name),
        input.downcast_ref().and_then(UpdateItemInput::table_name),
        input.downcast_ref().and_then(QueryInput::table_name),
        input.downcast_ref().and_then(PutItemInput::table_name),
        input.downcast_ref().and_then(DeleteItemInput::table_name),
    ];
    let written = input
        .downcast_ref()
        .map(TransactWriteItemsInput::transact_items)
        .unwrap_or_default();
    let read = input
        .downcast_ref()
        .and_then(BatchGetItemInput::request_items);
    let read = read
        .into_iter()
        .flat_map(|tables| tables.keys().map(String::as_str));
    let tables = one
        .into_iter()
        .flatten()
        .chain(written.iter().filter_map(table_of))
        .chain(read);
    tables
        .map(str::to_owned)
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect()
}

fn table_of(write: &TransactWriteItem) -> Option<&str> {
    let put = write.put().map(Put::table_name);
    let changed = put
        .or(write.update().map(Update::table_name))
        .or(write.delete().map(Delete::table_name));
    changed.or(write.condition_check().map(ConditionCheck::table_name))
}
