//! A small template for tests.

use super::Template;

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

/// What it says.
pub(crate) fn sample() -> Template {
    Template::parse(SAMPLE).unwrap()
}
