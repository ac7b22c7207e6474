//! The small template, the workspace's, and what is wrong with others.

use super::sample::{SAMPLE, sample};
use super::*;

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
