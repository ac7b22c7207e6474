//! What Lambda and Pipes do in the name of roles, without a call of theirs: an event source mapping reads a stream or takes
//! messages from a queue as its function, a pipe reads and writes as its own role.
//!
//! AWS looks at these rights when the mapping or the pipe is made, and does not make it without them. So does the local run.

use local_aws::iam::Ask;
use serde_json::Value;

use super::intrinsic::{Stack, unsupported};
use crate::template::TemplateError;
use crate::template::reading::{crate_name, missing, text};

const STREAM: [&str; 4] = [
    "DescribeStream",
    "GetRecords",
    "GetShardIterator",
    "ListStreams",
];
const QUEUE: [&str; 3] = ["ReceiveMessage", "DeleteMessage", "GetQueueAttributes"];

/// The roles of all pipes, by logical id.
///
/// # Errors
/// [`TemplateError`] for a pipe without one.
pub(super) fn pipe_roles(stack: Stack<'_>) -> Result<Vec<String>, TemplateError> {
    stack
        .of_type("AWS::Pipes::Pipe")
        .map(|(id, pipe)| role_of(id, pipe))
        .collect()
}

/// Everything that is asked for, each with the name of the caller.
///
/// # Errors
/// [`TemplateError`] for a source that is neither a stream nor a queue.
pub(super) fn asked(stack: Stack<'_>) -> Result<Vec<(String, Ask)>, TemplateError> {
    let mut all = Vec::new();
    for (id, mapping) in stack.of_type("AWS::Lambda::EventSourceMapping") {
        let function = crate_name(text(mapping, id, "/Properties/FunctionName/Ref")?)?;
        let properties = &mapping["Properties"];
        let mut asks = read(stack, id, &properties["EventSourceArn"])?;
        if let Some(destination) = properties.pointer("/DestinationConfig/OnFailure/Destination") {
            asks.push(send(stack, destination)?);
        }
        all.extend(asks.into_iter().map(|ask| (function.clone(), ask)));
    }
    for (id, pipe) in stack.of_type("AWS::Pipes::Pipe") {
        let (role, properties) = (role_of(id, pipe)?, &pipe["Properties"]);
        let mut asks = read(stack, id, &properties["Source"])?;
        asks.push(send(stack, &properties["Target"])?);
        let given_up = "/SourceParameters/DynamoDBStreamParameters/DeadLetterConfig/Arn";
        if let Some(dead_letters) = properties.pointer(given_up) {
            asks.push(send(stack, dead_letters)?);
        }
        all.extend(asks.into_iter().map(|ask| (role.clone(), ask)));
    }
    Ok(all)
}

fn role_of(id: &str, pipe: &Value) -> Result<String, TemplateError> {
    let role = pipe
        .pointer("/Properties/RoleArn/Fn::GetAtt/0")
        .and_then(Value::as_str);
    role.map(str::to_owned)
        .ok_or_else(|| missing(id, "Properties/RoleArn"))
}

fn read(stack: Stack<'_>, id: &str, source: &Value) -> Result<Vec<Ask>, TemplateError> {
    let arn = stack.text(source)?;
    let asks = |service: &str, actions: &[&str]| {
        actions
            .iter()
            .map(|action| Ask::new(format!("{service}:{action}"), arn.clone()))
            .collect()
    };
    match arn.split(':').nth(2) {
        Some("dynamodb") => Ok(asks("dynamodb", &STREAM)),
        Some("sqs") => Ok(asks("sqs", &QUEUE)),
        _ => Err(unsupported(&format!("the source of {id}"), &arn)),
    }
}

fn send(stack: Stack<'_>, queue: &Value) -> Result<Ask, TemplateError> {
    Ok(Ask::new("sqs:SendMessage", stack.text(queue)?))
}
