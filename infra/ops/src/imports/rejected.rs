//! Lines that were left out, kept in a separate file: an operator who imports ten thousand users must find the five that are
//! missing, fix their lines and import them.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// So many runs of one file keep what they left out.
const MOST_FILES: u32 = 1_000;

/// The file, which is made for the first line.
pub(super) struct Rejected {
    path: PathBuf,
    head: Vec<u8>,
    file: Option<File>,
}

impl Rejected {
    /// The file at `path`, which begins with `head`.
    ///
    /// # Errors
    /// A file is there: it may hold people of an earlier run.
    pub(super) fn new(path: PathBuf, head: Vec<u8>) -> Result<Self, Failure> {
        if path.exists() {
            let what = format!(
                "{} is there, with lines that an earlier import has left out.",
                path.display()
            );
            return Err(Failure::usage(
                what,
                "Import or move them first, or name another file with --rejected.",
            ));
        }
        Ok(Self {
            path,
            head,
            file: None,
        })
    }

    /// The path for a file that is imported, if none was named: the first one that is free.
    pub(super) fn beside(imported: &Path) -> PathBuf {
        let named = |end: &str| {
            let mut name = imported.as_os_str().to_owned();
            name.push(".rejected");
            name.push(end);
            PathBuf::from(name)
        };
        let mut paths =
            std::iter::once(named("")).chain((2..=MOST_FILES).map(|n| named(&format!("-{n}"))));
        paths
            .find(|path| !path.exists())
            .unwrap_or_else(|| named(""))
    }

    /// Keeps a line. Each is written before the next one is read, so a run that is killed has kept what it left out.
    ///
    /// # Errors
    /// The file cannot be written. Nothing may be left out then.
    pub(super) fn keep(&mut self, raw: &[u8]) -> Result<(), Failure> {
        self.write(raw).map_err(|error| {
            let what = format!("{} cannot be written: {error}.", self.path.display());
            Failure::usage(
                what,
                "No line is left out that is not kept. Name another file with --rejected.",
            )
        })
    }

    fn write(&mut self, raw: &[u8]) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => {
                let mut file = private(&self.path)?;
                file.write_all(&self.head)?;
                none.insert(file)
            }
        };
        file.write_all(raw)
    }

    /// Where the lines are, if there are any.
    pub(super) fn kept_at(&self) -> Option<&Path> {
        self.file.is_some().then_some(&self.path)
    }
}

/// A new file that only its owner can read: there are password hashes in it.
fn private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
