//! Files that only their owner may read, and that a crash leaves whole.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Replaces a file by one with mode 0600 and these contents. A reader, and a start after a crash, sees the old
/// file or the new one whole. When this returns, the new one survives a loss of power.
///
/// # Errors
/// The system's.
pub fn replace_file(path: &Path, contents: &[u8]) -> io::Result<()> {
    let beside = path.with_added_extension("new");
    // What a crash left behind may have another mode.
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&beside)?;
    file.write_all(contents)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    // The rename is durable once the directory is.
    match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => File::open(directory)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}

/// Appends a line to a file with mode 0600.
///
/// # Errors
/// The system's.
pub fn append_line(path: &Path, line: &str) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(format!("{line}\n").as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::testing::TempDir;

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn replaced_files_are_private_and_whole() {
        let scratch = TempDir::new();
        let path = scratch.path("x");
        std::fs::write(&path, "a longer text than the next").unwrap();
        replace_file(&path, b"new").unwrap();
        assert_eq!(
            (
                std::fs::read_to_string(&path).unwrap().as_str(),
                mode(&path)
            ),
            ("new", 0o600)
        );
        append_line(&scratch.path("y"), "one").unwrap();
        append_line(&scratch.path("y"), "two").unwrap();
        assert_eq!(
            std::fs::read_to_string(scratch.path("y")).unwrap(),
            "one\ntwo\n"
        );
    }
}
