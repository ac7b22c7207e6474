//! The API in `template.yaml` is written from the table of routes: its body, and the permissions by which it invokes functions.
//!
//! `UPDATE_DOCS=1 cargo test -p bundle-tests guard_api` writes both between their markers.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use dashtam_local::cloudformation;
use dashtam_local::template::routes::{ANY_METHOD, STACK_PREFIX, integration_uri};
use http::Method;
use serde_json::{Value, json};
use shared::routes;

use crate::guard_project::{assert_same, path, read};
use crate::guard_rights::{logical_id, resources_of, template};

const TEMPLATE: &str = "template.yaml";
const PERMISSIONS: &str = "infra/invocations.yaml";
/// The function of every method and path that no route has.
const FALLBACK: &str = "service-fallback";
/// The longest name of a stack (`docs/deploying.md`).
pub const MAX_STACK_NAME: usize = 32;
/// The longest name of a function (Lambda, `CreateFunction`).
const MAX_FUNCTION_NAME: usize = 64;

/// The paths of the API in the order of the routes; behind them what they leave.
fn paths() -> Vec<&'static str> {
    let mut paths: Vec<&str> = Vec::new();
    for route in routes::ALL {
        if !paths.contains(&route.path) {
            paths.push(route.path);
        }
    }
    paths.extend(["/", "/{proxy+}"]);
    paths
}

/// The functions that the API invokes, in the order of the routes.
fn api_functions() -> Vec<&'static str> {
    let mut functions: Vec<&str> = Vec::new();
    for route in routes::ALL {
        if !functions.contains(&route.program()) {
            functions.push(route.program());
        }
    }
    functions.push(FALLBACK);
    functions
}

fn operation(key: &str, function: &str) -> String {
    let uri = integration_uri(function);
    format!(
        "            {key}: {{ responses: {{}}, x-amazon-apigateway-integration: \
         {{ type: aws_proxy, httpMethod: POST, uri: !Sub '{uri}' }} }}\n"
    )
}

/// The body: each route under its own method, GET under HEAD as well, and the fallback under every other method.
fn body() -> String {
    let mut body = String::from(
        "      DefinitionBody:\n        openapi: 3.0.1\n        info: { title: !Ref AWS::StackName, version: '1.0' }\n        paths:\n",
    );
    for path in paths() {
        let _ = writeln!(body, "          {path:?}:");
        for route in routes::ALL.into_iter().filter(|route| route.path == path) {
            body += &operation(&route.method.as_str().to_ascii_lowercase(), route.program());
            if route.method == Method::GET {
                body += &operation("head", route.program());
            }
        }
        body += &operation(ANY_METHOD, FALLBACK);
    }
    body
}

/// The functions that the stack of the permissions waits for.
fn depends_on() -> String {
    let ids: Vec<_> = api_functions().into_iter().map(logical_id).collect();
    format!("    DependsOn:\n      - {}\n", ids.join("\n      - "))
}

/// Every request of the API, of whatever stage, method and path. The account is part of it.
const SOURCE: &str =
    "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${ApiId}/*";

/// The stack of the permissions: one for each function.
fn permissions() -> String {
    let mut stack = String::from(PERMISSIONS_HEAD);
    for function in api_functions() {
        let id = logical_id(function);
        let name = id.trim_end_matches("Function");
        let _ = write!(
            stack,
            "  {name}Permission:\n    Type: AWS::Lambda::Permission\n    Properties:\n      \
             FunctionName: !Sub ${{StackName}}-{function}\n      Action: lambda:InvokeFunction\n      \
             Principal: apigateway.amazonaws.com\n      SourceArn: !Sub {SOURCE}\n"
        );
    }
    stack
}

const PERMISSIONS_HEAD: &str = "\
AWSTemplateFormatVersion: '2010-09-09'
Description: Permissions by which Dashtam Auth's API invokes its functions. A stack inside the one of template.yaml.

# Written from the table of routes: UPDATE_DOCS=1 cargo test -p bundle-tests guard_api
# One permission for each function, for every request of the API. With one for each route, as SAM's events make them, the policy of
# the fallback would soon be longer than Lambda allows, and the stack larger than CloudFormation allows.

Parameters:
  StackName:
    Type: String
    Description: Name of the stack; it begins the names of the functions.
  ApiId:
    Type: String
    Description: Identifier of the API.

