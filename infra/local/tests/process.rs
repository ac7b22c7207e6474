//! The program as a user meets it: how it starts, what it says when it does not, and what survives `kill -9`.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a harness fails its test by panicking"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

const PROGRAM: &str = env!("CARGO_BIN_EXE_dashtam-local");

/// A directory of one test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("dashtam-process-{name}-{}", std::process::id()));
        drop(std::fs::remove_dir_all(&path));
        std::fs::create_dir_all(&path).expect("a directory");
        Self(path)
    }

    fn data(&self) -> PathBuf {
        self.0.join("data")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// A running service, killed at the end.
struct Service {
    child: Child,
    address: String,
}

impl Service {
    fn start(data: &Path) -> Self {
        let mut child = command(data)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe"))
            .read_line(&mut line)
            .expect("a line");
        let address = line
            .split("http://")
            .nth(1)
            .and_then(|rest| rest.split_whitespace().next());
        Self {
            address: address.unwrap_or_else(|| panic!("{line}")).to_owned(),
            child,
        }
    }

    fn request(&self, method: &str, path: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).expect("a connection");
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n",
            self.address
        );
        stream
            .write_all(head.as_bytes())
            .and_then(|()| stream.write_all(body.as_bytes()))
            .expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn command(data: &Path) -> Command {
    let mut command = Command::new(PROGRAM);
    command
        .args(["--port", "0", "--data-dir"])
        .arg(data)
        .env("DASHTAM_ARGON2_MEMORY_KIB", "64")
        .stdin(Stdio::null());
    command
}

fn assert_refused(output: &Output, words: &[&str]) {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert_eq!(said.trim_end().lines().count(), 1, "{said}");
    for word in words {
        assert!(said.contains(word), "{word} in {said}");
    }
}

#[test]
fn an_account_survives_kill_9() {
    let scratch = Scratch::new("kill");
    let credentials =
        r#"{"email":"ada@example.com","password":"Correct-Horse-7-Battery","name":"Ada"}"#;
    let first = Service::start(&scratch.data());
    assert!(
        first
            .request("POST", "/api/v1/auth/register", credentials)
            .starts_with("HTTP/1.1 201")
    );
    drop(first); // `Child::kill` is SIGKILL.
    let second = Service::start(&scratch.data());
    let login = r#"{"email":"ada@example.com","password":"Correct-Horse-7-Battery"}"#;
    let answer = second.request("POST", "/api/v1/auth/login", login);
    assert!(answer.contains("email_not_verified"), "{answer}");
}

#[test]
fn a_taken_port_is_one_line_and_a_failure() {
    let scratch = Scratch::new("port");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port().to_string();
    let output = Command::new(PROGRAM)
        .args(["--in-memory", "--port", &port])
        .output()
        .expect("ran");
    assert_refused(&output, &["port", &port, "choose another one with --port"]);
    assert!(!scratch.data().exists());
}

#[test]
fn wrong_settings_are_all_listed() {
    let scratch = Scratch::new("settings");
    let output = command(&scratch.data())
        .env("DASHTAM_LOCKOUT_THRESHOLD", "0")
        .env("DASHTAM_STAGE", "moon")
        .output()
        .expect("ran");
    assert_refused(&output, &["DASHTAM_LOCKOUT_THRESHOLD", "DASHTAM_STAGE"]);
    assert!(!scratch.data().exists(), "nothing was made");
}

#[test]
fn a_data_directory_that_cannot_be_used_is_one_line_and_a_failure() {
    let scratch = Scratch::new("directory");
    let file = scratch.0.join("file");
    std::fs::write(&file, "x").expect("written");
    assert_refused(&command(&file).output().expect("ran"), &["file"]);
}

#[test]
fn a_second_process_on_the_same_data_is_refused() {
    let scratch = Scratch::new("lock");
    let _first = Service::start(&scratch.data());
    assert_refused(&command(&scratch.data()).output().expect("ran"), &["data"]);
}
