//! The file that keeps the messages between runs: a line of JSON for each.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::message::Message;
use crate::files::replace_file;

/// Why the mailbox cannot be opened. The text names the file and never quotes it.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file cannot be read, made or written.
    #[error("the mail file {} cannot be opened", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A line that is not the last one is no message: the file was changed by hand.
    #[error("the mail file {} is damaged at line {line}; delete that line or the file", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
    },
}

/// A file that is open for more messages.
pub(super) struct Appender {
    path: PathBuf,
    file: File,
    /// Where the last whole line ends.
    end: u64,
    /// How many lines there are.
    pub(super) lines: usize,
}

impl Appender {
    /// Replaces the file by one with these messages. A crash leaves the old file or the new one.
    pub(super) fn rewrite(&mut self, messages: &VecDeque<Arc<Message>>) -> io::Result<()> {
        let mut content = Vec::new();
        for message in messages {
            serde_json::to_writer(&mut content, message.as_ref())?;
            content.push(b'\n');
        }
        replace_file(&self.path, &content)?;
        self.file = open(&self.path)?;
        self.end = content.len() as u64;
        self.lines = messages.len();
        Ok(())
    }

    /// Adds one line, or nothing: what a failed write left behind is cut off again.
    pub(super) fn append(&mut self, message: &Message) -> io::Result<()> {
        let mut line = serde_json::to_vec(message)?;
        line.push(b'\n');
        self.file.seek(SeekFrom::Start(self.end))?;
        if let Err(error) = self.file.write_all(&line) {
            self.file.set_len(self.end)?;
            return Err(error);
        }
        self.end += line.len() as u64;
        self.lines += 1;
        Ok(())
    }
}

fn open(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    Ok(file)
}

/// Reads the messages of a file, the newest `limit`, and drops a last line that was cut off.
pub(super) fn load(
    path: PathBuf,
    limit: usize,
) -> Result<(VecDeque<Arc<Message>>, Appender), OpenError> {
    let read = || -> io::Result<(File, Vec<u8>)> {
        let mut file = open(&path)?;
        let mut content = Vec::new();
        file.read_to_end(&mut content)?;
        Ok((file, content))
    };
    let (file, content) = match read() {
        Ok(read) => read,
        Err(source) => return Err(OpenError::Unreadable { path, source }),
    };
    let mut messages = VecDeque::new();
    let (mut end, mut count) = (0, 0);
    let mut lines = content
        .split_inclusive(|byte| *byte == b'\n')
        .enumerate()
        .peekable();
    while let Some((number, line)) = lines.next() {
        match serde_json::from_slice::<Message>(line) {
            Ok(message) if line.ends_with(b"\n") => {
                keep(&mut messages, message, limit);
                end += line.len() as u64;
                count += 1;
            }
            // The last line was being written when the process ended.
            _ if lines.peek().is_none() => break,
            _ => {
                return Err(OpenError::Damaged {
                    path,
                    line: number + 1,
                });
            }
        }
    }
    match file.set_len(end) {
        Ok(()) => Ok((
            messages,
            Appender {
                path,
                file,
                end,
                lines: count,
            },
        )),
        Err(source) => Err(OpenError::Unreadable { path, source }),
    }
}

/// Adds a message; with `limit` of them there, the oldest goes.
pub(super) fn keep(messages: &mut VecDeque<Arc<Message>>, message: Message, limit: usize) {
    if messages.len() == limit {
        messages.pop_front();
    }
    messages.push_back(Arc::new(message));
}
