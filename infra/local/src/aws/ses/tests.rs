//! Catching mail, through the real SDK client over loopback.

use std::sync::Arc;

use aws_sdk_sesv2::config::retry::RetryConfig;
use aws_sdk_sesv2::error::ProvideErrorMetadata;
use aws_sdk_sesv2::operation::send_email::builders::SendEmailFluentBuilder;
use aws_sdk_sesv2::primitives::Blob;
use aws_sdk_sesv2::types::{
    Body as EmailBody, Content, Destination, EmailContent, Message as Simple, RawMessage, Template,
};
use aws_sdk_sesv2::{Client, Config};
use axum::http::Request;
use shared::entropy::SeededEntropy;
use tower::ServiceExt as _;

use super::*;
use crate::aws::testing::{self, TempDir};

const SENDER: &str = "Dashtam <no-reply@example.com>";

struct Local {
    client: Client,
    mailbox: Mailbox,
    server: Ses,
}

async fn start_with(mailbox: Mailbox, retry: RetryConfig) -> Local {
    let entropy = Arc::new(SeededEntropy::new(7));
    let identities = Identities::verified(["example.com"]).with_unverified_mail_from("half.example");
    let server = Ses::new(mailbox.clone(), identities, testing::clock(), entropy);
    let config = Config::builder()
        .behavior_version(testing::behavior())
        .endpoint_url(testing::serve(server.router()).await)
        .credentials_provider(testing::credentials())
        .region(testing::region())
        .http_client(testing::http_client())
        .retry_config(retry)
        .build();
    Local { client: Client::from_conf(config), mailbox, server }
}

/// Without retries, so that one call meets one fault.
async fn start() -> Local {
    start_with(Mailbox::open(None).unwrap(), RetryConfig::disabled()).await
}

fn text(data: &str) -> Content {
    Content::builder().data(data).build().unwrap()
}

fn simple(subject: &str) -> EmailContent {
    let body = EmailBody::builder().text(text("plain")).html(text("<p>rich</p>")).build();
    let message = Simple::builder().subject(text(subject)).body(body).build();
    EmailContent::builder().simple(message).build()
}

fn raw(message: &str) -> EmailContent {
    let message = RawMessage::builder().data(Blob::new(message)).build().unwrap();
    EmailContent::builder().raw(message).build()
}

fn to(address: &str) -> Destination {
    Destination::builder().to_addresses(address).build()
}

async fn code(send: SendEmailFluentBuilder) -> Result<(), String> {
    match send.send().await {
        Ok(_) => Ok(()),
        Err(error) => Err(error.code().unwrap_or("no answer").to_owned()),
    }
}

impl Local {
    fn mail(&self, from: &str, content: EmailContent) -> SendEmailFluentBuilder {
        let send = self.client.send_email().from_email_address(from);
        send.destination(to("ann@example.org")).content(content)
    }

    fn good(&self) -> SendEmailFluentBuilder {
        self.mail(SENDER, simple("Hi"))
    }

    fn caught(&self) -> usize {
        self.mailbox.messages(None).len()
    }

    fn only(&self) -> Message {
        let messages = self.mailbox.messages(None);
        assert_eq!(messages.len(), 1);
        messages[0].clone()
    }
}

#[tokio::test]
async fn a_simple_mail_is_caught_whole() {
    let local = start().await;
    let destination = Destination::builder()
        .to_addresses("Ann <ann@example.org>")
        .cc_addresses("cc@example.org")
        .bcc_addresses("bcc@example.org")
        .build();
    let send = local.client.send_email().from_email_address(SENDER).destination(destination);
    let answer = send.content(simple("Grüße")).send().await.unwrap();
    assert!(!answer.message_id().unwrap().is_empty());
    let expected = Message {
        to: vec!["Ann <ann@example.org>".into(), "cc@example.org".into(), "bcc@example.org".into()],
        from: SENDER.into(),
        subject: "Grüße".into(),
        text: "plain".into(),
        html: "<p>rich</p>".into(),
        received_at: "2023-11-14T22:13:20.000Z".into(),
    };
    assert_eq!(local.only(), expected);
    for address in ["ANN@example.org", "bcc@example.org"] {
        assert_eq!(local.mailbox.messages(Some(address)).len(), 1, "{address}");
    }
}

