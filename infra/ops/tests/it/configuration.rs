//! `ops config check`: wrong settings are told before anything starts with them.

use std::path::PathBuf;
use std::sync::LazyLock;

use serde_json::Value;
use shared::config::{Relation, Settings};
use shared::runtime::environment::Environment;

use crate::local::{Ran, run};

/// Random by its form.
static SECRET: LazyLock<String> = LazyLock::new(|| {
    format!(
        "M4rk3d-{}",
        &shared::ground::digest::fingerprint(b"the edge")[7..]
    )
});

/// A file of settings that is removed behind the test.
struct File(PathBuf);

impl File {
    fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!(
            "dashtam-ops-config-{name}-{}.env",
            std::process::id()
        ));
        std::fs::write(&path, text).expect("written");
        Self(path)
    }

    async fn check(&self, more: &[&str]) -> Ran {
        let file = self.0.to_string_lossy();
        run(
            &[&["config", "check", "--env-file", &file], more].concat(),
            &Settings::default(),
        )
        .await
    }
}

impl Drop for File {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.0));
    }
}

fn setting<'a>(document: &'a Value, name: &str) -> &'a Value {
    let all = document["settings"].as_array().expect("settings");
    all.iter()
        .find(|setting| setting["name"] == name)
        .expect("the setting")
}

#[tokio::test]
async fn all_faults_are_told_at_once_with_exit_code_2() {
    let file = File::new(
        "faults",
        "DASHTAM_STAGE=moon\nDASHTAM_LOCKOUT_TRESHOLD=5\nDASHTAM_SESSION_CAP=0\nDASHTAM_LOG=\n# DASHTAM_COMMENT=x\n",
    );
    let ran = file.check(&[]).await.assert(2);
    for told in [
        "3 faults",
        "DASHTAM_STAGE must be one of",
        "DASHTAM_LOCKOUT_TRESHOLD is no setting; DASHTAM_LOCKOUT_THRESHOLD is one",
        "DASHTAM_SESSION_CAP must be a whole number, 1 to 1000",
    ] {
        assert!(ran.out.contains(told), "{told}: {}", ran.out);
    }
    let document = file.check(&["--json"]).await.assert(2).document();
    assert_eq!(
        (&document["ok"], document["faults"].as_array().map(Vec::len)),
        (&false.into(), Some(3))
    );
}

#[tokio::test]
async fn settings_that_contradict_each_other_are_told_as_a_start_tells_them() {
    for relation in Relation::ALL
        .iter()
        .filter(|relation| relation.is_refused())
    {
        let settings = relation
            .contradiction
            .iter()
            .map(|(name, value)| (format!("DASHTAM_{name}"), *value));
        let settings: Vec<_> = settings.collect();
        let process = settings
            .iter()
            .fold(Settings::default(), |all, (name, value)| {
                all.with(name, *value)
            });
        let refused = Environment::new(&process)
            .err()
            .expect("a contradiction")
            .to_string();
        let lines: Vec<_> = settings
            .iter()
            .map(|(name, value)| format!("{name}={value}\n"))
            .collect();
        let lines = lines.concat();
        let file = File::new(&format!("{}-{}", relation.first, relation.second), &lines);
        let document = file.check(&["--json"]).await.assert(2).document();
        assert_eq!(
            document["faults"],
            serde_json::json!([refused]),
            "{relation:?}"
        );
    }
}

