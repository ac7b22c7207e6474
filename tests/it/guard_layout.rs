//! How the code is laid out: who may know whom, and how long a file may become.

use crate::guard_project::{code, files, functions, read};

/// The longest file, in lines of code before its tests.
const LONGEST_FILE: usize = 300;
/// The longest `main.rs` of a function.
const LONGEST_MAIN: usize = 10;

/// Source files that are deployed or run, without those that only tests use.
fn sources() -> Vec<String> {
    let all: Vec<_> = ["shared", "verify", "functions", "infra"]
        .into_iter()
        .flat_map(|folder| files(folder, ".rs"))
        .collect();
    let only_tested: Vec<_> = all
        .iter()
        .flat_map(|name| test_modules(name, &read(name)))
        .collect();
    let runs = |name: &String| {
        !name.ends_with("tests.rs") && !name.contains("/tests/") && !name.contains("/benches/")
    };
    all.into_iter()
        .filter(|name| runs(name) && !only_tested.contains(name))
        .collect()
}

/// The files of the modules that a file declares for its tests alone.
fn test_modules(name: &str, text: &str) -> Vec<String> {
    let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
    let declared = text.split("#[cfg(test)]").skip(1).filter_map(|rest| {
        let line = rest.trim_start().lines().next()?;
        line.strip_suffix(';')?
            .rsplit_once("mod ")
            .map(|(_, module)| module)
    });
    declared
        .map(|module| format!("{folder}/{module}.rs"))
        .collect()
}

#[test]
fn no_function_talks_to_aws_itself() {
    for (name, folder) in functions() {
        let manifest = read(&format!("{folder}/Cargo.toml"));
        for dependency in manifest.lines().map(str::trim) {
            let is_aws = ["aws-", "aws_", "serde_dynamo"]
                .iter()
                .any(|prefix| dependency.trim_start_matches('"').starts_with(prefix));
            assert!(!is_aws, "{name} depends on {dependency}");
        }
    }
}

#[test]
fn no_file_is_too_long_to_read() {
    let length = |name: &str| {
        read(name)
            .lines()
            .take_while(|line| line.trim() != "#[cfg(test)]")
            .filter(|line| !line.trim().is_empty() && !line.trim().starts_with("//"))
            .count()
    };
    // The tests of a tool are read like the tool.
    let of_tools = files("infra", ".rs");
    let long: Vec<_> = sources()
        .into_iter()
        .chain(of_tools)
        .map(|name| (length(&name), name))
        .filter(|(lines, _)| *lines > LONGEST_FILE)
        .collect();
    assert!(
        long.is_empty(),
        "more than {LONGEST_FILE} lines before the tests: {long:?}"
    );
}

#[test]
fn who_loses_a_race_pauses_before_the_next_try() {
    // Without the attempt's number there is no pause, and those who have met once meet again.
    let hurried: Vec<_> = sources()
        .into_iter()
        .filter(|name| {
            let text = read(name);
            text.contains("for _ in 0..TRIES") || text.contains("for _ in 0..RACE_TRIES")
        })
        .collect();
    assert!(hurried.is_empty(), "{hurried:?}");
}

#[test]
fn a_main_only_starts_its_function() {
    for (name, folder) in functions() {
        let lines = read(&format!("{folder}/src/main.rs")).lines().count();
        assert!(
            lines <= LONGEST_MAIN,
            "the main.rs of {name} has {lines} lines"
        );
    }
}

/// A program of no tests is linked for each target that does not say `test = false`; one that says so must have none.
#[test]
fn functions_and_test_helpers_link_no_test_programs_and_hide_no_tests() {
    let folders = functions().into_values().chain(["tests".to_owned()]);
    for folder in folders {
        let manifest = read(&format!("{folder}/Cargo.toml"));
        for target in ["[lib]\n", "[[bin]]\n"] {
            let lines = manifest.split(target).nth(1);
            let is_off = lines.is_none_or(|lines| {
                lines
                    .split("\n\n")
                    .next()
                    .is_some_and(|lines| lines.contains("test = false"))
            });
            assert!(
                is_off,
                "{folder}/Cargo.toml: {target} has no `test = false`"
            );
        }
        for file in files(&format!("{folder}/src"), ".rs") {
            assert!(
                !read(&file).contains("[test]"),
                "{file}: a test that never runs"
            );
        }
    }
}

/// Clippy finds what unwraps and what is left to do; this sees to it that it looks everywhere.
#[test]
fn every_crate_takes_the_lints_of_the_workspace() {
    let manifests = ["shared", "verify", "tests", "infra", "functions"];
    let manifests: Vec<_> = manifests
        .iter()
        .flat_map(|folder| files(folder, "Cargo.toml"))
        .collect();
    assert!(manifests.len() > 40, "the crates were not found");
    for manifest in manifests {
        assert!(
            read(&manifest).contains("[lints]\nworkspace = true"),
            "{manifest} takes no lints"
        );
    }
    let workspace = read("Cargo.toml");
    for lint in ["expect_used", "panic", "indexing_slicing"] {
        assert!(
            workspace.contains(&format!("\n{lint} = \"warn\"")),
            "{lint} is off"
        );
    }
    for lint in ["unwrap_used", "dbg_macro", "todo", "unimplemented"] {
        assert!(
            workspace.contains(&format!("\n{lint} = \"warn\"")),
            "{lint} is off"
        );
        for source in sources() {
            assert!(
                !code(&read(&source)).contains(&format!("clippy::{lint}")),
                "{source} switches {lint} off"
            );
        }
    }
}
