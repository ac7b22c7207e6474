//! What AWS takes at most, counted before a deployment finds out: no emulator enforces these limits.
#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use dashtam_local::cloudformation;
use serde_json::{Value, json};

use crate::guard_project::read;

/// The longest resource policy of a function, in bytes (Lambda quotas, "Function resource-based policy").
const MAX_POLICY: usize = 20 * 1024;
/// The most resources of a stack (quotas of `CloudFormation`).
const MAX_RESOURCES: usize = 500;
/// The longest name of a stack of ours: `samconfig.toml`, guarded beside the buckets' names.
const STACK: &str = "a-stack-with-a-name-of-forty-four-characters";

fn template() -> Value {
    cloudformation::parse(&read("template.yaml")).expect("a template")
}

fn functions(template: &Value) -> BTreeMap<&String, Vec<&Value>> {
    let resources = template["Resources"].as_object().expect("resources");
    let functions = resources.iter().filter(|(_, resource)| resource["Type"] == "AWS::Serverless::Function");
    functions
        .map(|(id, function)| {
            let events = function["Properties"]["Events"].as_object();
            (id, events.map(|events| events.values().collect()).unwrap_or_default())
        })
        .collect()
}

/// The statement that SAM adds to a function's policy for an event of an API, with names as long as they may be.
fn statement(id: &str, event: &Value) -> Value {
    let (method, path) = (&event["Properties"]["Method"], &event["Properties"]["Path"]);
    let (method, path) = (method.as_str().expect("a method"), path.as_str().expect("a path"));
    json!({
        "Sid": format!("{STACK}-{id}RootPermissionStage-ABCDEFGHIJKL"),
        "Effect": "Allow",
        "Principal": { "Service": "apigateway.amazonaws.com" },
        "Action": "lambda:InvokeFunction",
        "Resource": format!("arn:aws:lambda:ap-southeast-4:000000000000:function:{STACK}-{id}-ABCDEFGHIJKL"),
        "Condition": { "ArnLike": {
            "AWS:SourceArn": format!("arn:aws:execute-api:ap-southeast-4:000000000000:abcdefghij/*/{method}{path}"),
        } },
    })
}

fn events_of<'a>(events: &[&'a Value], kind: &str) -> Vec<&'a Value> {
    events.iter().copied().filter(|event| event["Type"] == kind).collect()
}

#[test]
fn every_functions_resource_policy_fits() {
    let template = template();
    for (id, events) in functions(&template) {
        let statements: Vec<_> = events_of(&events, "Api").into_iter().map(|event| statement(id, event)).collect();
        let policy = json!({ "Version": "2012-10-17", "Id": "default", "Statement": statements }).to_string();
        assert!(
            policy.len() <= MAX_POLICY,
            "{id} has {} statements of {} bytes in its resource policy, and Lambda takes {MAX_POLICY}: \
             give the API one body and the function one permission",
            statements.len(),
            policy.len()
        );
    }
}

#[test]
fn the_stack_has_no_more_resources_than_cloudformation_takes() {
    let template = template();
    let mut count = template["Resources"].as_object().expect("resources").len();
    for events in functions(&template).into_values() {
        // A role for each function, a permission for each event, and a rule for each that comes from EventBridge.
        let (all, api) = (events.len(), events_of(&events, "Api").len());
        count += 1 + api + 2 * (all - api);
    }
    // The deployment of the API and its stage.
    count += 2;
    assert!(
        count <= MAX_RESOURCES,
        "the stack has {count} resources with those that SAM adds, and CloudFormation takes {MAX_RESOURCES}"
    );
    // As many as SAM makes of the template: a count that is far from it counts something else.
    assert!(count > 200, "{count}");
}
