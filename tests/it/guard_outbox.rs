//! The pipes of `template.yaml` carry what the local run carries (`infra/local/src/consumers/row.rs`), and nothing else.

use dashtam_local::cloudformation;
use serde_json::{Value, json};

use crate::guard_project::read;

#[test]
fn the_pipes_take_new_rows_and_those_that_are_handed_on_once_more() {
    let template = cloudformation::parse(&read("template.yaml")).expect("a template");
    for (pipe, errand) in [("MailPipe", "mail"), ("SweepPipe", "sweep")] {
        let pointer =
            format!("/Resources/{pipe}/Properties/SourceParameters/FilterCriteria/Filters");
        let filters = template
            .pointer(&pointer)
            .and_then(Value::as_array)
            .expect("filters");
        let pattern = |filter: &Value| {
            filter
                .get("Pattern")
                .and_then(Value::as_str)
                .map(str::to_owned)
                .expect("a text")
        };
        let found: Vec<Value> = filters
            .iter()
            .map(|filter| serde_json::from_str(&pattern(filter)).expect("JSON"))
            .collect();
        let (text, number) = (
            json!({ "S": [{ "exists": true }] }),
            json!({ "N": [{ "exists": true }] }),
        );
        let expected = [
            json!({ "eventName": ["INSERT"], "dynamodb": { "NewImage": { errand: text } } }),
            json!({ "eventName": ["MODIFY"], "dynamodb": { "NewImage": { errand: text, "redriven_at": number } } }),
        ];
        assert_eq!(found, expected, "{pipe}");
    }
}
