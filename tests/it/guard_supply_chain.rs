//! What is checked before a change goes in, and what a deployer starts from: the scripts call the tools that the pages
//! promise, the rules over the template name their requirements, and `.env.example` lists the settings.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::process::Command;

use dashtam_local::cloudformation;
use shared::config::{Config, PREFIX};

use crate::guard_api::MAX_STACK_NAME;
use crate::guard_project::{files, path, read};

const EXAMPLE: &str = ".env.example";

#[test]
fn the_template_is_checked_by_every_tool_that_is_named() {
    // SC-04, SC-05
    let script = read("infra/lint/check-template");
    for step in [
        "validate --lint",
        "cfn-lint",
        "check_findings.py",
        "check_policies.py",
        "prove_rules.py",
    ] {
        assert!(script.contains(step), "check-template lacks {step}");
    }
    assert!(read(".ci/run").contains("\ninfra/lint/check-template\n"));
    for line in read("infra/lint/waivers.txt")
        .lines()
        .filter(|line| line.starts_with("CKV"))
    {
        let reason = line.split('|').nth(2).unwrap_or_default();
        assert!(
            reason.trim().len() > 20,
            "a waiver without a reason: {line}"
        );
    }
}

#[test]
fn every_requirement_on_the_template_has_a_rule() {
    let rules: String = files("infra/guard", ".guard")
        .iter()
        .map(|file| read(file))
        .collect();
    for requirement in [
        "SC-01", "SC-03", "SC-06", "SC-07", "SC-21", "SC-22", "HT-13", "RV-18", "AU-11",
    ] {
        assert!(rules.contains(requirement), "no rule names {requirement}");
    }
    let proofs = read("infra/lint/prove_rules.py");
    for rule in rules
        .lines()
        .filter_map(|line| line.strip_prefix("rule ")?.split(' ').next())
    {
        assert!(
            proofs.contains(&format!("\"{rule}\":")),
            "nothing shows that {rule} can fail"
        );
    }
}

#[test]
fn secrets_are_looked_for_in_tree_and_history() {
    // SC-13
    assert!(read(".ci/run").contains("\ninfra/lint/check-secrets tree history\n"));
    assert!(read(".githooks/pre-commit").contains("check-secrets\" staged"));
    assert!(path(".secrets.baseline").exists());
}

#[test]
fn nothing_is_built_with_other_dependencies_than_the_lock_file_names() {
    // SC-11
    assert!(path("Cargo.lock").exists());
    let script = read(".ci/run");
    let builds = ["cargo clippy ", "cargo test ", "cargo doc ", "cargo deny "];
    for line in script
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with('#'))
    {
        let builds =
            builds.iter().any(|command| line.contains(command)) && !line.contains("--version");
        assert!(!builds || line.contains("--locked"), "not locked: {line}");
    }
}

#[test]
fn one_build_serves_the_tests_the_local_run_and_the_documentation() {
    let with_features = |edges: &str| -> BTreeSet<String> {
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
        let mut command = Command::new(cargo);
        command.args([
            "tree",
            "--workspace",
            "--locked",
            "--offline",
            "--prefix",
            "none",
            "--format",
            "{p} {f}",
        ]);
        let ran = command
            .args(["--edges", edges])
            .current_dir(path(""))
            .output()
            .expect("cargo");
        assert!(
            ran.status.success(),
            "{}",
            String::from_utf8_lossy(&ran.stderr)
        );
        let lines = String::from_utf8(ran.stdout).expect("UTF-8");
        lines
            .lines()
            .map(|line| line.trim_end_matches(" (*)").to_owned())
            .collect()
    };
    let (run, tested) = (
        with_features("normal,build"),
        with_features("normal,build,dev"),
    );
    let anew: Vec<_> = run.difference(&tested).collect();
    assert!(
        run.len() > 100 && anew.is_empty(),
        "built a second time, without what a dev-dependency switches on; tests/Cargo.toml says how to mend that: {anew:?}"
    );
}

#[test]
fn functions_are_built_for_deployment_with_nothing_of_the_machine_and_a_bill_of_materials() {
    // SC-12, SC-14, SC-15: what the script does can be seen where it is run; this keeps it from being taken out.
    let script = read("infra/release/build-functions");
    for part in [
        "--release --locked",
        "--remap-path-prefix=$root=",
        "cargo auditable",
        "--sbom",
        "--private",
    ] {
        assert!(script.contains(part), "build-functions lacks {part}");
    }
    let versions = read("infra/release/requirements.txt");
    let named = versions.lines().filter(|line| !line.starts_with('#'));
    assert!(
        named.clone().count() > 1 && named.clone().all(|line| line.contains("==")),
        "{versions}"
    );
    assert!(
        read("infra/emulated/check-deployment").contains("release/pack.py"),
        "CI packs by other means"
    );
}

#[test]
fn every_stage_is_deployed_under_a_name_and_with_parameters_that_the_template_takes() {
    let template = cloudformation::parse(&read("template.yaml")).expect("a template");
    let settings = read("samconfig.toml");
    let mut stages = BTreeSet::new();
    for line in settings
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with('#'))
    {
        if let Some(name) = line.strip_prefix("stack_name = ") {
            // It begins the names of functions and of a bucket, each of which has a longest one.
            let name = name.trim_matches('"');
            let fits = name
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
            assert!(
                fits && name.len() <= MAX_STACK_NAME,
                "{name} cannot begin the names of functions and a bucket"
            );
            stages.insert(name.to_owned());
        }
        if let Some((name, _)) = line.strip_prefix('"').and_then(|line| line.split_once('=')) {
            assert!(
                template["Parameters"][name].is_object(),
                "the template has no parameter {name}"
            );
        }
    }
    assert_eq!(
        stages.len(),
        3,
        "two stages under one name would share tables and keys: {stages:?}"
    );
}

#[test]
fn the_example_of_an_environment_names_every_setting_and_no_value() {
    let mut expected = String::from(
        "# Every setting, without a value: what is empty has its default. docs/configuration.md says what each one takes.\n\
         # `cargo run` reads values from `.env` beside it, which git does not take. A test writes this file: `UPDATE_DOCS=1 cargo test -p bundle-tests\n\
         # guard_supply_chain`.\n",
    );
    for variable in Config::variables() {
        assert!(variable.name.starts_with(PREFIX));
        let _ = writeln!(expected, "{}=", variable.name);
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path(EXAMPLE), &expected).expect("the file is written");
    }
    let written = std::fs::read_to_string(path(EXAMPLE)).unwrap_or_default();
    assert!(
        written == expected,
        "{EXAMPLE} is outdated; write it anew as its first lines say"
    );
}
