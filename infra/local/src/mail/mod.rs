//! The mail that the local run catches instead of sending.
//!
//! It is kept in memory for reading, and in a file of JSON lines so that it outlives the process:
//! links in yesterday's mail can still be clicked. A line is written with one call before the mail
//! counts as accepted, so it survives `kill -9`; it is not flushed to the disk, so a loss of power
//! may take the last moments.
//!
//! Both are bounded: the oldest messages go when there are [`MAX_MESSAGES`], and [`retention`] removes
//! those to addresses whose account was erased.
//!
//! Mail holds live tokens: the file's mode is 0600, and `Debug` shows no message.

mod page;
pub mod retention;
mod web;

use std::collections::VecDeque;
use std::fmt;
use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::data_directory::replace_file;

pub use self::web::router;

/// How many messages are kept, the newest ones: memory and file must not grow with every mail that a
/// load test sends.
pub const MAX_MESSAGES: usize = 10_000;
/// Lines at which the file is written again with the messages that are kept.
const MAX_LINES: usize = 2 * MAX_MESSAGES;

/// One caught mail.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Everyone it was sent to, copies included, each as `a@example.com` or `Name <a@example.com>`.
    pub to: Vec<String>,
    /// Who it says it is from, in the same form.
    pub from: String,
    /// The subject, decoded.
    pub subject: String,
    /// The plain part; empty if there is none.
    pub text: String,
    /// The HTML part; empty if there is none.
    pub html: String,
    /// When it was accepted, RFC 3339 in UTC.
    pub received_at: String,
}

/// Prints neither addresses nor contents: the text holds live tokens.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("received_at", &self.received_at)
            .finish_non_exhaustive()
    }
}

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

/// The caught mail; cheap to clone, all clones are one.
#[derive(Clone)]
pub struct Mailbox(Arc<Mutex<Inner>>);

struct Inner {
    /// Oldest first.
    messages: VecDeque<Arc<Message>>,
    /// How many were ever accepted in this run or read at its start; changes with every mail.
    revision: u64,
    file: Option<Appender>,
}

struct Appender {
    path: PathBuf,
    file: File,
    /// Where the last whole line ends.
    end: u64,
    /// How many lines there are.
    lines: usize,
}

impl Mailbox {
    /// Opens the mail in the file `path`, which is made if it is missing; its directory must exist.
    /// `None` keeps the mail in memory. A last line that was cut off by a crash is dropped.
    ///
    /// # Errors
    /// [`OpenError`], if the file cannot be opened, or a line before the last one is no message.
    pub fn open(path: Option<PathBuf>) -> Result<Self, OpenError> {
        let (messages, file) = match path {
            None => (VecDeque::new(), None),
            Some(path) => {
                let (messages, appender) = load(path)?;
                (messages, Some(appender))
            }
        };
        let revision = messages.len() as u64;
        Ok(Self(Arc::new(Mutex::new(Inner {
            messages,
            revision,
            file,
        }))))
    }

    /// Accepts a mail. When this returns, the mail is in the file.
    ///
    /// # Errors
    /// Those of writing; the mail is then not accepted.
    pub fn append(&self, message: Message) -> io::Result<()> {
        let mut inner = self.lock();
        if let Some(appender) = &mut inner.file {
            appender.append(&message)?;
        }
        keep(&mut inner.messages, message);
        inner.revision += 1;
        inner.compact(MAX_LINES)
    }

    /// Removes the messages for which `is_obsolete` holds, from memory and file, and says how many. What is removed from the
    /// file is not overwritten on the disk.
    ///
    /// # Errors
    /// Those of writing; the messages are then still in the file.
    pub fn remove(&self, is_obsolete: impl Fn(&Message) -> bool) -> io::Result<usize> {
        let mut inner = self.lock();
        let before = inner.messages.len();
        inner.messages.retain(|message| !is_obsolete(message));
        let removed = before - inner.messages.len();
        if removed > 0 {
            inner.revision += 1;
            inner.compact(0)?;
        }
        Ok(removed)
    }

    /// The messages, newest first; with `to`, those sent to that address. Upper and lower case are one,
    /// and display names do not count.
    #[must_use]
    pub fn messages(&self, to: Option<&str>) -> Vec<Message> {
        let (_, found) = self.newest(to, usize::MAX);
        found
            .iter()
            .map(|message| Message::clone(message))
            .collect()
    }

    /// The newest `limit` of [`Self::messages`], and a word that changes with every mail. The time of
    /// the last mail is in it because the count starts again with the process.
    fn newest(&self, to: Option<&str>, limit: usize) -> (String, Vec<Arc<Message>>) {
        let inner = self.lock();
        let wanted = to.map(|to| address(to).to_lowercase());
        let is_wanted = |message: &&Arc<Message>| {
            wanted.as_ref().is_none_or(|wanted| {
                message
                    .to
                    .iter()
                    .any(|to| address(to).to_lowercase() == *wanted)
            })
        };
        let found = inner
            .messages
            .iter()
            .rev()
            .filter(is_wanted)
            .take(limit)
            .cloned()
            .collect();
        let last = inner
            .messages
            .back()
            .map_or("", |message| message.received_at.as_str());
        (format!("{}-{last}", inner.revision), found)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A message is added by one push after the file took it; a panic leaves nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailbox")
            .field("revision", &self.lock().revision)
            .finish_non_exhaustive()
    }
}

impl Inner {
    /// Writes the file again with the messages that are kept, if it has `lines` or more.
    fn compact(&mut self, lines: usize) -> io::Result<()> {
        match &mut self.file {
            Some(appender) if appender.lines >= lines => appender.rewrite(&self.messages),
            _ => Ok(()),
        }
    }
}

impl Appender {
    /// Replaces the file by one with these messages. A crash leaves the old file or the new one.
    fn rewrite(&mut self, messages: &VecDeque<Arc<Message>>) -> io::Result<()> {
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
    fn append(&mut self, message: &Message) -> io::Result<()> {
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

fn load(path: PathBuf) -> Result<(VecDeque<Arc<Message>>, Appender), OpenError> {
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
                keep(&mut messages, message);
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

fn keep(messages: &mut VecDeque<Arc<Message>>, message: Message) {
    if messages.len() == MAX_MESSAGES {
        messages.pop_front();
    }
    messages.push_back(Arc::new(message));
}

/// The address in `Name <address>`, or the whole.
fn address(text: &str) -> &str {
    let inner = text
        .trim()
        .strip_suffix('>')
        .and_then(|text| text.rsplit_once('<'));
    inner.map_or(text, |(_, address)| address).trim()
}

#[cfg(test)]
mod tests;
