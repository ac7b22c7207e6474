//! The local run under test, and commands against it.

use std::ffi::OsString;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use aws_sdk_dynamodb::Client;
use dashtam_local::options::Options;
use dashtam_local::stack::Stack;
use migrations::{Migration, steps};
use ops::drill::cast::{Person, Tokens};
use ops::drill::client::{Connection, Reply};
use serde_json::Value;
use shared::aws::{AwsBase, client};
use shared::config::Settings;

pub const PASSWORD: &str = "M4rk3d-Horse-7-Battery";
pub const REASON: &str = "a test wants it so";

/// A running service with its files.
pub struct Local {
    stack: Stack,
    files: Files,
}

/// The data directory of a service, removed at the end, and the port that its tokens name.
pub struct Files {
    directory: PathBuf,
    port: u16,
}

impl Files {
    fn of(name: &str) -> Self {
        let directory =
            std::env::temp_dir().join(format!("dashtam-ops-{name}-{}", std::process::id()));
        drop(std::fs::remove_dir_all(&directory));
        Self { directory, port: 0 }
    }

    /// A copy, in which no service runs.
    pub fn copy(&self, name: &str) -> Self {
        let mut copy = Self::of(name);
        copy.port = self.port;
        copy_all(&self.directory, &copy.directory).expect("copied");
        copy
    }

    pub fn directory(&self) -> &Path {
        &self.directory
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.directory));
    }
}

fn copy_all(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_all(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// A command that has ended.
#[derive(Debug)]
pub struct Ran {
    pub code: u8,
    pub out: String,
    pub err: String,
}

impl Ran {
    fn new(code: u8, out: Vec<u8>, err: Vec<u8>) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        Self {
            code,
            out: text(out),
            err: text(err),
        }
    }

    /// The one document on standard output.
    #[track_caller]
    pub fn document(&self) -> Value {
        serde_json::from_str(&self.out).expect("one JSON document")
    }

    #[track_caller]
    pub fn assert(self, code: u8) -> Self {
        assert_eq!(self.code, code, "{}\n{}", self.out, self.err);
        self
    }
}

impl Local {
    /// A service whose limits and hashes do not get in a test's way.
    pub async fn start(name: &str) -> Self {
        Self::on(Files::of(name)).await
    }

    /// The same on files that are there.
    pub async fn on(files: Files) -> Self {
        Self::set(files, &[]).await
    }

    /// A service with these settings as well.
    pub async fn with(name: &str, settings: &[(&str, &str)]) -> Self {
        Self::set(Files::of(name), settings).await
    }

    async fn set(files: Files, more: &[(&str, &str)]) -> Self {
        let options = Options {
            port: files.port,
            data_dir: files.directory.clone(),
            in_memory: false,
            env_file: None,
        };
        let settings = Settings::default()
            .with("DASHTAM_ARGON2_MEMORY_KIB", "64")
            .with("DASHTAM_ARGON2_ITERATIONS", "1")
            .with("DASHTAM_RATE_LIMIT_SCALE", "1000");
        let settings = more
            .iter()
            .fold(settings, |all, (name, value)| all.with(name, *value));
        let stack = Box::pin(Stack::start(&options, &settings))
            .await
            .expect("the local run");
        Self { stack, files }
    }

    /// Stops it; what it leaves.
    pub async fn stop(mut self) -> Files {
        self.files.port = self.address().port();
        self.stack.stop().await;
        self.files
    }

    pub fn files(&self) -> &Files {
        &self.files
    }

    pub fn stack(&self) -> &Stack {
        &self.stack
    }

    pub fn address(&self) -> SocketAddr {
        self.stack.address()
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// Runs a command as the operator `olga`.
    pub async fn ops(&self, arguments: &[&str]) -> Ran {
        self.ops_with(steps::ALL, arguments).await
    }

    /// The same command of a release that has these migrations.
    pub async fn ops_with(&self, migrations: &'static [Migration], arguments: &[&str]) -> Ran {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let line = self.line(arguments);
        let code = Box::pin(ops::run(
            line,
            &Settings::default(),
            migrations,
            &mut out,
            &mut err,
        ))
        .await;
        Ran::new(code, out, err)
    }

    /// Runs a command whose output goes elsewhere.
    pub async fn ops_to(&self, arguments: &[&str], mut out: impl Write) -> Ran {
        let mut err = Vec::new();
        let code = Box::pin(ops::run(
            self.line(arguments),
            &Settings::default(),
            steps::ALL,
            &mut out,
            &mut err,
        ))
        .await;
        Ran::new(code, Vec::new(), err)
    }

    pub fn line(&self, arguments: &[&str]) -> Vec<OsString> {
        let own = [
            OsString::from("--data-dir"),
            self.files.directory.clone().into(),
            "--as".into(),
            "olga".into(),
        ];
        std::iter::once("ops")
            .chain(arguments.iter().copied())
            .map(OsString::from)
            .chain(own)
            .collect()
    }

    /// Somebody with an account and a proved address.
    pub async fn join(&self, email: &str) -> Person {
        let person = Person::new(email, PASSWORD);
        person.join(&mut self.connect()).await.expect("an account");
        person
    }

    pub async fn log_in(&self, person: &Person) -> Tokens {
        person.log_in(&mut self.connect()).await.expect("a session")
    }

    pub async fn get(&self, path: &str, tokens: &Tokens) -> Reply {
        self.connect()
            .get(path, Some(&tokens.access))
            .await
            .expect("an answer")
    }

    /// The status that a look at the own account is answered with.
    pub async fn me(&self, tokens: &Tokens) -> u16 {
        self.get("/api/v1/auth/me", tokens).await.status
    }

    pub fn connect(&self) -> Connection {
        Connection::to(self.address())
    }

    /// The settings of the service, as a process has them.
    pub fn settings(&self) -> Settings {
        let file = self.file("lambda.env");
        let pairs = file
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.split_once('='));
        pairs.fold(Settings::default(), |all, (name, value)| {
            all.with(name, value)
        })
    }

    /// The tables, as whoever runs the service may use them.
    pub fn database(&self) -> Client {
        client(&AwsBase::new(self.settings()))
    }

    /// The data directory.
    pub fn directory(&self) -> &Path {
        &self.files.directory
    }

    /// The text of a file in the data directory.
    pub fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.files.directory.join(name)).expect("a file")
    }
}

/// Runs a command in an environment.
pub async fn run(arguments: &[&str], process: &Settings) -> Ran {
    let arguments = std::iter::once("ops")
        .chain(arguments.iter().copied())
        .map(OsString::from);
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let code = Box::pin(ops::run(arguments, process, steps::ALL, &mut out, &mut err)).await;
    Ran::new(code, out, err)
}