#[tokio::test]
async fn a_raw_mail_is_caught_with_its_own_addresses_and_both_parts() {
    let message = "From: Dashtam <no-reply@example.com>\r\n\
        To: Ann <ann@example.org>,\r\n bob@example.org\r\n\
        Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\
        MIME-Version: 1.0\r\n\
        Content-Type: multipart/alternative; boundary=cut\r\n\r\n\
        --cut\r\nContent-Type: text/plain; charset=utf-8\r\n\
        Content-Transfer-Encoding: quoted-printable\r\n\r\nplain =E2=82=AC\r\n\
        --cut\r\nContent-Type: text/html\r\n\r\n<p>rich</p>\r\n--cut--\r\n";
    let local = start().await;
    local.client.send_email().content(raw(message)).send().await.unwrap();
    let caught = local.only();
    assert_eq!(caught.subject, "Grüße");
    assert_eq!(caught.to.len(), 2);
    assert_eq!(caught.from, SENDER);
    assert_eq!(caught.text.trim_end(), "plain €");
    assert_eq!(caught.html.trim_end(), "<p>rich</p>");
    assert_eq!(local.mailbox.messages(Some("ann@example.org")).len(), 1);
    assert_eq!(local.mailbox.messages(Some("bob@example.org")).len(), 1);
}

#[tokio::test]
async fn the_envelope_of_a_raw_mail_overrules_its_headers() {
    let local = start().await;
    let message = "From: other@example.com\r\nTo: bob@example.org\r\nSubject: x\r\n\r\nbody";
    local.mail(SENDER, raw(message)).send().await.unwrap();
    assert_eq!(local.only().to, ["ann@example.org"]);
    assert_eq!(local.only().from, SENDER);
    let forged = "From: ceo@bank.example\r\nTo: bob@example.org\r\n\r\nbody";
    let refused = code(local.mail(SENDER, raw(forged))).await;
    assert_eq!(refused, Err("MessageRejected".into()));
}

#[tokio::test]
async fn an_unverified_sender_is_refused() {
    let local = start().await;
    for (sender, expected) in
        [("x@other.example", "MessageRejected"), ("x@half.example", "MailFromDomainNotVerifiedException")]
    {
        assert_eq!(code(local.mail(sender, simple("Hi"))).await, Err(expected.into()), "{sender}");
    }
    let error = local.mail("x@other.example", simple("Hi")).send().await.unwrap_err();
    assert!(error.into_service_error().is_message_rejected());
    assert_eq!(local.caught(), 0);
}

#[tokio::test]
async fn a_stored_template_is_not_found() {
    let local = start().await;
    let template = Template::builder().template_name("welcome").template_data("{}").build();
    let content = EmailContent::builder().template(template).build();
    assert_eq!(code(local.mail(SENDER, content)).await, Err("NotFoundException".into()));
}

#[tokio::test]
async fn a_header_injection_is_refused_and_leaves_nothing() {
    let local = start().await;
    let bad = Err("BadRequestException".to_owned());
    assert_eq!(code(local.mail(SENDER, simple("Hi\r\nBcc: eve@example.org"))).await, bad);
    let sender = "A\r\nBcc: eve@example.org <no-reply@example.com>";
    assert_eq!(code(local.mail(sender, simple("Hi"))).await, bad);
    for address in ["ann@example.org\r\nBcc: eve@example.org", "A\nBcc: e@x.org <ann@example.org>"] {
        let send = local.client.send_email().from_email_address(SENDER).content(simple("Hi"));
        assert_eq!(code(send.destination(to(address))).await, bad, "{address}");
    }
    let reply = local.good().reply_to_addresses("a@example.org\r\nBcc: eve@example.org");
    assert_eq!(code(reply).await, bad);
    let twice = "From: no-reply@example.com\r\nTo: ann@example.org\r\nSubject: a\r\nTo: e@x.org\r\n\r\n";
    assert_eq!(code(local.client.send_email().content(raw(twice))).await, bad);
    assert_eq!(local.caught(), 0);

    let html = simple("<script>alert(1)</script>");
    assert_eq!(code(local.mail(SENDER, html)).await, Ok(()), "markup is text in a subject");
}

