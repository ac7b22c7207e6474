//! The functions as they are deployed: real binaries, each a process of its own, under a Lambda Runtime API on this machine
//! and against the local AWS side.
//!
//! What they use of their rights is not written down for `rights`: it is nothing that `it` does not use, and `rights` is
//! to judge one run of one program.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod connections;
mod life;
mod replay;
mod start;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use bundle_tests::TestApp;
use bundle_tests::project::path;
use dashtam_runtime::{Answer, Function, Process};
use serde_json::Value;

/// The folder of the binaries. They are built as `infra/emulated/check-deployment` builds them, and with the tests selected
/// too, so that what the tests are made of is used again.
static BINARIES: LazyLock<PathBuf> = LazyLock::new(|| {
    let own = std::env::current_exe().expect("a program");
    let folder = own
        .parent()
        .and_then(Path::parent)
        .expect("target/<profile>/deps")
        .to_owned();
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args([
            "build",
            "--quiet",
            "--locked",
            "--workspace",
            "--bins",
            "--tests",
        ])
        .current_dir(path(""));
    if folder.ends_with("release") {
        cargo.arg("--release");
    }
    // What cargo says of this package to this program is no reason to build anything anew.
    for (name, _) in std::env::vars()
        .filter(|(name, _)| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_"))
    {
        cargo.env_remove(name);
    }
    assert!(
        cargo.status().expect("cargo").success(),
        "the functions cannot be built"
    );
    folder
});

/// A function with the settings of its service, as its own role.
fn function(app: &TestApp, name: &str) -> Function {
    let settings = app.settings();
    let own = settings
        .beginning_with("DASHTAM_")
        .chain(settings.beginning_with("AWS_ENDPOINT_URL"));
    program(name).with_all(own)
}

/// A function without any settings.
fn program(name: &str) -> Function {
    Function::new(name, &BINARIES.join(name))
}

async fn start(app: &TestApp, name: &str) -> Process {
    function(app, name)
        .start()
        .await
        .unwrap_or_else(|failure| panic!("{failure}"))
}

/// What the process answers to an event.
async fn invoke(process: &mut Process, event: &str) -> Answer {
    process
        .invoke(event.to_owned())
        .await
        .unwrap_or_else(|failure| panic!("{failure}"))
        .answer
}

/// The response to an event that is none to be refused.
async fn respond(process: &mut Process, event: &str) -> Value {
    match invoke(process, event).await {
        Answer::Response(body) => serde_json::from_slice(&body).expect("JSON"),
        Answer::Error(error) => panic!("{}", String::from_utf8_lossy(&error)),
    }
}
