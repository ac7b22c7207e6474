//! What the local run takes from `template.yaml`: routes, throttling, gateway responses, tables and rotations.
//!
//! The template is the deployment's truth. Reading it here, instead of keeping a second list, is what makes the
//! local run show a route that was forgotten there. The guard tests read it through the same types.
//!
//! The text is embedded when the program is built. Whatever a part of it needs and lacks is an error that names
//! the resource, so a broken template never becomes a service with a route less.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use thiserror::Error;

use crate::api_body;
use crate::aws::secrets_manager::RotationRules;
use crate::cloudformation::{self, YamlError};
use crate::gateway_response::GatewayResponses;
use crate::rotations;
use crate::secrets::SecretDefinition;
use crate::throttle::Throttles;

/// The workspace's template, as it was when this program was built.
pub const SOURCE: &str = include_str!("../../../template.yaml");

/// The method of a route that takes every method that no other route of its path takes.
pub const ANY: &str = "ANY";

/// Why the template cannot be used.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum TemplateError {
    /// The text cannot be read.
    #[error("template.yaml cannot be read: {0}")]
    Yaml(#[from] YamlError),
    /// A part is missing, or not of the kind it must be.
    #[error("template.yaml: {place} has no usable {part}")]
    Missing {
        /// The logical id of the resource, or the section.
        place: String,
        /// The path of the part inside it.
        part: String,
    },
    /// A part that the local run does not know how to follow.
    #[error("template.yaml: {place}: the local run does not support {part}")]
    Unsupported {
        /// The logical id of the resource.
        place: String,
        /// What stands there.
        part: String,
    },
}

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

/// A table, as far as the local database follows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableDefinition {
    /// The name behind the stack's: `users` for `${AWS::StackName}-users`.
    pub suffix: String,
    /// Partition key, then the sort key if there is one: attribute and `HASH` or `RANGE`.
    pub key_schema: Vec<(String, String)>,
    /// The key attributes and their types (`S`, `N`, `B`).
    pub attribute_definitions: Vec<(String, String)>,
    /// The global secondary indexes.
    pub indexes: Vec<IndexDefinition>,
    /// The stream's view type, where there is a stream.
    pub stream: Option<String>,
    /// The attribute that holds the expiry.
    pub ttl_attribute: Option<String>,
    /// Whether its deletion is refused. The local database follows neither this nor the next.
    pub is_deletion_protected: bool,
    /// Whether it can be restored to any moment of the last weeks.
    pub is_recoverable: bool,
}

/// A global secondary index of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexDefinition {
    /// Its name.
    pub name: String,
    /// Partition key, then the sort key if there is one: attribute and `HASH` or `RANGE`.
    pub key_schema: Vec<(String, String)>,
    /// Whether it holds keys alone instead of whole items.
    pub keys_only: bool,
}

/// The rotation of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateRotation {
    /// The name behind the stack's: `signing-ring` for `${AWS::StackName}/signing-ring`.
    pub secret: String,
    /// The crate of the function that rotates it.
    pub function: String,
    /// When it is rotated.
    pub rules: RotationRules,
}

/// The parts of the template that the local run follows.
#[derive(Debug, Clone)]
pub struct Template {
    /// Every function's crate, consumers included, in alphabetical order.
    pub functions: Vec<String>,
    /// Every route of the API, ordered by function.
    pub routes: Vec<TemplateRoute>,
    /// The API's throttling.
    pub throttles: Throttles,
    /// What the gateway answers by itself.
    pub responses: GatewayResponses,
    /// Every table, ordered by name.
    pub tables: Vec<TableDefinition>,
    /// Every secret.
    pub secrets: Vec<SecretDefinition>,
    /// Every rotation, ordered by the secret's name.
    pub rotations: Vec<TemplateRotation>,
    /// The whole of it.
    pub document: Value,
}

impl Template {
    /// The embedded template.
    ///
    /// # Errors
    /// See [`Template::parse`].
    pub fn embedded() -> Result<Self, TemplateError> {
        Self::parse(SOURCE)
    }