#[tokio::test]
async fn what_ses_could_not_deliver_is_a_bad_request() {
    let local = start().await;
    let bad = Err("BadRequestException".to_owned());
    for address in ["ann@exämple.org", "ann", "a@x.org, b@x.org"] {
        let send = local.client.send_email().from_email_address(SENDER).content(simple("Hi"));
        assert_eq!(code(send.destination(to(address))).await, bad, "{address}");
    }
    let many = Destination::builder().set_to_addresses(Some(vec!["a@x.org".to_owned(); 51]));
    let send = local.client.send_email().from_email_address(SENDER).content(simple("Hi"));
    assert_eq!(code(send.destination(many.build())).await, bad);
    let nobody = local.client.send_email().from_email_address(SENDER).content(simple("Hi"));
    assert_eq!(code(nobody).await, bad);
    let nobody = local.client.send_email().destination(to("a@x.org")).content(simple("Hi"));
    assert_eq!(code(nobody).await, bad);
    assert_eq!(code(local.mail(SENDER, EmailContent::builder().build())).await, bad);
    assert_eq!(local.caught(), 0);
}

#[tokio::test]
async fn malformed_requests_are_refused_and_the_next_good_one_works() {
    let local = start().await;
    let mut nested = String::new();
    for level in 0..5_000 {
        let boundary = format!("b{level}");
        nested.extend(["Content-Type: multipart/mixed; boundary=", &boundary, "\r\n\r\n--", &boundary, "\r\n"]);
    }
    let deep = format!("From: no-reply@example.com\r\nTo: a@x.org\r\n{nested}");
    let refused = code(local.client.send_email().content(raw(&deep))).await;
    assert_eq!(refused, Err("BadRequestException".into()), "parts nested too deep");
    let long = "x".repeat(MAX_BODY + 1);
    for (method, path, body, status, kind) in [
        ("POST", "/v2/email/outbound-emails", "", 400, "BadRequestException"),
        ("POST", "/v2/email/outbound-emails", "[1", 400, "BadRequestException"),
        ("POST", "/v2/email/outbound-emails", "{}", 400, "BadRequestException"),
        ("POST", "/v2/email/outbound-emails", r#"{"Content":5}"#, 400, "BadRequestException"),
        ("POST", "/v2/email/outbound-emails", r#"{"Content":{"Raw":{"Data":"*"}}}"#, 400, "BadRequestException"),
        ("POST", "/v2/email/outbound-emails", &long, 413, "RequestEntityTooLargeException"),
        ("GET", "/v2/email/outbound-emails", "", 404, "UnknownOperationException"),
        ("POST", "/v2/email/identities", "{}", 404, "UnknownOperationException"),
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
        assert_eq!(answer.headers()["x-amzn-errortype"], kind, "{method} {path}");
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
    assert_eq!(code(local.good()).await, Err("TooManyRequestsException".into()));
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
    let retry = RetryConfig::standard().with_max_attempts(3).with_initial_backoff(std::time::Duration::ZERO);
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
    let found = local.client.get_email_identity().email_identity("example.com").send().await.unwrap();
    assert!(found.verified_for_sending_status() && found.mail_from_attributes().is_none());
    let half = local.client.get_email_identity().email_identity("half.example").send().await.unwrap();
    assert_eq!(half.mail_from_attributes().unwrap().mail_from_domain_status().as_str(), "PENDING");
    for unknown in ["no-reply@example.com", "mail.example.com", "unknown.example"] {
        let error = local.client.get_email_identity().email_identity(unknown).send().await.unwrap_err();
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
    let send = local.client.send_email().from_email_address(SENDER).content(simple("Hi"));
    assert_eq!(code(send.destination(to("ann@example.com"))).await, Ok(()));
    account.set_sandbox(false);
    account.set_paused(true);
    assert!(!told().await.sending_enabled());
    assert_eq!(code(local.good()).await, Err("SendingPausedException".to_owned()));
    account.set_paused(false);
    assert_eq!(code(local.good()).await, Ok(()));
}
