use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use axum::body::Body;
use axum::http::{Request, Response, StatusCode, header};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::*;
use crate::aws::testing::TempDir;

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

fn subjects(mailbox: &Mailbox, to: Option<&str>) -> Vec<String> {
    mailbox
        .messages(to)
        .into_iter()
        .map(|message| message.subject)
        .collect()
}

fn reopen(path: &Path) -> Mailbox {
    Mailbox::open(Some(path.to_owned())).unwrap()
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

#[test]
fn the_newest_mail_comes_first() {
    let mailbox = memory([message("a@example.com", "1"), message("b@example.com", "2")]);
    assert_eq!(subjects(&mailbox, None), ["2", "1"]);
}

#[test]
fn an_address_matches_without_case_and_display_name() {
    let mailbox = memory([
        message("Ann <Ann@Example.com>", "1"),
        message("bann@example.com", "2"),
        message("ann@example.com", "3"),
    ]);
    assert_eq!(subjects(&mailbox, Some("aNN@example.COM")), ["3", "1"]);
    assert_eq!(subjects(&mailbox, Some("ann")), [] as [&str; 0]);
}

#[test]
fn mail_outlives_the_process_and_is_the_owners_alone() {
    let directory = TempDir::new();
    let path = directory.path("mail.jsonl");
    reopen(&path).append(message("a@example.com", "1")).unwrap();
    reopen(&path).append(message("a@example.com", "2")).unwrap();
    assert_eq!(subjects(&reopen(&path), None), ["2", "1"]);
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
}

#[test]
fn a_torn_last_line_is_dropped_and_the_next_mail_is_whole() {
    let directory = TempDir::new();
    let path = directory.path("mail.jsonl");
    reopen(&path).append(message("a@example.com", "1")).unwrap();
    let whole = fs::read(&path).unwrap();
    for torn in 1..whole.len() {
        let mut content = whole.clone();
        content.extend_from_slice(&whole[..torn]);
        fs::write(&path, &content).unwrap();
        let mailbox = reopen(&path);
        assert_eq!(subjects(&mailbox, None), ["1"], "cut after {torn} bytes");
        mailbox.append(message("a@example.com", "2")).unwrap();
        assert_eq!(
            subjects(&reopen(&path), None),
            ["2", "1"],
            "cut after {torn} bytes"
        );
    }
}

#[test]
fn a_damaged_line_in_the_middle_is_a_clear_error_that_quotes_nothing() {
    let directory = TempDir::new();
    let path = directory.path("mail.jsonl");
    reopen(&path).append(message("a@example.com", "1")).unwrap();
    let line = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{line}hunter2\n{line}")).unwrap();
    let error = Mailbox::open(Some(path)).unwrap_err().to_string();
    assert!(
        error.contains("line 2") && !error.contains("hunter2"),
        "{error}"
    );
}

#[test]
fn a_file_that_cannot_be_opened_is_an_error() {
    let directory = TempDir::new();
    let missing = directory.path("missing").join("mail.jsonl");
    assert!(matches!(
        Mailbox::open(Some(missing)),
        Err(OpenError::Unreadable { .. })
    ));
}

#[test]
fn memory_holds_the_newest_messages_only() {
    let mailbox = memory((0..=MAX_MESSAGES).map(|n| message("a@example.com", &n.to_string())));
    let subjects = subjects(&mailbox, None);
    assert_eq!(subjects.len(), MAX_MESSAGES);
    assert_eq!(subjects.last().map(String::as_str), Some("1"));
}

#[test]
fn the_file_holds_no_more_than_twice_what_is_kept() {
    let directory = TempDir::new();
    let path = directory.path("mail.jsonl");
    let mailbox = reopen(&path);
    for number in 0..MAX_LINES {
        mailbox
            .append(message("a@example.com", &number.to_string()))
            .unwrap();
    }
    let lines = || fs::read_to_string(&path).unwrap().lines().count();
    assert_eq!(lines(), MAX_MESSAGES);
    mailbox.append(message("a@example.com", "last")).unwrap();
    assert_eq!(
        (lines(), subjects(&reopen(&path), None).len()),
        (MAX_MESSAGES + 1, MAX_MESSAGES)
    );
    assert_eq!(
        subjects(&reopen(&path), None).first().map(String::as_str),
        Some("last")
    );
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
}

#[test]
fn removed_mail_is_gone_from_the_file_too() {
    let directory = TempDir::new();
    let path = directory.path("mail.jsonl");
    let mailbox = reopen(&path);
    for to in ["a@example.com", "b@example.com"] {
        mailbox.append(message(to, "1")).unwrap();
    }
    assert_eq!(
        mailbox
            .remove(|message| message.to == ["a@example.com"])
            .unwrap(),
        1
    );
    mailbox.append(message("b@example.com", "2")).unwrap();
    assert!(!fs::read_to_string(&path).unwrap().contains("a@example.com"));
    assert_eq!(subjects(&reopen(&path), None), ["2", "1"]);
}

#[test]
fn no_mail_is_printed() {
    let mut mail = message("ann@example.com", "subject");
    mail.text = "hunter2".into();
    let shown = format!("{mail:?} {:?}", memory([mail.clone()]));
    assert!(
        !shown.contains("hunter2") && !shown.contains("ann@"),
        "{shown}"
    );
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
