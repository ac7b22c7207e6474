//! What the measured functions work on: the local AWS side behind TLS, an account, and the events of `events/`.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bundle_tests::project::path;
use bundle_tests::stage::Stage;
use bundle_tests::{TestApp, text};
use dashtam_runtime::Function;
use dashtam_runtime::wires::{Certificate, Wires};
use serde_json::Value;

use super::build::Built;
use crate::Failure;

/// Everything is by default, but nobody is refused for coming often or late. The tests' own hashes are cheaper.
const SETTINGS: [(&str, &str); 4] = [
    ("RATE_LIMIT_SCALE", "1000"),
    ("ARGON2_MEMORY_KIB", "19456"),
    ("ARGON2_ITERATIONS", "2"),
    ("ACCESS_TOKEN_TTL_SECONDS", "3600"),
];
/// Where distributions keep the certificates that they trust.
const TRUSTED: [&str; 3] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
];
/// What a success leaves as it was, so that the next event is the same work. Of the others the refusal is measured; refresh
/// takes each time what it handed out before.
const REPEATED: [&str; 7] = [
    "auth-login",
    "auth-reauthenticate",
    "auth-refresh",
    "auth-update-me",
    "auth-resend-verification",
    "auth-request-password-reset",
    "admin-unlock-user",
];

/// Their good messages are done once.
const CONSUMERS: [&str; 5] = [
    "outbox-mailer",
    "outbox-sweeper",
    "keys-rotate-signing",
    "keys-rotate-data",
    "audit-sealer",
];

/// The scene.
pub struct Scene {
    stage: Stage,
    wires: Wires,
    trusted: PathBuf,
    /// Since when the proofs of the passwords are as old as they are.
    proved: Instant,
}

impl Scene {
    /// Sets it.
    pub async fn set() -> Result<Self, Failure> {
        let stage = Stage::set_in(TestApp::beside_processes(&SETTINGS).await).await;
        let services = stage.app.settings().beginning_with("AWS_ENDPOINT_URL_");
        let services = services
            .map(|(name, url)| (name.to_owned(), url.to_owned()))
            .collect();
        let certificate = Certificate::new()?;
        let wires = Wires::before(services, Some(&certificate)).await?;
        let trusted = std::env::temp_dir().join(format!("trusted-{}.pem", std::process::id()));
        std::fs::write(&trusted, with_those_of_the_system(&certificate))?;
        Ok(Self {
            stage,
            wires,
            trusted,
            proved: Instant::now(),
        })
    }

    /// A function of this scene. The floor calls as a function that may read what it reads.
    pub fn function(&self, built: &Built) -> Function {
        let role = if built.is_floor {
            "auth-me"
        } else {
            &built.name
        };
        let mut function = Function::new(role, &built.program)
            .with_all(self.stage.app.settings().beginning_with("DASHTAM_"));
        for (name, place) in [
            ("FLOOR_USER", "{{user_id}}"),
            ("FLOOR_SESSION", "{{session_id}}"),
        ] {
            let value = self
                .stage
                .values
                .iter()
                .find(|(other, _)| built.is_floor && *other == place);
            function = function.with(name, value.map_or("", |(_, value)| value));
        }
        function
            .with_all(self.wires.variables())
            .with("SSL_CERT_FILE", &self.trusted.to_string_lossy())
    }