    /// Reads a template.
    ///
    /// # Errors
    /// [`TemplateError`] names the first part that is missing or that the local run cannot follow.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let document = cloudformation::parse(text)?;
        let resources = object(&document, "the document", "Resources")?;
        let of_type = |wanted: &'static str| {
            resources.iter().filter(move |(_, resource)| {
                resource.pointer("/Type").and_then(Value::as_str) == Some(wanted)
            })
        };
        let mut functions = BTreeMap::new();
        for (id, resource) in of_type("AWS::Serverless::Function") {
            api_body::no_events(id, resource)?;
            functions.insert(crate_name(id)?, resource);
        }
        let mut tables = of_type("AWS::DynamoDB::Table")
            .map(|(id, table)| table_definition(id, table))
            .collect::<Result<Vec<_>, _>>()?;
        tables.sort_by(|one, other| one.suffix.cmp(&other.suffix));
        let secrets = of_type("AWS::SecretsManager::Secret");
        let secrets = secrets
            .map(|(id, secret)| SecretDefinition::read(id, secret))
            .collect::<Result<_, _>>()?;
        let mut rotations = of_type("AWS::SecretsManager::RotationSchedule")
            .map(|(id, schedule)| rotations::read(id, schedule, &document))
            .collect::<Result<Vec<_>, _>>()?;
        rotations.sort_by(|one, other| one.secret.cmp(&other.secret));
        let (api_id, api) = of_type("AWS::Serverless::Api")
            .next()
            .ok_or_else(|| missing("Resources", "AWS::Serverless::Api"))?;
        let mut routes = api_body::routes(api_id, api, &functions)?;
        routes.sort();
        Ok(Self {
            functions: functions.into_keys().collect(),
            routes,
            throttles: Throttles::read(api_id, api, &document)?,
            responses: GatewayResponses::read(api_id, api)?,
            tables,
            secrets,
            rotations,
            document,
        })
    }
}

/// The error for a part that is not there.
pub(crate) fn missing(place: &str, part: &str) -> TemplateError {
    TemplateError::Missing {
        place: place.to_owned(),
        part: part.to_owned(),
    }
}

/// The text at `pointer` in the resource `id`.
pub(crate) fn text<'a>(
    resource: &'a Value,
    id: &str,
    pointer: &str,
) -> Result<&'a str, TemplateError> {
    resource
        .pointer(pointer)
        .and_then(Value::as_str)
        .ok_or_else(|| missing(id, pointer.trim_start_matches('/')))
}

pub(crate) fn object<'a>(
    value: &'a Value,
    place: &str,
    member: &str,
) -> Result<&'a Map<String, Value>, TemplateError> {
    value
        .get(member)
        .and_then(Value::as_object)
        .ok_or_else(|| missing(place, member))
}

/// The list at `pointer` in the resource `id`.
pub(crate) fn list<'a>(
    resource: &'a Value,
    id: &str,
    pointer: &str,
) -> Result<&'a Vec<Value>, TemplateError> {
    resource
        .pointer(pointer)
        .and_then(Value::as_array)
        .ok_or_else(|| missing(id, pointer.trim_start_matches('/')))
}

/// `AuthLoginFunction` is the crate `auth-login`.
pub(crate) fn crate_name(id: &str) -> Result<String, TemplateError> {
    let name = id
        .strip_suffix("Function")
        .filter(|name| !name.is_empty())
        .ok_or_else(|| missing(id, "name ending in Function"))?;
    let mut kebab = String::with_capacity(name.len() + 4);
    for (index, letter) in name.char_indices() {
        if index > 0 && letter.is_ascii_uppercase() {
            kebab.push('-');
        }
        kebab.push(letter.to_ascii_lowercase());
    }
    Ok(kebab)
}

