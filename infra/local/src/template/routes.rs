//! The routes of the API, read from its `DefinitionBody`.
//!
//! Each method of each path names its function in an integration. API Gateway takes much more than this and answers some of
//! it by 500 at each call, so whatever differs from an integration by proxy is an error that names the method.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::error::TemplateError;
use super::reading::{missing, text};

/// The method of a route that takes every method that no other route of its path takes.
pub const ANY: &str = "ANY";

/// One method of one path, and the function behind it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TemplateRoute {
    /// The function's crate: `auth-login` for `AuthLoginFunction`.
    pub function: String,
    /// The HTTP method in capitals, or [`ANY`].
    pub method: String,
    /// The path with `{parameter}` and, at the end, `{proxy+}`.
    pub path: String,
}

/// What a body says instead of a method for every method that its path has no other entry for.
pub const ANY_METHOD: &str = "x-amazon-apigateway-any-method";
/// What begins the name of each function of the API.
pub const STACK_PREFIX: &str = "${AWS::StackName}-";

/// The parts of an integration's URI around the name of its function. The function is named instead of referred to, so that
/// its environment may name the API: `CloudFormation` refuses two resources that refer to each other.
const URI: (&str, &str) = (
    "arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/\
     arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:",
    "/invocations",
);

/// The URI, for `Fn::Sub`, by which an integration names a function's crate.
#[must_use]
pub fn integration_uri(function: &str) -> String {
    format!("{}{STACK_PREFIX}{function}{}", URI.0, URI.1)
}

/// The routes of the API `id`, whose functions are `functions`: crate and resource.
pub(crate) fn routes(
    id: &str,
    api: &Value,
    functions: &BTreeMap<String, &Value>,
) -> Result<Vec<TemplateRoute>, TemplateError> {
    let paths = api
        .pointer("/Properties/DefinitionBody/paths")
        .and_then(Value::as_object);
    let paths = paths.ok_or_else(|| missing(id, "Properties/DefinitionBody/paths"))?;
    let mut routes = Vec::new();
    for (path, item) in paths {
        let place = format!("{id} path {path}");
        if !path.starts_with('/') {
            return Err(missing(&place, "path: it begins with a slash"));
        }
        let methods = item
            .as_object()
            .filter(|methods| !methods.is_empty())
            .ok_or_else(|| missing(&place, "method"))?;
        for (key, operation) in methods {
            let method = method_of(&place, key)?;
            let function = function_of(&format!("{id} {method} {path}"), operation, functions)?;
            routes.push(TemplateRoute {
                function,
                method,
                path: path.clone(),
            });
        }
    }
    Ok(routes)
}

/// The method that a key of a path stands for.
fn method_of(place: &str, key: &str) -> Result<String, TemplateError> {
    const METHODS: [&str; 7] = ["get", "head", "post", "put", "patch", "delete", "options"];
    match key {
        ANY_METHOD => Ok(ANY.to_owned()),
        method if METHODS.contains(&method) => Ok(method.to_ascii_uppercase()),
        other => Err(TemplateError::Unsupported {
            place: place.to_owned(),
            part: other.to_owned(),
        }),
    }
}

/// The function behind an operation.
fn function_of(
    place: &str,
    operation: &Value,
    functions: &BTreeMap<String, &Value>,
) -> Result<String, TemplateError> {
    const INTEGRATION: &str = "/x-amazon-apigateway-integration";
    // Lambda is called by POST, whatever the method of the request: another one is answered by 500 at each call.
    for (part, wanted) in [("type", "aws_proxy"), ("httpMethod", "POST")] {
        let pointer = format!("{INTEGRATION}/{part}");
        if text(operation, place, &pointer)? != wanted {
            return Err(TemplateError::Unsupported {
                place: place.to_owned(),
                part: format!("another {part} than {wanted}"),
            });
        }
    }
    let uri = text(operation, place, &format!("{INTEGRATION}/uri/Fn::Sub"))?;
    let name = uri
        .strip_prefix(URI.0)
        .and_then(|rest| rest.strip_suffix(URI.1));
    let name = name.ok_or_else(|| missing(place, "uri that names a function of the stack"))?;
    let function = name.strip_prefix(STACK_PREFIX).unwrap_or_default();
    let named = functions
        .get(function)
        .and_then(|function| function.pointer("/Properties/FunctionName/Fn::Sub"));
    if named.and_then(Value::as_str) != Some(name) {
        return Err(missing(
            place,
            &format!("function with the FunctionName {name}"),
        ));
    }
    Ok(function.to_owned())
}

/// Refuses what SAM would make routes of beside the body.
pub(crate) fn no_events(id: &str, function: &Value) -> Result<(), TemplateError> {
    let none = Map::new();
    let events = function
        .pointer("/Properties/Events")
        .and_then(Value::as_object)
        .unwrap_or(&none);
    let is_api = |event: &Value| {
        matches!(
            event.get("Type").and_then(Value::as_str),
            Some("Api" | "HttpApi")
        )
    };
    match events.iter().find(|(_, event)| is_api(event)) {
        None => Ok(()),
        Some((name, _)) => Err(TemplateError::Unsupported {
            place: id.to_owned(),
            part: format!("the event {name}: routes belong into the DefinitionBody of the API"),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::Template;
    use crate::template::sample::{SAMPLE, sample};

    /// What is wrong with the sample after a change.
    #[track_caller]
    fn refusal(before: &str, after: &str) -> String {
        assert!(SAMPLE.contains(before), "{before}");
        Template::parse(&SAMPLE.replacen(before, after, 1))
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn every_method_of_every_path_is_a_route_of_its_function() {
        let routes = sample().routes;
        assert_eq!(routes.len(), 6);
        for (function, method, path) in [
            ("auth-login", "POST", "/auth/login"),
            ("service-fallback", ANY, "/auth/login"),
        ] {
            let wanted = TemplateRoute {
                function: function.into(),
                method: method.into(),
                path: path.into(),
            };
            assert!(routes.contains(&wanted), "{wanted:?}");
        }
    }

    #[test]
    fn an_integration_that_the_gateway_would_answer_by_500_is_refused() {
        for (before, after, wanted) in [
            (
                "httpMethod: POST",
                "httpMethod: GET",
                "another httpMethod than POST",
            ),
            (
                "type: aws_proxy",
                "type: aws",
                "another type than aws_proxy",
            ),
            (
                "-auth-login/invocations",
                "-auth-login",
                "uri that names a function",
            ),
            (
                "-auth-login/invocations",
                "-auth-logout/invocations",
                "FunctionName ${AWS::StackName}-auth-logout",
            ),
            (
                "FunctionName: !Sub '${AWS::StackName}-auth-login'",
                "FunctionName: login",
                "FunctionName ${AWS",
            ),
            (
                "        paths:",
                "        routes:",
                "Api has no usable Properties/DefinitionBody/paths",
            ),
            (
                "            post: ",
                "            trace: ",
                "the local run does not support trace",
            ),
        ] {
            let refusal = refusal(before, after);
            assert!(refusal.contains(wanted), "{after}: {refusal}");
        }
    }

    #[test]
    fn a_route_that_is_declared_beside_the_body_is_refused() {
        let refusal = refusal("Queue: { Type: SQS", "Queue: { Type: Api");
        assert!(
            refusal
                .contains("OutboxMailerFunction: the local run does not support the event Queue"),
            "{refusal}"
        );
    }
}
