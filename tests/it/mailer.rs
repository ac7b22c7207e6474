//! The mailer: at least once, idempotent, nothing lost.

use bundle_tests::TestApp;
use local_aws::ses::Fault;
use serde_json::json;

#[tokio::test]
async fn while_ses_is_down_nothing_is_lost_and_the_mail_is_sent_later() {
    let app = TestApp::start().await;
    app.aws.ses.faults().set_down(true);
    app.registered("a@example.com").await;
    assert_eq!(app.drain().await, 1, "it waits for another attempt");
    assert!(app.aws.mailbox.messages(None).is_empty());
    app.aws.ses.faults().set_down(false);
    app.redeliver().await.expect("delivered");
    let token = app.mailed("a@example.com", "dvt_").await;
    app.anonymous()
        .post("/api/v1/auth/verify-email", &json!({ "token": token }))
        .await
        .assert(200);
}

#[tokio::test]
async fn a_row_that_was_sent_is_not_sent_again() {
    // EM-22
    let app = TestApp::start().await;
    app.registered("a@example.com").await;
    app.drain().await;
    for _ in 0..3 {
        app.redeliver().await.expect("nothing to do");
    }
    assert_eq!(app.subjects("a@example.com").await.len(), 1);
}

#[tokio::test]
async fn a_redelivery_after_a_lost_answer_repeats_the_same_mail() {
    let app = TestApp::start().await;
    app.registered("a@example.com").await;
    app.aws.ses.faults().fail_next(3, Fault::DropAnswer);
    app.drain().await;
    app.redeliver().await.expect("delivered");
    let mut tokens = app.mailed_tokens("a@example.com", "dvt_").await;
    assert!(tokens.len() > 1, "the first attempt had arrived");
    tokens.dedup();
    assert_eq!(tokens.len(), 1);
    app.anonymous()
        .post("/api/v1/auth/verify-email", &json!({ "token": tokens[0] }))
        .await
        .assert(200);
}

#[tokio::test]
async fn a_link_that_was_asked_for_before_everybody_was_rotated_is_dead_when_it_comes() {
    let app = TestApp::start().await;
    app.verified("a@example.com").await;
    let admin = app.admin("admin@example.com").await;
    app.drain().await;
    let asked = json!({ "email": "a@example.com" });
    app.anonymous()
        .post("/api/v1/auth/request-password-reset", &asked)
        .await
        .assert(202);
    app.advance(1);
    let rotation = json!({ "scope": "global", "reason": "a copy of a table was found", "grace_period_seconds": 600 });
    admin
        .post("/api/v1/admin/token-rotations", &rotation)
        .await
        .assert(200);
    let reset = async || {
        let token = app.mailed("a@example.com", "drs_").await;
        let body = json!({ "token": token, "new_password": "Other-Horse-8-Battery" });
        app.anonymous()
            .post("/api/v1/auth/reset-password", &body)
            .await
    };
    reset()
        .await
        .assert_problem(400, "invalid_or_expired_token");
    // The next one is asked for afterwards.
    app.anonymous()
        .post("/api/v1/auth/request-password-reset", &asked)
        .await
        .assert(202);
    reset().await.assert(200);
}

#[tokio::test]
async fn a_used_token_is_not_revived_by_a_redelivery() {
    let app = TestApp::start().await;
    app.registered("a@example.com").await;
    app.aws.ses.faults().fail_next(3, Fault::DropAnswer);
    app.drain().await;
    let token = json!({ "token": app.mailed_tokens("a@example.com", "dvt_").await[0] });
    app.anonymous()
        .post("/api/v1/auth/verify-email", &token)
        .await
        .assert(200);
    app.redeliver().await.expect("nothing to do");
    app.anonymous()
        .post("/api/v1/auth/verify-email", &token)
        .await
        .assert(400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_deliveries_of_one_row_send_one_mail() {
    let app = TestApp::start().await;
    app.registered("a@example.com").await;
    futures::future::join_all((0..10).map(|_| app.redeliver())).await;
    assert_eq!(app.subjects("a@example.com").await.len(), 1);
}

#[tokio::test]
async fn an_overtaken_row_sends_nothing() {
    let app = TestApp::start().await;
    app.verified("a@example.com").await;
    for _ in 0..2 {
        app.anonymous()
            .post(
                "/api/v1/auth/request-password-reset",
                &json!({ "email": "a@example.com" }),
            )
            .await
            .assert(202);
        app.advance(1);
    }
    app.redeliver().await.expect("the newer row");
    assert_eq!(app.mailed_tokens("a@example.com", "drs_").await.len(), 1);
}

#[tokio::test]
async fn a_message_that_names_no_row_is_a_failure_and_a_row_that_is_gone_is_not() {
    let app = TestApp::start().await;
    let mailer = outbox_mailer::consumer(&app.function("outbox-mailer"))
        .await
        .expect("a mailer");
    assert!(mailer("{}".to_owned()).await.is_err());
    assert!(mailer("{\"row\":\"USER#1\"}".to_owned()).await.is_err());
    let gone = "{\"row\":\"OUTBOX#00000000-0000-7000-8000-000000000000\"}";
    assert!(mailer(gone.to_owned()).await.is_ok());
}

#[tokio::test]
async fn a_disabled_user_gets_no_link() {
    use aws_sdk_dynamodb::types::AttributeValue;
    let app = TestApp::start().await;
    app.verified("a@example.com").await;
    let mut user = app.db_items("users", "USER#").await.remove(0);
    user.insert(
        "status".to_owned(),
        AttributeValue::S("disabled".to_owned()),
    );
    app.db_put("users", user).await;
    app.anonymous()
        .post(
            "/api/v1/auth/request-password-reset",
            &json!({ "email": "a@example.com" }),
        )
        .await
        .assert(202);
    assert!(app.mailed_tokens("a@example.com", "drs_").await.is_empty());
}
