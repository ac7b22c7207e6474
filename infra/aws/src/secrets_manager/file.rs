//! The file that keeps the secrets between runs.
//!
//! It is replaced as a whole: written beside its place, flushed to the disk and renamed, so a crash at
//! any moment leaves the old content or the new, never a mixture. Its mode is 0600.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::vault::Vault;
use crate::files::replace_file;

/// The form of the file, raised when it changes.
const FORMAT: u32 = 1;
const OWNER_ONLY: u32 = 0o600;

/// Why the secrets cannot be opened. The text names the file and never quotes it.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file, or its directory, cannot be read or set up.
    #[error("the secrets file {} cannot be opened", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The file is cut off or was changed by hand.
    #[error(
        "the secrets file {} is damaged at line {line}, column {column}; restore it, or delete it to \
         start with new keys",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where reading stopped, counted from 1.
        line: usize,
        /// Where reading stopped in that line.
        column: usize,
    },
    /// The file was written by a later version of this program.
    #[error("the secrets file {} has format {found}; this program reads format {FORMAT}", path.display())]
    UnknownFormat {
        /// The file.
        path: PathBuf,
        /// The format that it says it has.
        found: u32,
    },
}

#[derive(Deserialize)]
struct Header {
    format: u32,
}

#[derive(Deserialize)]
struct Content {
    secrets: Vault,
}

#[derive(Serialize)]
struct ContentRef<'a> {
    format: u32,
    secrets: &'a Vault,
}

/// Reads the file; a missing one is an empty vault. A file that others may read is closed to them.
pub(super) fn load(path: &Path) -> Result<Vault, OpenError> {
    let unreadable = |source| OpenError::Unreadable {
        path: path.to_owned(),
        source,
    };
    // The parser's own error can quote a secret, so only the place is taken over.
    let damaged = |error: serde_json::Error| OpenError::Damaged {
        path: path.to_owned(),
        line: error.line(),
        column: error.column(),
    };
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vault::default()),
        Err(error) => return Err(unreadable(error)),
    };
    fs::set_permissions(path, Permissions::from_mode(OWNER_ONLY)).map_err(unreadable)?;
    let header: Header = serde_json::from_slice(&text).map_err(damaged)?;
    if header.format != FORMAT {
        return Err(OpenError::UnknownFormat {
            path: path.to_owned(),
            found: header.format,
        });
    }
    let content: Content = serde_json::from_slice(&text).map_err(damaged)?;
    Ok(content.secrets)
}

/// Replaces the file. When this returns, the new content survives a loss of power.
pub(super) fn save(path: &Path, vault: &Vault) -> io::Result<()> {
    let text = serde_json::to_vec_pretty(&ContentRef {
        format: FORMAT,
        secrets: vault,
    })?;
    replace_file(path, &text)
}
