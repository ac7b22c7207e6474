//! The judge over a small template, and the doors as an SDK meets them.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::any;
use local_aws::iam::{Ask, OPERATOR, Rights, Service, guarded};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::intrinsic::tests::NAMES;
use super::*;
use crate::cloudformation;

mod calls;

const TEMPLATE: &str = "
Resources:
  UsersTable: { Type: AWS::DynamoDB::Table, Properties: { TableName: !Sub '${AWS::StackName}-users' } }
  AuditTable: { Type: AWS::DynamoDB::Table, Properties: { TableName: !Sub '${AWS::StackName}-audit' } }
  Queue: { Type: AWS::SQS::Queue }
  Archive: { Type: AWS::S3::Bucket }
  ArchivePolicy:
    Type: AWS::S3::BucketPolicy
    Properties:
      Bucket: !Ref Archive
      PolicyDocument:
        Statement:
          - { Effect: Deny, Principal: '*', Action: 's3:Delete*', Resource: !Sub '${Archive.Arn}/*' }
  Key:
    Type: AWS::KMS::Key
    Properties:
      KeyPolicy:
        Statement:
          - { Effect: Allow, Principal: { AWS: !Sub 'arn:aws:iam::${AWS::AccountId}:root' }, Action: 'kms:*', Resource: '*' }
  SigningKey:
    Type: AWS::KMS::Key
    Properties:
      KeyUsage: SIGN_VERIFY
      KeyPolicy:
        Statement:
          - { Effect: Allow, Principal: { AWS: !Sub 'arn:aws:iam::${AWS::AccountId}:root' }, Action: kms:GetPublicKey, Resource: '*' }
          - { Effect: Allow, Principal: { AWS: !GetAtt SignFunctionRole.Arn }, Action: kms:Sign, Resource: '*' }
  Ring: { Type: AWS::SecretsManager::Secret, Properties: { Name: !Sub '${AWS::StackName}/ring', KmsKeyId: !GetAtt Key.Arn } }
  Rotation: { Type: AWS::SecretsManager::RotationSchedule, Properties: { SecretId: !Ref Ring, RotationLambdaARN: !GetAtt SignFunction.Arn } }
  Set: { Type: AWS::SES::ConfigurationSet, Properties: { Name: set } }
  Identity: { Type: AWS::SES::EmailIdentity, Properties: { EmailIdentity: dashtam.example, ConfigurationSetAttributes: { ConfigurationSetName: !Ref Set } } }
  SignFunction:
    Type: AWS::Serverless::Function
  WorkFunction:
    Type: AWS::Serverless::Function
    Properties:
      Policies:
        - Statement:
            - { Effect: Allow, Action: [dynamodb:GetItem, dynamodb:PutItem], Resource: !GetAtt UsersTable.Arn }
            - { Effect: Allow, Action: dynamodb:Query, Resource: !Sub '${AuditTable.Arn}/index/by_month' }
            - { Effect: Allow, Action: ['s3:PutObject', 's3:DeleteObject'], Resource: !Sub '${Archive.Arn}/a/*' }
            - { Effect: Allow, Action: secretsmanager:GetSecretValue, Resource: !Ref Ring }
            - { Effect: Allow, Action: kms:Decrypt, Resource: !GetAtt Key.Arn, Condition: { StringEquals: { kms:ViaService: secretsmanager.us-east-1.amazonaws.com } } }
            - { Effect: Allow, Action: kms:Sign, Resource: !GetAtt SigningKey.Arn }
            - { Effect: Deny, Action: dynamodb:PutItem, Resource: '*' }
  Messages:
    Type: AWS::Lambda::EventSourceMapping
    Properties: { FunctionName: !Ref WorkFunction, EventSourceArn: !GetAtt Queue.Arn }
";

fn rights(template: &str) -> Rights {
    Rights::new(Arc::new(
        read(&cloudformation::parse(template).unwrap(), NAMES).unwrap(),
    ))
}

fn may(caller: &str, action: &str, resource: &str) -> Result<(), String> {
    let judged = rights(TEMPLATE).judge(caller, action, Some(&[Ask::new(action, resource)]));
    judged.map_err(|denial| denial.to_string())
}

const USERS: &str = "arn:aws:dynamodb:us-east-1:000000000000:table/t-users";
const SIGNING_KEY: &str = "arn:aws:kms:us-east-1:000000000000:key/SigningKey";

#[test]
fn a_role_may_do_what_its_policy_names_and_nothing_else() {
    assert_eq!(may("work", "dynamodb:GetItem", USERS), Ok(()));
    let refused = may("work", "dynamodb:DeleteItem", USERS).unwrap_err();
    assert_eq!(
        refused,
        format!(
            "User: arn:aws:sts::000000000000:assumed-role/WorkFunctionRole/work is not authorized to perform: \
             dynamodb:DeleteItem on resource: {USERS} because no identity-based policy allows the dynamodb:DeleteItem action"
        )
    );
    assert!(
        may(
            "work",
            "dynamodb:GetItem",
            "arn:aws:dynamodb:us-east-1:000000000000:table/t-audit"
        )
        .is_err()
    );
    assert!(may("sign", "dynamodb:GetItem", USERS).is_err());
    assert_eq!(
        may("thief", "dynamodb:GetItem", USERS).unwrap_err(),
        "The security token included in the request is invalid."
    );
}