Resources:
";

/// The template with `part` between the markers of `name`.
fn written(template: &str, name: &str, part: &str) -> String {
    let begin = format!("# <{name}: UPDATE_DOCS=1 cargo test -p bundle-tests guard_api>\n");
    let (head, rest) = template.split_once(&begin).expect("the first marker");
    let end = format!("# </{name}>\n");
    let (old, tail) = rest.split_once(&end).expect("the last marker");
    let indent = &old[old.rfind('\n').map_or(0, |at| at + 1)..];
    format!("{head}{begin}{part}{indent}{end}{tail}")
}

#[test]
fn the_api_is_written_from_the_table_of_routes() {
    let current = read(TEMPLATE);
    let expected = written(
        &written(&current, "routes", &body()),
        "functions",
        &depends_on(),
    );
    for (file, current, expected) in [
        (TEMPLATE, current, expected),
        (
            PERMISSIONS,
            std::fs::read_to_string(path(PERMISSIONS)).unwrap_or_default(),
            permissions(),
        ),
    ] {
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path(file), &expected).expect("the file is written");
        } else {
            assert!(
                current == expected,
                "the API in {file} is outdated; write it again: UPDATE_DOCS=1 cargo test -p bundle-tests guard_api"
            );
        }
    }
}

#[test]
fn the_api_invokes_each_of_its_functions_by_one_permission() {
    let stack = cloudformation::parse(&read(PERMISSIONS)).expect("a template");
    let mut invoked = Vec::new();
    for permission in stack["Resources"].as_object().expect("resources").values() {
        let properties = &permission["Properties"];
        assert_eq!(permission["Type"], "AWS::Lambda::Permission");
        assert_eq!(properties["Principal"], "apigateway.amazonaws.com");
        assert_eq!(properties["SourceArn"]["Fn::Sub"], SOURCE);
        let name = properties["FunctionName"]["Fn::Sub"]
            .as_str()
            .expect("a name");
        invoked.push(
            name.strip_prefix("${StackName}-")
                .expect("a function of the stack")
                .to_owned(),
        );
    }
    let distinct: BTreeSet<_> = invoked.iter().cloned().collect();
    assert_eq!(
        invoked.len(),
        distinct.len(),
        "a function has two permissions: {invoked:?}"
    );
    let expected = api_functions().into_iter().map(str::to_owned).collect();
    assert_same(("routes/", &expected), (PERMISSIONS, &distinct));
    let inside = &template()["Resources"]["InvocationsStack"]["Properties"]["Parameters"];
    assert_eq!(
        *inside,
        json!({ "StackName": { "Ref": "AWS::StackName" }, "ApiId": { "Ref": "Api" } })
    );
}

/// A reference would make the API wait for its functions, and so keep their environment from naming the API's own URL.
#[test]
fn the_body_refers_to_no_resource() {
    let template = template();
    let body = &template["Resources"]["Api"]["Properties"]["DefinitionBody"];
    let resources = template["Resources"].as_object().expect("resources");
    let text = body.to_string();
    assert!(text.contains("auth-login"), "{text}");
    for id in resources.keys() {
        for reference in [
            format!("${{{id}}}"),
            format!("${{{id}."),
            format!("\"{id}\""),
        ] {
            assert!(
                !text.contains(&reference),
                "the body of the API refers to {id}"
            );
        }
    }
}

#[test]
fn every_function_of_the_api_is_named_after_its_crate_and_the_name_fits() {
    let functions = resources_of(&template(), "AWS::Serverless::Function");
    for function in api_functions() {
        let name = &functions[&logical_id(function)]["Properties"]["FunctionName"]["Fn::Sub"];
        assert_eq!(name, &Value::from(format!("{STACK_PREFIX}{function}")));
        let length = MAX_STACK_NAME + "-".len() + function.len();
        assert!(
            length <= MAX_FUNCTION_NAME,
            "{function} is too long: with the name of a stack it has {length} characters"
        );
    }
    // The others are named by CloudFormation, which replaces them at will.
    for (id, function) in &functions {
        let named = function["Properties"].get("FunctionName").is_some();
        assert_eq!(
            named,
            api_functions()
                .into_iter()
                .any(|name| logical_id(name) == *id),
            "{id}"
        );
    }
}
