use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::*;
use crate::testing::TempDir;

fn message(to: &str, subject: &str) -> Message {
    Message {
        to: vec![to.to_owned()],
        from: "Service <no-reply@example.com>".into(),
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
