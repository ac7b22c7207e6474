//! The project as files.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A file or folder of the project, named from its root.
#[must_use]
pub fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)
}

/// The text of a file.
#[track_caller]
#[must_use]
pub fn read(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("{name} cannot be read: {error}"))
}

/// The names in a folder, in order.
#[track_caller]
#[must_use]
pub fn entries(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(path(folder))
        .unwrap_or_else(|error| panic!("{folder} cannot be read: {error}"));
    let names = entries.map(|entry| {
        entry
            .expect("an entry")
            .file_name()
            .to_string_lossy()
            .into_owned()
    });
    names.collect::<BTreeSet<_>>().into_iter().collect()
}

/// The folders in a folder, in order.
#[track_caller]
#[must_use]
pub fn folders(folder: &str) -> Vec<String> {
    let mut names = entries(folder);
    names.retain(|name| path(&format!("{folder}/{name}")).is_dir());
    names
}
