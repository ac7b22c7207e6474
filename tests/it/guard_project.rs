//! The project as files: what the guards over its lists read.

use std::collections::{BTreeMap, BTreeSet};

pub use bundle_tests::project::{entries, folders, path, read};

/// All files below a folder whose names end with `ending`, in order.
#[track_caller]
pub fn files(folder: &str, ending: &str) -> Vec<String> {
    let mut found = Vec::new();
    for name in entries(folder) {
        let name = format!("{folder}/{name}");
        if path(&name).is_dir() {
            if !name.ends_with("/target") {
                found.extend(files(&name, ending));
            }
        } else if name.ends_with(ending) {
            found.push(name);
        }
    }
    found
}

/// Every function's crate and its folder.
pub fn functions() -> BTreeMap<String, String> {
    let groups = folders("functions");
    let crates = groups.iter().flat_map(|group| {
        folders(&format!("functions/{group}"))
            .into_iter()
            .map(move |name| (group, name))
    });
    crates
        .map(|(group, name)| {
            let folder = format!("functions/{group}/{name}");
            let manifest = read(&format!("{folder}/Cargo.toml"));
            let quoted = manifest
                .lines()
                .find_map(|line| line.strip_prefix("name = "));
            (quoted.expect("a name").trim_matches('"').to_owned(), folder)
        })
        .collect()
}

/// A source file's part before its own tests, without comments.
pub fn code(text: &str) -> String {
    let before_tests = text.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = before_tests
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

/// Fails unless both sides are equal, and names what only one of them has.
#[track_caller]
pub fn assert_same<T: Ord + std::fmt::Debug>(
    (one, left): (&str, &BTreeSet<T>),
    (other, right): (&str, &BTreeSet<T>),
) {
    let only = |these: &BTreeSet<T>, those: &BTreeSet<T>| {
        let lines: Vec<_> = these
            .difference(those)
            .map(|item| format!("\n  {item:?}"))
            .collect();
        lines.concat()
    };
    let (more, less) = (only(left, right), only(right, left));
    assert!(
        more.is_empty() && less.is_empty(),
        "in {one} but not in {other}:{more}\nin {other} but not in {one}:{less}"
    );
}
