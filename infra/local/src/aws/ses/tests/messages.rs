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
    local
        .client
        .send_email()
        .content(raw(message))
        .send()
        .await
        .unwrap();
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
    for (sender, expected) in [
        ("x@other.example", "MessageRejected"),
        ("x@half.example", "MailFromDomainNotVerifiedException"),
    ] {
        assert_eq!(
            code(local.mail(sender, simple("Hi"))).await,
            Err(expected.into()),
            "{sender}"
        );
    }
    let error = local
        .mail("x@other.example", simple("Hi"))
        .send()
        .await
        .unwrap_err();
    assert!(error.into_service_error().is_message_rejected());
    assert_eq!(local.caught(), 0);
}

#[tokio::test]
async fn a_stored_template_is_not_found() {
    let local = start().await;
    let template = Template::builder()
        .template_name("welcome")
        .template_data("{}")
        .build();
    let content = EmailContent::builder().template(template).build();
    assert_eq!(
        code(local.mail(SENDER, content)).await,
        Err("NotFoundException".into())
    );
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
    let twice =
        "From: no-reply@example.com\r\nTo: ann@example.org\r\nSubject: a\r\nTo: e@x.org\r\n\r\n";
    assert_eq!(
        code(local.client.send_email().content(raw(twice))).await,
        bad
    );
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