#[tokio::test]
async fn what_is_in_force_and_what_differs_is_shown_and_secrets_are_not() {
    let file = File::new(
        "values",
        &format!(
            "DASHTAM_SESSION_CAP=7\nDASHTAM_TRUSTED_EDGE=cloudfront\nDASHTAM_TRUSTED_EDGE_SECRETS={}\n",
            *SECRET
        ),
    );
    let ran = file.check(&[]).await.assert(0);
    assert!(
        ran.out.contains("No faults. 3 of ") && !ran.out.contains(SECRET.as_str()),
        "{}",
        ran.out
    );
    let ran = file.check(&["--json"]).await.assert(0);
    assert!(!ran.out.contains(SECRET.as_str()), "{}", ran.out);
    let document = ran.document();
    let cap = setting(&document, "DASHTAM_SESSION_CAP");
    assert_eq!(
        (&cap["value"], &cap["default"], &cap["is_default"]),
        (&"7".into(), &"50".into(), &false.into())
    );
    assert_eq!(
        setting(&document, "DASHTAM_TRUSTED_EDGE_SECRETS")["value"],
        "(hidden)"
    );
    let stage = setting(&document, "DASHTAM_STAGE");
    assert_eq!(
        (&stage["value"], &stage["is_default"]),
        (&"local".into(), &true.into())
    );
}

#[tokio::test]
async fn what_only_shows_when_the_parts_are_built_is_told_too() {
    let file = File::new("parts", "DASHTAM_GEOIP_FILE=/nonexistent/city.mmdb\n");
    let ran = file.check(&[]).await.assert(2);
    assert!(
        ran.out.contains("DASHTAM_GEOIP_FILE cannot be used"),
        "{}",
        ran.out
    );
}

#[tokio::test]
async fn a_database_of_places_that_is_old_is_warned_of_as_at_a_start() {
    let database = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../shared/tests/data/documentation-ranges.mmdb"
    );
    let mut bytes = std::fs::read(database).expect("a database");
    // The time of its making follows its name and two bytes of type and size.
    let name = b"build_epoch";
    let at = bytes
        .windows(name.len())
        .rposition(|window| window == name)
        .expect("a time")
        + name.len()
        + 2;
    *bytes.get_mut(at).expect("its first byte") = 1;
    let old = File::new("old-database", "");
    std::fs::write(&old.0, bytes).expect("written");
    let file = File::new("old", &format!("DASHTAM_GEOIP_FILE={}\n", old.0.display()));
    let ran = file.check(&[]).await.assert(0);
    let warning = "DASHTAM_GEOIP_FILE is more than a year old";
    assert!(
        ran.out.contains(&format!("Warning: {warning}")),
        "{}",
        ran.out
    );
    let document = file.check(&["--json"]).await.assert(0).document();
    assert!(
        document["warnings"][0]
            .as_str()
            .is_some_and(|text| text.starts_with(warning)),
        "{document}"
    );
}

#[tokio::test]
async fn a_deployment_is_checked_without_credentials_and_must_name_its_tables() {
    let process = Settings::default()
        .with("DASHTAM_STAGE", "prod")
        .with("DASHTAM_RATE_LIMIT_SCALE", "10");
    let ran = run(&["config", "check", "--aws"], &process).await.assert(2);
    for told in [
        "DASHTAM_TABLE_PREFIX is missing",
        "DASHTAM_ISSUER is missing",
        "DASHTAM_APP_BASE_URL must be given",
        "DASHTAM_RATE_LIMIT_SCALE must not",
    ] {
        assert!(ran.out.contains(told), "{told}: {}", ran.out);
    }
    let url = "https://a.example";
    let names = [
        ("STAGE", "prod"),
        ("TABLE_PREFIX", "a-"),
        ("SECRET_PREFIX", "a/"),
    ];
    let whole = names
        .into_iter()
        .chain([("ISSUER", url), ("APP_BASE_URL", url)]);
    let process = whole.fold(Settings::default(), |all, (name, value)| {
        all.with(&format!("DASHTAM_{name}"), value)
    });
    run(&["config", "check", "--aws"], &process).await.assert(0);
}

#[tokio::test]
async fn a_file_that_is_none_is_told_as_such() {
    let file = File::new("lines", "DASHTAM_STAGE=local\nnonsense\n");
    let ran = file.check(&[]).await.assert(2);
    assert!(ran.err.contains("Line 2"), "{ran:?}");
}
