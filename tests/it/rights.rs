//! Each function calls AWS as its own role: what the role lacks is refused here as it would be there.

use std::sync::Arc;

use bundle_tests::{PASSWORD, TestApp, rights};
use dashtam_local::template::{SOURCE, Template};
use local_aws::iam::Policies;
use serde_json::json;
use shared::domain::UserId;
use shared::routes;

use crate::guard_project::read;

/// The template with something else in the place of `text`.
fn policies_with(text: &str, other: &str) -> Arc<Policies> {
    let changed = SOURCE.replacen(text, other, 1);
    assert_ne!(changed, SOURCE, "{text}");
    Arc::new(rights::read(
        &Template::parse(&changed).expect("a template"),
    ))
}

#[tokio::test]
async fn a_forgotten_permission_fails_the_request_and_names_what_is_missing() {
    let begin =
        "dynamodb:PutItem, dynamodb:Query, dynamodb:DeleteItem], Resource: !GetAtt TokensTable.Arn";
    let policies = policies_with(begin, &begin.replace("PutItem, dynamodb:", ""));
    let app = TestApp::under(policies, &[]).await;
    app.verified("ada@example.com").await;
    let login = json!({ "email": "ada@example.com", "password": PASSWORD });
    app.anonymous()
        .post("/api/v1/auth/login", &login)
        .await
        .assert(500);
    let refused = app.aws.rights.take_refused();
    let [line] = refused.as_slice() else {
        panic!("{refused:?}")
    };
    for part in [
        "auth-login may not do",
        "dynamodb:PutItem",
        "table/dashtam-local-tokens",
        "template.yaml",
    ] {
        assert!(line.contains(part), "{line}");
    }
    assert!(
        read("docs/permissions.md").contains(line),
        "docs/permissions.md shows another line than {line}"
    );
    assert!(
        app.db_items("tokens", "USER#").await.is_empty(),
        "a transaction was done in part"
    );
}

#[tokio::test]
async fn a_refusal_is_aws_own() {
    let app = TestApp::start().await;
    let me = app.function("auth-me");
    let error = me
        .store()
        .sessions(UserId::new(uuid::Uuid::nil()))
        .await
        .expect_err("auth-me may not query sessions");
    let chain = shared::ground::error_chain(&error);
    assert!(
        chain.contains("AccessDeniedException") && chain.contains("dynamodb:Query"),
        "{chain}"
    );
    let error = me
        .secrets()
        .get("mail-key")
        .await
        .expect_err("auth-me may read no secret");
    assert!(
        shared::ground::error_chain(&error).contains("secretsmanager:GetSecretValue"),
        "{error:?}"
    );
    let error = me
        .archive()
        .get("segments/0/1")
        .await
        .expect_err("auth-me may not read the archive");
    assert!(
        shared::ground::error_chain(&error).contains("AccessDenied"),
        "{error:?}"
    );
    let error = me
        .audit_key()
        .sign(b"x".to_vec())
        .await
        .expect_err("auth-me may not sign");
    assert!(
        shared::ground::error_chain(&error).contains("kms:Sign"),
        "{error:?}"
    );
    assert_eq!(app.aws.rights.take_refused().len(), 4);
}

/// AU-05: not even an operator signs the trail in the place of the one function that may.
#[tokio::test]
async fn an_operator_may_do_what_the_account_leaves_to_its_own_policies() {
    let app = TestApp::start().await;
    app.environment
        .audit_key()
        .public()
        .await
        .expect("the public half");
    app.environment
        .audit_key()
        .sign(b"x".to_vec())
        .await
        .expect_err("the key names who may sign");
    assert_eq!(app.aws.rights.take_refused().len(), 1);
    app.function("audit-checkpoint")
        .audit_key()
        .sign(b"x".to_vec())
        .await
        .expect("a signature");
}

#[tokio::test]
async fn an_access_key_of_nobody_is_refused() {
    let app = TestApp::start().await;
    let nobody = app.function("auth-nothing").store();
    assert!(nobody.security().await.is_err());
    let refused = app.aws.rights.take_refused();
    assert!(
        refused
            .iter()
            .all(|line| line.contains("auth-nothing is the access key of nobody")),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_start_asks_for_nothing_that_its_function_may_not() {
    // By policies that write nothing down: an opened connection is no reason for a right.
    let app = TestApp::under(Arc::new(rights::read(rights::template())), &[]).await;
    for route in routes::ALL.iter().filter(|route| !route.grants.is_empty()) {
        app.proxy.take_calls();
        assert!(
            app.function(route.function)
                .store()
                .prime(route.grants, 1)
                .await
                .expect("an answer")
        );
        assert_eq!(
            app.proxy.take_calls().len(),
            1,
            "{} opens no connection when it starts",
            route.function
        );
    }
    assert_eq!(app.aws.rights.take_refused(), Vec::<String>::new());
}
