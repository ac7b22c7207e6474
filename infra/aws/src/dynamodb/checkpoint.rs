//! The place from which a stream is read after a restart.

use std::path::PathBuf;

use super::sequence::Sequence;
use super::stream::StreamError;
use crate::files::replace_file;

/// The position that outlives the process, if there is a file for it.
#[derive(Debug)]
pub struct Checkpoint {
    file: Option<PathBuf>,
    saved: Option<Sequence>,
}

impl Checkpoint {
    /// Reads the position; without a file it is the beginning.
    ///
    /// # Errors
    /// [`StreamError::Checkpoint`] for a file that holds something else: to start again from the beginning would deliver
    /// everything again.
    pub fn open(file: Option<PathBuf>) -> Result<Self, StreamError> {
        let Some(path) = &file else {
            return Ok(Self { file, saved: None });
        };
        let saved = match std::fs::read_to_string(path) {
            Ok(text) => Some(text.trim().parse().map_err(|_| {
                StreamError::Checkpoint(path.clone(), "it holds no sequence number".to_owned())
            })?),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(StreamError::Checkpoint(path.clone(), error.to_string())),
        };
        Ok(Self { file, saved })
    }

    /// The saved position.
    #[must_use]
    pub fn saved(&self) -> Option<Sequence> {
        self.saved
    }

    /// Saves a position, if it is another than the saved one.
    ///
    /// # Errors
    /// [`StreamError::Checkpoint`]; the file still holds the position before.
    pub fn save(&mut self, position: Option<Sequence>) -> Result<(), StreamError> {
        let (Some(path), Some(sequence)) = (&self.file, position) else {
            return Ok(());
        };
        if self.saved == position {
            return Ok(());
        }
        replace_file(path, format!("{sequence}\n").as_bytes())
            .map_err(|error| StreamError::Checkpoint(path.clone(), error.to_string()))?;
        self.saved = position;
        Ok(())
    }
}
