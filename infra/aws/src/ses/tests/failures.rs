//! Failures that are switched on, the file, and identities.

use super::*;

#[tokio::test]
async fn malformed_requests_are_refused_and_the_next_good_one_works() {
    let local = start().await;
    let long = "x".repeat(MAX_BODY + 1);
    for (method, path, body, status, kind) in [
        (
            "POST",
            "/v2/email/outbound-emails",
            "",
            400,
            "BadRequestException",
        ),
        (
            "POST",
            "/v2/email/outbound-emails",
            "[1",
            400,
            "BadRequestException",
        ),
        (
            "POST",
            "/v2/email/outbound-emails",
            "{}",
            400,
            "BadRequestException",
        ),
        (
            "POST",
            "/v2/email/outbound-emails",
            r#"{"Content":5}"#,
            400,
            "BadRequestException",
        ),
        (
            "POST",
            "/v2/email/outbound-emails",
            &long,
            413,
            "RequestEntityTooLargeException",
        ),
        (
            "GET",
            "/v2/email/outbound-emails",
            "",
            404,
            "UnknownOperationException",
        ),
        (
            "POST",
            "/v2/email/identities",
            "{}",
            404,
            "UnknownOperationException",
        ),
    ] {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "localhost")
            .header("authorization", "AWS4-HMAC-SHA256 x")
            .body(Body::from(body.to_owned()))
            .unwrap();
        let answer = local.server.router().oneshot(request).await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{method} {path}");
        assert_eq!(
            answer.headers()["x-amzn-errortype"],
            kind,
            "{method} {path}"
        );
    }
    assert_eq!(local.caught(), 0);
    assert_eq!(code(local.good()).await, Ok(()));
}

#[tokio::test]
async fn throttling_and_internal_errors_take_no_mail_and_pass() {
    let local = start().await;
    let faults = local.server.faults();
    faults.fail_next(1, Fault::TooManyRequests);
    faults.fail_next(1, Fault::InternalError);
    assert_eq!(
        code(local.good()).await,
        Err("TooManyRequestsException".into())
    );
    let error = local.good().send().await.unwrap_err();
    assert_eq!(error.raw_response().unwrap().status().as_u16(), 500);
    assert_eq!(local.caught(), 0);
    assert_eq!(code(local.good()).await, Ok(()));
    assert_eq!(local.caught(), 1);
}

#[tokio::test]
async fn a_dropped_answer_is_no_answer_though_the_mail_was_taken() {
    let local = start().await;
    local.server.faults().fail_next(1, Fault::DropAnswer);
    let error = local.good().send().await.unwrap_err();
    assert!(error.as_service_error().is_none(), "{error:?}");
    assert_eq!(local.caught(), 1);
    assert_eq!(code(local.good()).await, Ok(()));
    assert_eq!(local.caught(), 2);
}

#[tokio::test]
async fn while_down_nothing_is_answered_or_taken() {
    let local = start().await;
    let faults = local.server.faults();
    faults.set_down(true);
    for _ in 0..3 {
        assert_eq!(code(local.good()).await, Err("no answer".into()));
    }
    assert_eq!(local.caught(), 0);
    faults.set_down(false);
    assert_eq!(code(local.good()).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_closed_connection_carries_no_byte_of_an_answer() {
    use std::io::{Read as _, Write as _};

    let local = start().await;
    local.server.faults().set_down(true);
    let url = testing::serve(local.server.router()).await;
    let read = tokio::task::spawn_blocking(move || {
        let mut stream = std::net::TcpStream::connect(url.trim_start_matches("http://")).unwrap();
        let request = "POST /v2/email/outbound-emails HTTP/1.1\r\nHost: localhost\r\n\
            Authorization: AWS4-HMAC-SHA256 x\r\nContent-Length: 0\r\n\r\n";
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        // A reset is as good as an end.
        let _ = stream.read_to_end(&mut answer);
        answer
    });
    assert_eq!(read.await.unwrap(), b"");
}

#[tokio::test]
async fn the_sdks_own_retry_gets_over_one_lost_answer_and_doubles_the_mail() {
    let retry = RetryConfig::standard()
        .with_max_attempts(3)
        .with_initial_backoff(std::time::Duration::ZERO);
    let local = start_with(Mailbox::open(None).unwrap(), retry).await;
    local.server.faults().fail_next(1, Fault::DropAnswer);
    assert_eq!(code(local.good()).await, Ok(()));
    assert_eq!(local.caught(), 2);
}

#[tokio::test]
async fn an_accepted_mail_is_in_the_file() {
    let directory = TempDir::new();
    let path = directory.path("mail.jsonl");
    let mailbox = Mailbox::open(Some(path.clone())).unwrap();
    let local = start_with(mailbox, RetryConfig::disabled()).await;
    local.good().send().await.unwrap();
    let reopened = Mailbox::open(Some(path)).unwrap();
    assert_eq!(reopened.messages(Some("ann@example.org")), [local.only()]);
}

#[tokio::test]
async fn an_identity_is_told_under_the_very_name_that_was_verified() {
    let local = start().await;
    let found = local
        .client
        .get_email_identity()
        .email_identity("example.com")
        .send()
        .await
        .unwrap();
    assert!(found.verified_for_sending_status() && found.mail_from_attributes().is_none());
    for unknown in [
        "no-reply@example.com",
        "mail.example.com",
        "unknown.example",
    ] {
        let error = local
            .client
            .get_email_identity()
            .email_identity(unknown)
            .send()
            .await
            .unwrap_err();
        assert_eq!(error.code(), Some("NotFoundException"), "{unknown}");
    }
}

#[tokio::test]
async fn in_the_sandbox_only_verified_identities_get_mail_and_a_paused_account_sends_none() {
    let local = start().await;
    let account = local.server.account();
    let told = || async { local.client.get_account().send().await.unwrap() };
    assert!(told().await.sending_enabled() && told().await.production_access_enabled());
    account.set_sandbox(true);
    assert!(!told().await.production_access_enabled());
    assert_eq!(code(local.good()).await, Err("MessageRejected".to_owned()));
    let send = local
        .client
        .send_email()
        .from_email_address(SENDER)
        .content(simple("Hi"));
    assert_eq!(code(send.destination(to("ann@example.com"))).await, Ok(()));
    account.set_sandbox(false);
    account.set_paused(true);
    assert!(!told().await.sending_enabled());
    assert_eq!(
        code(local.good()).await,
        Err("SendingPausedException".to_owned())
    );
    account.set_paused(false);
    assert_eq!(code(local.good()).await, Ok(()));
}
