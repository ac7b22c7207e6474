//! The directory that holds the state between runs.
//!
//! It holds password hashes, signing keys and mail with live links, so only its owner may enter it (mode 0700),
//! and one process at a time: two would each believe that they alone deliver the outbox. The lock is the
//! operating system's, on an open file, so a killed process leaves none behind.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use thiserror::Error;

const LOCK: &str = "lock";

/// Why a directory cannot be used.
#[derive(Debug, Error)]
pub enum DataDirectoryError {
    /// It cannot be made, read or written; the system's reason.
    #[error("the data directory {0} cannot be used: {1}")]
    Unusable(PathBuf, io::Error),
    /// Another process runs on it.
    #[error(
        "the data directory {0} is in use by another process; name another one with --data-dir, or use --in-memory"
    )]
    InUse(PathBuf),
    /// It is somebody else's: it holds other files and others may read it.
    #[error(
        "the data directory {0} holds other files and is open to other users; choose an empty or a new directory"
    )]
    Foreign(PathBuf),
}

/// A directory that is ours as long as this value lives.
#[derive(Debug)]
pub struct DataDirectory {
    path: PathBuf,
    _lock: File,
}

impl DataDirectory {
    /// Opens the directory, making it and its parents where they are missing.
    ///
    /// # Errors
    /// [`DataDirectoryError`]; nothing has been changed then, except that missing directories may have been made.
    pub fn open(path: &Path) -> Result<Self, DataDirectoryError> {
        let unusable = |error| DataDirectoryError::Unusable(path.to_owned(), error);
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(unusable)?;
        make_private(path)?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(path.join(LOCK))
            .map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                path: path.canonicalize().map_err(unusable)?,
                _lock: lock,
            }),
            Err(TryLockError::WouldBlock) => Err(DataDirectoryError::InUse(path.to_owned())),
            Err(TryLockError::Error(error)) => Err(unusable(error)),
        }
    }

    /// Whether a process runs on the directory at `path`. `false` for a copy, whose files name the ports of the original.
    ///
    /// # Errors
    /// The system's.
    pub fn is_in_use(path: &Path) -> io::Result<bool> {
        let lock = match File::open(path.join(LOCK)) {
            Ok(lock) => lock,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        match lock.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Whether there is a data directory at `path`: a folder with the file that a process locks.
    #[must_use]
    pub fn is_one(path: &Path) -> bool {
        path.join(LOCK).exists()
    }

    /// Its absolute path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of a file in it.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

/// A directory that others may enter is closed to them if it is empty or was ours before, and else left alone:
/// it might be `/tmp` or a home directory.
fn make_private(path: &Path) -> Result<(), DataDirectoryError> {
    let unusable = |error| DataDirectoryError::Unusable(path.to_owned(), error);
    let mut permissions = path.metadata().map_err(unusable)?.permissions();
    // The last six bits are what the group and everybody else may do.
    if permissions.mode().trailing_zeros() >= 6 {
        return Ok(());
    }
    let empty = path.read_dir().map_err(unusable)?.next().is_none();
    if !empty && !path.join(LOCK).exists() {
        return Err(DataDirectoryError::Foreign(path.to_owned()));
    }
    permissions.set_mode(0o700);
    std::fs::set_permissions(path, permissions).map_err(unusable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TempDir;

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_missing_directory_is_made_for_its_owner_only() {
        let scratch = TempDir::new();
        let path = scratch.path("deep/er");
        let directory = DataDirectory::open(&path).unwrap();
        assert_eq!((mode(&path), mode(&directory.file(LOCK))), (0o700, 0o600));
    }

    #[test]
    fn a_second_process_is_refused_and_the_lock_ends_with_its_holder() {
        let scratch = TempDir::new();
        let first = DataDirectory::open(&scratch.path("data")).unwrap();
        assert!(matches!(
            DataDirectory::open(&scratch.path("data")),
            Err(DataDirectoryError::InUse(_))
        ));
        drop(first);
        assert!(DataDirectory::open(&scratch.path("data")).is_ok());
    }

    #[test]
    fn a_directory_of_ours_that_was_opened_up_is_closed_again() {
        let scratch = TempDir::new();
        let path = scratch.path("data");
        drop(DataDirectory::open(&path).unwrap());
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        drop(DataDirectory::open(&path).unwrap());
        assert_eq!(mode(&path), 0o700);
    }

    #[test]
    fn a_directory_with_other_files_is_left_alone() {
        let scratch = TempDir::new();
        let path = scratch.path("home");
        std::fs::create_dir(&path).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::write(path.join("letter.txt"), "x").unwrap();
        assert!(matches!(
            DataDirectory::open(&path),
            Err(DataDirectoryError::Foreign(_))
        ));
        assert_eq!((mode(&path), path.read_dir().unwrap().count()), (0o755, 1));
    }

    #[test]
    fn a_file_in_the_way_is_an_error_of_one_line() {
        let scratch = TempDir::new();
        std::fs::write(scratch.path("file"), "x").unwrap();
        let text = DataDirectory::open(&scratch.path("file"))
            .unwrap_err()
            .to_string();
        assert!(
            text.contains("cannot be used") && !text.contains('\n'),
            "{text}"
        );
    }
}
