//! Settings from a file, as `.env.example` shows them.
//!
//! A variable of the process wins over the file, so `DASHTAM_LOG=debug cargo run` does what it says. Only names that begin
//! with `DASHTAM_` are read: credentials of a real account in the same file are never used.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use shared::config::{PREFIX, Settings};
use thiserror::Error;

/// The file that is read where none is named.
pub const DEFAULT: &str = ".env";

/// Why a file cannot be used. The text quotes no line: values may be secret.
#[derive(Debug, Error)]
pub enum EnvFileError {
    /// It cannot be read; the system's reason.
    #[error("the settings in {0} cannot be read: {1}")]
    Unreadable(PathBuf, io::Error),
    /// A line of it is not an assignment.
    #[error("line {1} of {0} is not NAME=value")]
    Malformed(PathBuf, usize),
}

/// Settings, and what the file gave of them.
#[derive(Debug)]
pub struct Merged {
    /// All of them.
    pub settings: Settings,
    /// The file, if there is one.
    pub file: Option<PathBuf>,
    /// The names that are set by the file.
    pub names: Vec<String>,
}

/// The settings of the process with those of a file beneath them: of the file that is named, or of [`DEFAULT`] if it exists.
///
/// # Errors
/// [`EnvFileError`].
pub fn merge(process: Settings, chosen: Option<&Path>) -> Result<Merged, EnvFileError> {
    let path = chosen.unwrap_or(Path::new(DEFAULT));
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if chosen.is_none() && error.kind() == io::ErrorKind::NotFound => {
            return Ok(Merged { settings: process, file: None, names: Vec::new() });
        }
        Err(error) => return Err(EnvFileError::Unreadable(path.to_owned(), error)),
    };
    let (mut settings, mut names) = (process, Vec::new());
    for assignment in dotenvy::Iter::new(file) {
        let (name, value) = assignment.map_err(|error| told(path, error))?;
        if !name.starts_with(PREFIX) || value.is_empty() || settings.get(&name).is_some() {
            continue;
        }
        settings = settings.with(&name, value);
        names.push(name);
    }
    Ok(Merged { settings, file: Some(path.to_owned()), names })
}

fn told(path: &Path, error: dotenvy::Error) -> EnvFileError {
    match error {
        dotenvy::Error::LineParse(line, _) => EnvFileError::Malformed(path.to_owned(), number(path, &line)),
        dotenvy::Error::Io(error) => EnvFileError::Unreadable(path.to_owned(), error),
        other => EnvFileError::Unreadable(path.to_owned(), io::Error::other(other)),
    }
}

/// Which line it is. The parser joins lines inside quotes, so the first one is looked for.
fn number(path: &Path, line: &str) -> usize {
    let first = line.lines().next().unwrap_or_default();
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().position(|other| other == first).map_or(1, |index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::testing::TempDir;

    fn merged(process: &[(&str, &str)], text: &str) -> Result<Merged, EnvFileError> {
        let scratch = TempDir::new();
        std::fs::write(scratch.path(DEFAULT), text).unwrap();
        let process = process.iter().fold(Settings::default(), |all, (name, value)| all.with(name, *value));
        merge(process, Some(&scratch.path(DEFAULT)))
    }

    #[test]
    fn settings_come_from_the_file_unless_the_process_has_them() {
        let text = "# a comment\nDASHTAM_STAGE=\nDASHTAM_ISSUER=\"http://a b\" # why\nDASHTAM_LOG=warn\nDASHTAM_AUDIENCE='$x'\n";
        let merged = merged(&[("DASHTAM_LOG", "debug")], text).unwrap();
        let value = |name| merged.settings.get(name);
        assert_eq!((value("DASHTAM_ISSUER"), value("DASHTAM_LOG")), (Some("http://a b"), Some("debug")));
        assert_eq!((value("DASHTAM_STAGE"), value("DASHTAM_AUDIENCE")), (None, Some("$x")));
        assert_eq!(merged.names, ["DASHTAM_ISSUER", "DASHTAM_AUDIENCE"]);
    }

    #[test]
    fn credentials_in_the_file_are_not_read() {
        let merged = merged(&[], "AWS_ACCESS_KEY_ID=real\nDASHTAM_LOG=info\n").unwrap();
        assert_eq!((merged.settings.get("AWS_ACCESS_KEY_ID"), merged.names.len()), (None, 1));
    }

    #[test]
    fn a_malformed_line_is_named_and_not_quoted() {
        let error = merged(&[], "DASHTAM_LOG=info\nDASHTAM_TRUSTED_EDGE_SECRETS hunter2\n").unwrap_err().to_string();
        assert!(error.contains("line 2") && !error.contains("hunter2"), "{error}");
    }

    #[test]
    fn a_named_file_must_exist() {
        let scratch = TempDir::new();
        let error = merge(Settings::default(), Some(&scratch.path("missing.env"))).unwrap_err().to_string();
        assert!(error.contains("missing.env"), "{error}");
    }
}
