//! The captured mail over HTTP.

use axum::body::Body;
use axum::http::{Request, Response, StatusCode, header};
use local_aws::mailbox::{Mailbox, Message};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::*;

fn message(to: &str, subject: &str) -> Message {
    Message {
        to: vec![to.to_owned()],
        from: "Dashtam <no-reply@example.com>".into(),
        subject: subject.to_owned(),
        text: "Hello".into(),
        html: String::new(),
        received_at: "2023-11-14T22:13:20.000Z".into(),
    }
}

fn memory(messages: impl IntoIterator<Item = Message>) -> Mailbox {
    let mailbox = Mailbox::open(None).unwrap();
    for message in messages {
        mailbox.append(message).unwrap();
    }
    mailbox
}

async fn get(mailbox: &Mailbox, path: &str, known: Option<&str>) -> Response<Body> {
    let mut request = Request::get(path);
    if let Some(tag) = known {
        request = request.header(header::IF_NONE_MATCH, tag);
    }
    router(mailbox.clone())
        .oneshot(request.body(Body::empty()).unwrap())
        .await
        .unwrap()
}

async fn json_of(answer: Response<Body>) -> Value {
    let body = axum::body::to_bytes(answer.into_body(), usize::MAX)
        .await
        .unwrap();
    serde_json::from_slice(&body).unwrap()
}

#[tokio::test]
async fn the_json_has_the_documented_form() {
    let mailbox = memory([message("a@example.com", "Hi")]);
    let answer = get(&mailbox, "/_local/mail", None).await;
    assert_eq!(answer.headers()[header::CONTENT_TYPE], "application/json");
    assert_eq!(
        json_of(answer).await,
        json!({ "messages": [{
            "to": ["a@example.com"],
            "from": "Dashtam <no-reply@example.com>",
            "subject": "Hi",
            "text": "Hello",
            "html": "",
            "received_at": "2023-11-14T22:13:20.000Z",
        }] })
    );
}

#[tokio::test]
async fn a_plus_in_the_address_is_a_plus_encoded_or_not() {
    let mailbox = memory([
        message("a+b@example.com", "1"),
        message("c@example.com", "2"),
    ]);
    for query in ["to=a+b@example.com", "x=1&to=A%2Bb%40example.com"] {
        let answer = json_of(get(&mailbox, &format!("/_local/mail?{query}"), None).await).await;
        assert_eq!(answer["messages"].as_array().unwrap().len(), 1, "{query}");
        assert_eq!(answer["messages"][0]["subject"], "1", "{query}");
    }
}

#[tokio::test]
async fn odd_queries_do_no_harm() {
    let mailbox = memory([message("a@example.com", "1")]);
    for (query, status, count) in [
        ("to=", 200, 1),
        ("to=%ff%zz", 200, 0),
        ("to", 200, 1),
        ("&&=&limit=0", 200, 0),
    ] {
        let answer = get(&mailbox, &format!("/_local/mail?{query}"), None).await;
        assert_eq!(answer.status().as_u16(), status, "{query}");
        let messages = json_of(answer).await["messages"].as_array().unwrap().len();
        assert_eq!(messages, count, "{query}");
    }
    let answer = get(&mailbox, "/_local/mail?limit=-1", None).await;
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn an_unchanged_mailbox_answers_304_until_mail_comes() {
    let mailbox = memory([message("a@example.com", "1")]);
    let answer = get(&mailbox, "/_local/mail", None).await;
    let tag = answer.headers()[header::ETAG].to_str().unwrap().to_owned();
    let again = get(&mailbox, "/_local/mail", Some(&tag)).await;
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    mailbox.append(message("a@example.com", "2")).unwrap();
    assert_eq!(
        get(&mailbox, "/_local/mail", Some(&tag)).await.status(),
        StatusCode::OK
    );
}

#[tokio::test]
async fn the_page_allows_its_own_script_and_style_by_hash_and_nothing_else() {
    let answer = get(&memory([]), "/_local", None).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let policy = answer.headers()[header::CONTENT_SECURITY_POLICY]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(
        policy.starts_with("default-src 'none';") && !policy.contains("unsafe"),
        "{policy}"
    );

    let body = axum::body::to_bytes(answer.into_body(), usize::MAX)
        .await
        .unwrap();
    let html = std::str::from_utf8(&body).unwrap();
    for tag in ["style", "script"] {
        let (_, rest) = html.split_once(&format!("<{tag}>")).unwrap();
        let (source, _) = rest.split_once(&format!("</{tag}>")).unwrap();
        let hash = {
            use base64::Engine as _;
            base64::engine::general_purpose::STANDARD
                .encode(shared::ground::digest::sha256(source.as_bytes()))
        };
        assert!(
            policy.contains(&format!("{tag}-src 'sha256-{hash}'")),
            "{tag}"
        );
    }
}

#[tokio::test]
async fn only_reading_is_possible() {
    let request = Request::post("/_local/mail").body(Body::empty()).unwrap();
    let answer = router(memory([])).oneshot(request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
}