    /// What the event that is measured is called: `success` or `refusal`.
    pub fn kind(built: &Built) -> &'static str {
        if built.is_floor || only_reads(folder(built)) || REPEATED.contains(&built.name.as_str()) {
            "success"
        } else if is_behind_the_api(folder(built)) || CONSUMERS.contains(&built.name.as_str()) {
            "refusal"
        } else {
            "success"
        }
    }

    /// The event that is measured.
    pub fn event(&self, built: &Built) -> String {
        let folder = folder(built);
        // The deployed gateway sends payload 1.0.
        let version = if is_behind_the_api(folder) { ".v1" } else { "" };
        self.stage
            .event(folder, &format!("{}{version}", Self::kind(built)))
    }

    /// Takes over what an answer hands out for the next event, and forgets wrong passwords, which would lock the account.
    pub async fn learn(&mut self, built: &Built, answer: &[u8]) -> Result<(), Failure> {
        if built.hashes {
            self.stage.app.db_remove("limits", "LOCK#").await;
        }
        if built.name != "auth-refresh" {
            return Ok(());
        }
        let answer: Value = serde_json::from_slice(answer)?;
        let body: Value = serde_json::from_str(
            answer
                .get("body")
                .and_then(Value::as_str)
                .unwrap_or_default(),
        )?;
        let token = body
            .get("refresh_token")
            .and_then(Value::as_str)
            .ok_or("a refresh without a token")?;
        let places = self
            .stage
            .values
            .iter_mut()
            .filter(|(place, _)| *place == "{{refresh_token}}");
        places.for_each(|(_, value)| token.clone_into(value));
        Ok(())
    }

    /// Makes the proofs of the passwords as recent as they were at first: a measurement takes longer than they count.
    pub async fn renew_proofs(&mut self) {
        let passed = std::mem::replace(&mut self.proved, Instant::now()).elapsed();
        self.stage
            .app
            .db_age_proofs(-i64::try_from(passed.as_secs()).unwrap_or_default())
            .await;
    }

    /// Removes the sessions that a process of login has begun: more of them would end the one that all others work with, and a
    /// list of them would grow from round to round.
    pub async fn tidy(&self, built: &Built) {
        if built.name != "auth-login" {
            return;
        }
        let kept = self
            .stage
            .values
            .iter()
            .filter(|(place, _)| ["{{session_id}}", "{{other_session_id}}"].contains(place));
        let kept: Vec<_> = kept.map(|(_, id)| format!("SESSION#{id}")).collect();
        let user = self
            .stage
            .values
            .iter()
            .find(|(place, _)| *place == "{{user_id}}")
            .map_or("", |(_, id)| id);
        let is_new =
            |item: &_| text(item, "sk").is_some_and(|sk| !kept.iter().any(|kept| kept == sk));
        self.stage
            .app
            .db_remove_where("tokens", &format!("USER#{user}"), is_new)
            .await;
    }

    /// Fails unless an answer is what the event's folder says.
    pub fn check(built: &Built, answer: &[u8]) -> Result<(), Failure> {
        if built.is_floor || !is_behind_the_api(folder(built)) {
            return Ok(());
        }
        let answer: Value = serde_json::from_slice(answer)?;
        let expected =
            std::fs::read_to_string(path(&format!("events/{}/expected.json", folder(built))))?;
        let expected: Value = serde_json::from_str(&expected)?;
        let wanted = expected.get(Self::kind(built));
        if answer.get("statusCode") == wanted {
            Ok(())
        } else {
            Err(format!("{}: {answer}", built.name).into())
        }
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _left_behind = std::fs::remove_file(&self.trusted);
    }
}

/// The folder of the events that are measured. Of the endpoints of one function health is the least.
fn folder(built: &Built) -> &str {
    match built.name.as_str() {
        _ if built.is_floor => "auth-me",
        "service-static" => "service-health",
        name => name,
    }
}

fn is_behind_the_api(folder: &str) -> bool {
    path(&format!("events/{folder}/expected.json")).exists()
}

fn only_reads(folder: &str) -> bool {
    let route = shared::routes::ALL
        .iter()
        .find(|route| route.function == folder);
    folder == "service-fallback" || route.is_some_and(|route| route.method == http::Method::GET)
}

/// A start reads as many certificates as it will where it is deployed, and one more.
fn with_those_of_the_system(certificate: &Certificate) -> String {
    let mut all = TRUSTED
        .iter()
        .find_map(|file| std::fs::read_to_string(file).ok())
        .unwrap_or_default();
    let text = STANDARD.encode(certificate.der());
    all.push_str("\n-----BEGIN CERTIFICATE-----\n");
    for line in text.as_bytes().chunks(64) {
        // Writing to a string cannot fail.
        let _ = writeln!(all, "{}", String::from_utf8_lossy(line));
    }
    all.push_str("-----END CERTIFICATE-----\n");
    all
}
