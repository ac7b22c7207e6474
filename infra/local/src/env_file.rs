//! Settings from a file, as `.env.example` shows them.
//!
//! A variable of the process wins over the file, so `DASHTAM_LOG=debug cargo run` does what it says. Only names that begin
//! with `DASHTAM_` are read: credentials of a real account in the same file are never used.

use std::cell::Cell;
use std::io::{self, Read};
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
pub fn merge(process: Settings, chosen: Option<&Path>) -> Result<Merged, EnvFileError> {
    let path = chosen.unwrap_or(Path::new(DEFAULT));
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(error) if chosen.is_none() && error.kind() == io::ErrorKind::NotFound => {
            return Ok(Merged {
                settings: process,
                file: None,
                names: Vec::new(),
            });
        }
        Err(error) => return Err(EnvFileError::Unreadable(path.to_owned(), error)),
    };
    let line = Cell::new(0);
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&text);
    let file = LineReader {
        rest: text,
        line: &line,
        is_start: true,
    };
    let (mut settings, mut names) = (process, Vec::new());
    for assignment in dotenvy::Iter::new(file) {
        let (name, value) = assignment.map_err(|error| named(path, line.get(), error))?;
        if !name.starts_with(PREFIX) || value.is_empty() || settings.get(&name).is_some() {
            continue;
        }
        settings = settings.with(&name, value);
        names.push(name);
    }
    Ok(Merged {
        settings,
        file: Some(path.to_owned()),
        names,
    })
}

/// What some editors write at the start of a file in UTF-8.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Hands a text to the parser line by line and counts, since the parser's errors quote a line and do not number it.
struct LineReader<'a> {
    rest: &'a [u8],
    /// The line that was handed over last.
    line: &'a Cell<usize>,
    is_start: bool,
}

impl Read for LineReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let end = self
            .rest
            .iter()
            .position(|byte| *byte == b'\n')
            .map_or(self.rest.len(), |at| at + 1);
        let (mut line, rest) = self
            .rest
            .split_at_checked(end.min(buffer.len()))
            .unwrap_or_default();
        if self.is_start && !line.is_empty() {
            self.line.set(self.line.get() + 1);
        }
        self.is_start = line.ends_with(b"\n");
        self.rest = rest;
        line.read(buffer)
    }
}

/// The error with the number of its line, and without its text. An assignment in quotes may go over several lines; then it is
/// the first of them.
fn named(path: &Path, last: usize, error: dotenvy::Error) -> EnvFileError {
    match error {
        dotenvy::Error::LineParse(text, _) => {
            let before = text.lines().count().saturating_sub(1);
            EnvFileError::Malformed(path.to_owned(), last.saturating_sub(before).max(1))
        }
        dotenvy::Error::Io(error) => EnvFileError::Unreadable(path.to_owned(), error),
        other => EnvFileError::Unreadable(path.to_owned(), io::Error::other(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TempDir;

    fn merged(process: &[(&str, &str)], text: &str) -> Result<Merged, EnvFileError> {
        let scratch = TempDir::new();
        std::fs::write(scratch.path(DEFAULT), text).unwrap();
        let process = process
            .iter()
            .fold(Settings::default(), |all, (name, value)| {
                all.with(name, *value)
            });
        merge(process, Some(&scratch.path(DEFAULT)))
    }

    #[test]
    fn settings_come_from_the_file_unless_the_process_has_them() {
        let text = "# a comment\nDASHTAM_STAGE=\nDASHTAM_ISSUER=\"http://a b\" # why\nDASHTAM_LOG=warn\nDASHTAM_AUDIENCE='$x'\n";
        let merged = merged(&[("DASHTAM_LOG", "debug")], text).unwrap();
        let value = |name| merged.settings.get(name);
        assert_eq!(
            (value("DASHTAM_ISSUER"), value("DASHTAM_LOG")),
            (Some("http://a b"), Some("debug"))
        );
        assert_eq!(
            (value("DASHTAM_STAGE"), value("DASHTAM_AUDIENCE")),
            (None, Some("$x"))
        );
        assert_eq!(merged.names, ["DASHTAM_ISSUER", "DASHTAM_AUDIENCE"]);
    }

    #[test]
    fn credentials_in_the_file_are_not_read() {
        let merged = merged(&[], "AWS_ACCESS_KEY_ID=real\nDASHTAM_LOG=info\n").unwrap();
        assert_eq!(
            (merged.settings.get("AWS_ACCESS_KEY_ID"), merged.names.len()),
            (None, 1)
        );
    }

    #[test]
    fn a_malformed_line_is_named_and_not_quoted() {
        for (text, line) in [
            (
                "DASHTAM_LOG=info\nDASHTAM_TRUSTED_EDGE_SECRETS hunter2\n",
                2,
            ),
            (
                "DASHTAM_LOG=info\n\n# why\nDASHTAM_TRUSTED_EDGE_SECRETS=hunter2 hunter3\n",
                4,
            ),
            (
                "DASHTAM_LOG=info\r\nDASHTAM_TRUSTED_EDGE_SECRETS=hunter2 hunter3\r\n",
                2,
            ),
            (
                "DASHTAM_LOG=info\nDASHTAM_AUDIENCE=x\nDASHTAM_TRUSTED_EDGE_SECRETS=\"hunter2\nhunter3\n",
                3,
            ),
            (
                "DASHTAM_LOG=info\nDASHTAM_TRUSTED_EDGE_SECRETS hunter2 # hunter3",
                2,
            ),
            ("DASHTAM_TRUSTED_EDGE_SECRETS='hunter2", 1),
        ] {
            let error = merged(&[], text).unwrap_err();
            assert!(
                error.to_string().contains(&format!("line {line} of")),
                "{text}: {error}"
            );
            assert!(
                !format!("{error} {error:?}").contains("hunter"),
                "{error:?}"
            );
        }
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_first_name() {
        let merged = merged(&[], "\u{feff}DASHTAM_LOG=warn\n").unwrap();
        assert_eq!(merged.settings.get("DASHTAM_LOG"), Some("warn"));
    }

    #[test]
    fn a_named_file_must_exist() {
        let scratch = TempDir::new();
        let error = merge(Settings::default(), Some(&scratch.path("missing.env")))
            .unwrap_err()
            .to_string();
        assert!(error.contains("missing.env"), "{error}");
    }
}