fn table_definition(id: &str, table: &Value) -> Result<TableDefinition, TemplateError> {
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
pub(crate) mod tests {
    use super::*;

    /// A template in the shape of the deployed one, small enough to read.
    pub(crate) const SAMPLE: &str = r#"
AWSTemplateFormatVersion: '2010-09-09'
Transform: AWS::Serverless-2016-10-31
Parameters:
  StageRate: { Type: Number, Default: 100 }
  MailKeyDays: { Type: Number, Default: 90 }
Resources:
  Api:
    Type: AWS::Serverless::Api
    Properties:
      StageName: !Ref Stage
      DefinitionBody:
        openapi: 3.0.1
        paths:
          /auth/login:
            post: { x-amazon-apigateway-integration: { type: aws_proxy, httpMethod: POST, uri: !Sub 'arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:${AWS::StackName}-auth-login/invocations' } }
            x-amazon-apigateway-any-method: { x-amazon-apigateway-integration: { type: aws_proxy, httpMethod: POST, uri: !Sub 'arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:${AWS::StackName}-service-fallback/invocations' } }
          /auth/sessions/{id}:
            delete: { x-amazon-apigateway-integration: { type: aws_proxy, httpMethod: POST, uri: !Sub 'arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:${AWS::StackName}-sessions-revoke/invocations' } }
          /auth/sessions/others:
            delete: { x-amazon-apigateway-integration: { type: aws_proxy, httpMethod: POST, uri: !Sub 'arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:${AWS::StackName}-sessions-revoke-others/invocations' } }
          /:
            x-amazon-apigateway-any-method: { x-amazon-apigateway-integration: { type: aws_proxy, httpMethod: POST, uri: !Sub 'arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:${AWS::StackName}-service-fallback/invocations' } }
          /{proxy+}:
            x-amazon-apigateway-any-method: { x-amazon-apigateway-integration: { type: aws_proxy, httpMethod: POST, uri: !Sub 'arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:${AWS::StackName}-service-fallback/invocations' } }
      MethodSettings:
        - { ResourcePath: /*, HttpMethod: '*', ThrottlingRateLimit: !Ref StageRate, ThrottlingBurstLimit: 200 }
        - { ResourcePath: /~1auth~1login, HttpMethod: POST, ThrottlingRateLimit: 2, ThrottlingBurstLimit: 4 }
      GatewayResponses:
        THROTTLED:
          StatusCode: 429
          ResponseParameters:
            Headers: { Retry-After: "'1'", Cache-Control: "'no-store'", X-Request-Id: context.extendedRequestId }
          ResponseTemplates:
            application/problem+json: '{"status":429,"code":"rate_limited","request_id":"$context.extendedRequestId"}'
        REQUEST_TOO_LARGE:
          StatusCode: 413
          ResponseTemplates: { application/problem+json: '{"status":413,"code":"payload_too_large","request_id":"$context.extendedRequestId"}' }
        DEFAULT_4XX:
          StatusCode: 400
          ResponseTemplates: { application/problem+json: '{"status":400,"code":"malformed_json","request_id":"$context.extendedRequestId"}' }
        DEFAULT_5XX:
          StatusCode: 503
          ResponseTemplates: { application/problem+json: '{"status":503,"code":"service_unavailable","request_id":"$context.extendedRequestId"}' }
  AuthLoginFunction: { Type: AWS::Serverless::Function, Properties: { FunctionName: !Sub '${AWS::StackName}-auth-login' } }
  SessionsRevokeFunction: { Type: AWS::Serverless::Function, Properties: { FunctionName: !Sub '${AWS::StackName}-sessions-revoke' } }
  SessionsRevokeOthersFunction: { Type: AWS::Serverless::Function, Properties: { FunctionName: !Sub '${AWS::StackName}-sessions-revoke-others' } }
  ServiceFallbackFunction: { Type: AWS::Serverless::Function, Properties: { FunctionName: !Sub '${AWS::StackName}-service-fallback' } }
  OutboxMailerFunction:
    Type: AWS::Serverless::Function
    Properties:
      Events:
        Queue: { Type: SQS, Properties: { Queue: !GetAtt Queue.Arn } }
  TokensTable:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: !Sub '${AWS::StackName}-tokens'
      KeySchema: [{ AttributeName: pk, KeyType: HASH }, { AttributeName: sk, KeyType: RANGE }]
      AttributeDefinitions: [{ AttributeName: pk, AttributeType: S }, { AttributeName: sk, AttributeType: S }]
      TimeToLiveSpecification: { AttributeName: ttl, Enabled: true }
  OutboxTable:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: !Sub '${AWS::StackName}-outbox'
      KeySchema: [{ AttributeName: pk, KeyType: HASH }]
      AttributeDefinitions: [{ AttributeName: pk, AttributeType: S }]
      StreamSpecification: { StreamViewType: NEW_IMAGE }
  KeysRotateSigningFunction: { Type: AWS::Serverless::Function }
  KeysRotateMailFunction: { Type: AWS::Serverless::Function }
  SigningRing: { Type: AWS::SecretsManager::Secret, Properties: { Name: !Sub '${AWS::StackName}/signing-ring', GenerateSecretString: { SecretStringTemplate: '{}', GenerateStringKey: seed } } }
  MailKey: { Type: AWS::SecretsManager::Secret, Properties: { Name: !Sub '${AWS::StackName}/mail-key', GenerateSecretString: { SecretStringTemplate: '{}', GenerateStringKey: key } } }
  SigningRingRotation:
    Type: AWS::SecretsManager::RotationSchedule
    Properties:
      SecretId: !Ref SigningRing
      RotationLambdaARN: !GetAtt KeysRotateSigningFunction.Arn
      RotationRules: { ScheduleExpression: rate(30 days), Duration: 3h }
      RotateImmediatelyOnUpdate: false
  MailKeyRotation:
    Type: AWS::SecretsManager::RotationSchedule
    Properties:
      SecretId: !Ref MailKey
      RotationLambdaARN: !GetAtt KeysRotateMailFunction.Arn
      RotationRules: { AutomaticallyAfterDays: !Ref MailKeyDays }
"#;

    pub(crate) fn sample() -> Template {
        Template::parse(SAMPLE).unwrap()
    }

    #[test]
    fn every_function_is_listed() {
        let template = sample();
        assert_eq!(
            template.functions,
            [
                "auth-login",
                "keys-rotate-mail",
                "keys-rotate-signing",
                "outbox-mailer",
                "service-fallback",
                "sessions-revoke",
                "sessions-revoke-others"
            ]
        );
    }

    #[test]
    fn tables_come_with_keys_stream_and_expiry() {
        let tables = sample().tables;
        let [outbox, tokens] = tables.as_slice() else {
            panic!("{tables:?}")
        };
        assert_eq!(
            (
                tokens.suffix.as_str(),
                tokens.ttl_attribute.as_deref(),
                tokens.stream.as_deref()
            ),
            ("tokens", Some("ttl"), None)
        );
        assert_eq!(
            tokens.key_schema,
            [("pk".into(), "HASH".into()), ("sk".into(), "RANGE".into())]
        );
        assert_eq!(
            (
                outbox.suffix.as_str(),
                outbox.ttl_attribute.as_deref(),
                outbox.stream.as_deref()
            ),
            ("outbox", None, Some("NEW_IMAGE"))
        );
    }

    #[test]
    fn rotations_come_with_secret_function_and_schedule() {
        let rotations = sample().rotations;
        let [mail, signing] = rotations.as_slice() else {
            panic!("{rotations:?}")
        };
        assert_eq!(
            (mail.secret.as_str(), mail.function.as_str()),
            ("mail-key", "keys-rotate-mail")
        );
        assert_eq!(
            mail.rules.automatically_after_days,
            Some(90),
            "a parameter stands for its default"
        );
        assert_eq!(
            (signing.secret.as_str(), signing.function.as_str()),
            ("signing-ring", "keys-rotate-signing")
        );
        assert_eq!(
            signing.rules.schedule_expression.as_deref(),
            Some("rate(30 days)")
        );
    }

    #[test]
    fn a_template_may_be_without_rotations() {
        let text = SAMPLE.replace(
            "AWS::SecretsManager::RotationSchedule",
            "AWS::SSM::Parameter",
        );
        assert_eq!(Template::parse(&text).unwrap().rotations, []);
    }

    #[test]
    fn a_schedule_that_would_not_be_followed_is_refused() {
        let text = SAMPLE.replace("rate(30 days)", "cron(0 8 1 * ? *)");
        assert!(
            matches!(Template::parse(&text), Err(TemplateError::Unsupported { place, .. }) if place == "SigningRingRotation")
        );
    }

    #[test]
    fn a_missing_part_is_an_error_that_names_it() {
        for (cut, wanted) in [
            (
                "type: aws_proxy, ",
                "Api POST /auth/login has no usable x-amazon-apigateway-integration/type",
            ),
            (
                "httpMethod: POST, ",
                "Api POST /auth/login has no usable x-amazon-apigateway-integration/httpMethod",
            ),
            (
                "uri: !Sub",
                "Api POST /auth/login has no usable x-amazon-apigateway-integration/uri",
            ),
            (
                "FunctionName: !Sub '${AWS::StackName}-auth-login'",
                "Api POST /auth/login has no usable function",
            ),
            (
                "StreamViewType: NEW_IMAGE",
                "OutboxTable has no usable Properties/StreamSpecification/StreamViewType",
            ),
            (
                "ThrottlingRateLimit: !Ref StageRate, ",
                "MethodSettings for /*",
            ),
            (", Default: 100", "ThrottlingRateLimit"),
            (
                "application/problem+json: '{\"status\":400,\"code\":\"malformed_json\",\"request_id\":\"$context.extendedRequestId\"}'",
                "DEFAULT_4XX",
            ),
            (
                "SecretId: !Ref SigningRing",
                "SigningRingRotation has no usable Properties/SecretId/Ref",
            ),
            (
                "SigningRing: { Type: AWS::SecretsManager::Secret, Properties: { Name: !Sub '${AWS::StackName}/signing-ring', GenerateSecretString: { SecretStringTemplate: '{}', GenerateStringKey: seed } } }",
                "Resources has no usable SigningRing",
            ),
            (
                "Name: !Sub '${AWS::StackName}/mail-key', ",
                "MailKey has no usable Properties/Name",
            ),
            (
                "${AWS::StackName}/mail",
                "MailKey has no usable Properties/Name",
            ),
            (
                "!GetAtt KeysRotateMailFunction.Arn",
                "MailKeyRotation has no usable Properties/RotationLambdaARN",
            ),
            (
                "KeysRotateMailFunction: { Type: AWS::Serverless::Function }",
                "Resources has no usable KeysRotateMailFunction",
            ),
            (
                "ScheduleExpression: rate(30 days), ",
                "SigningRingRotation has no usable Properties/RotationRules",
            ),
            (
                "{ AutomaticallyAfterDays: !Ref MailKeyDays }",
                "MailKeyRotation has no usable Properties/RotationRules",
            ),
        ] {
            assert!(SAMPLE.contains(cut), "{cut}");
            let error = Template::parse(&SAMPLE.replacen(cut, "", 1))
                .unwrap_err()
                .to_string();
            assert!(error.contains(wanted), "without {cut:?}: {error}");
        }
    }

    #[test]
    fn an_index_is_refused_because_the_local_tables_would_lack_it() {
        let text = SAMPLE.replace(
            "      TimeToLiveSpecification",
            "      LocalSecondaryIndexes: []\n      TimeToLiveSpecification",
        );
        assert!(
            matches!(Template::parse(&text), Err(TemplateError::Unsupported { part, .. }) if part == "LocalSecondaryIndexes")
        );
    }

    #[test]
    fn the_workspaces_template_is_understood() {
        let template = Template::embedded().unwrap();
        assert!(
            template
                .routes
                .iter()
                .any(|route| route.function == "auth-login" && route.method == "POST")
        );
        assert_eq!(
            template
                .tables
                .iter()
                .filter(|table| table.stream.is_some())
                .count(),
            2,
            "the outbox and the audit trail"
        );
        let login = template.throttles.of("POST", "/api/v1/auth/login");
        assert!(
            login.rate < template.throttles.stage.rate,
            "login is not throttled more strictly than the rest"
        );
    }
}