#[test]
fn a_denial_wins_over_everything() {
    assert!(
        may("work", "dynamodb:PutItem", USERS)
            .unwrap_err()
            .ends_with("with an explicit deny")
    );
    let object = "arn:aws:s3:::dashtam-local-audit/a/b";
    assert_eq!(may("work", "s3:PutObject", object), Ok(()));
    assert!(
        may("work", "s3:DeleteObject", object)
            .unwrap_err()
            .ends_with("with an explicit deny")
    );
    assert!(may(OPERATOR, "s3:DeleteObject", object).is_err());
}

#[test]
fn a_keys_own_policy_decides_who_uses_it() {
    assert_eq!(may("sign", "kms:Sign", SIGNING_KEY), Ok(()));
    for caller in ["work", OPERATOR] {
        assert!(
            may(caller, "kms:Sign", SIGNING_KEY)
                .unwrap_err()
                .contains("no resource-based policy"),
            "{caller}"
        );
    }
    assert_eq!(may(OPERATOR, "kms:GetPublicKey", SIGNING_KEY), Ok(()));
}

#[test]
fn a_refusal_is_kept_with_what_can_be_done_about_it() {
    let rights = rights(TEMPLATE);
    let ask = [Ask::new("dynamodb:Scan", USERS)];
    assert!(rights.judge("work", "Scan", Some(&ask)).is_err());
    assert!(rights.judge("work", "ExecuteStatement", None).is_err());
    assert!(rights.judge(OPERATOR, "ExecuteStatement", None).is_ok());
    let [scan, unread] = rights.take_refused().try_into().unwrap();
    assert!(
        scan.contains("work may not do dynamodb:Scan") && scan.contains("template.yaml"),
        "{scan}"
    );
    assert!(
        unread.contains("ExecuteStatement") && unread.contains("requests.rs"),
        "{unread}"
    );
    assert!(rights.take_refused().is_empty());
}

#[test]
fn a_mapping_needs_the_rights_of_its_function() {
    let rights_of_work = rights(TEMPLATE);
    let advice = rights_of_work.advice(&rights_of_work.judge_sources().unwrap_err());
    assert!(
        advice.contains("work may not do sqs:ReceiveMessage"),
        "{advice}"
    );
    let allowed = TEMPLATE.replace(
        "            - { Effect: Deny,",
        "            - { Effect: Allow, Action: 'sqs:*', Resource: !GetAtt Queue.Arn }\n            - { Effect: Deny,",
    );
    assert_eq!(rights(&allowed).judge_sources(), Ok(()));
}

#[test]
fn every_allowance_is_told_of_when_it_is_first_used() {
    let (told, hear) = std::sync::mpsc::channel();
    let policies = read(&cloudformation::parse(TEMPLATE).unwrap(), NAMES).unwrap();
    let rights = Rights::new(Arc::new(policies.observed_by(move |allowance| {
        told.send(allowance.to_string()).unwrap();
    })));
    for _ in 0..2 {
        rights
            .judge(
                "work",
                "GetItem",
                Some(&[Ask::new("dynamodb:GetItem", USERS)]),
            )
            .unwrap();
        rights
            .judge("sign", "Sign", Some(&[Ask::new("kms:Sign", SIGNING_KEY)]))
            .unwrap();
    }
    let heard: Vec<_> = hear.try_iter().collect();
    assert_eq!(
        heard,
        [
            format!("work dynamodb:GetItem {USERS}"),
            format!("sign kms:Sign {SIGNING_KEY}")
        ]
    );
}

#[test]
fn rights_that_cannot_be_read_are_refused_at_the_start() {
    for (text, with, wanted) in [
        (
            "    Type: AWS::Serverless::Function\n  Work",
            "    Type: AWS::Serverless::Function\n    Properties: { Role: x }\n  Work",
            "Role",
        ),
        (
            "        - Statement:\n            - { Effect: Allow, Action: [dyn",
            "        - DynamoDBCrudPolicy: {}\n        - Statement:\n            - { Effect: Allow, Action: [dyn",
            "DynamoDBCrudPolicy",
        ),
        (
            "Resources:\n",
            "Globals: { Function: { Policies: [] } }\nResources:\n",
            "Policies",
        ),
    ] {
        let template = TEMPLATE.replacen(text, with, 1);
        assert_ne!(template, TEMPLATE, "{text}");
        let error = read(&cloudformation::parse(&template).unwrap(), NAMES)
            .map(drop)
            .unwrap_err();
        assert!(error.to_string().contains(wanted), "{error}");
    }
}
