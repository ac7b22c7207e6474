//! What is caught, and what is refused.

use super::*;

#[tokio::test]
async fn a_simple_mail_is_caught_whole() {
    let local = start().await;
    let destination = Destination::builder()
        .to_addresses("Ann <ann@example.org>")
        .cc_addresses("cc@example.org")
        .bcc_addresses("bcc@example.org")
        .build();
    let send = local
        .client
        .send_email()
        .from_email_address(SENDER)
        .destination(destination);
    let answer = send.content(simple("Grüße")).send().await.unwrap();
    assert!(!answer.message_id().unwrap().is_empty());
    let expected = Message {
        to: vec![
            "Ann <ann@example.org>".into(),
            "cc@example.org".into(),
            "bcc@example.org".into(),
        ],
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
async fn an_unverified_sender_is_refused() {
    let local = start().await;
    assert_eq!(
        code(local.mail("x@other.example", simple("Hi"))).await,
        Err("MessageRejected".into())
    );
    let error = local
        .mail("x@other.example", simple("Hi"))
        .send()
        .await
        .unwrap_err();
    assert!(error.into_service_error().is_message_rejected());
    assert_eq!(local.caught(), 0);
}

#[tokio::test]
async fn a_header_injection_is_refused_and_leaves_nothing() {
    let local = start().await;
    let bad = Err("BadRequestException".to_owned());
    assert_eq!(
        code(local.mail(SENDER, simple("Hi\r\nBcc: eve@example.org"))).await,
        bad
    );
    let sender = "A\r\nBcc: eve@example.org <no-reply@example.com>";
    assert_eq!(code(local.mail(sender, simple("Hi"))).await, bad);
    for address in [
        "ann@example.org\r\nBcc: eve@example.org",
        "A\nBcc: e@x.org <ann@example.org>",
    ] {
        let send = local
            .client
            .send_email()
            .from_email_address(SENDER)
            .content(simple("Hi"));
        assert_eq!(code(send.destination(to(address))).await, bad, "{address}");
    }
    let reply = local
        .good()
        .reply_to_addresses("a@example.org\r\nBcc: eve@example.org");
    assert_eq!(code(reply).await, bad);
    assert_eq!(local.caught(), 0);

    let html = simple("<script>alert(1)</script>");
    assert_eq!(
        code(local.mail(SENDER, html)).await,
        Ok(()),
        "markup is text in a subject"
    );
}

#[tokio::test]
async fn what_ses_could_not_deliver_is_a_bad_request() {
    let local = start().await;
    let bad = Err("BadRequestException".to_owned());
    for address in ["ann@exämple.org", "ann", "a@x.org, b@x.org"] {
        let send = local
            .client
            .send_email()
            .from_email_address(SENDER)
            .content(simple("Hi"));
        assert_eq!(code(send.destination(to(address))).await, bad, "{address}");
    }
    let many = Destination::builder().set_to_addresses(Some(vec!["a@x.org".to_owned(); 51]));
    let send = local
        .client
        .send_email()
        .from_email_address(SENDER)
        .content(simple("Hi"));
    assert_eq!(code(send.destination(many.build())).await, bad);
    let nobody = local
        .client
        .send_email()
        .from_email_address(SENDER)
        .content(simple("Hi"));
    assert_eq!(code(nobody).await, bad);
    let nobody = local
        .client
        .send_email()
        .destination(to("a@x.org"))
        .content(simple("Hi"));
    assert_eq!(code(nobody).await, bad);
    assert_eq!(
        code(local.mail(SENDER, EmailContent::builder().build())).await,
        bad
    );
    assert_eq!(local.caught(), 0);
}
