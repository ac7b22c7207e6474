//! The mail that SES takes here, which is caught instead of sent.
//!
//! It is kept in memory for reading, and in a file of JSON lines so that it outlives the process:
//! links in yesterday's mail can still be clicked. A line is written with one call before the mail
//! counts as accepted, so it survives `kill -9`; it is not flushed to the disk, so a loss of power
//! may take the last moments.
//!
//! Both are bounded: the oldest messages go when there are [`MAX_MESSAGES`].
//!
//! Mail holds live tokens: the file's mode is 0600, and `Debug` shows no message.

mod file;
mod message;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use self::file::OpenError;
use self::file::{Appender, keep, load};
pub use self::message::Message;
use crate::address::bare_address;

/// How many messages are kept, the newest ones: memory and file must not grow with every mail that a
/// load test sends.
pub const MAX_MESSAGES: usize = 10_000;
/// Lines at which the file is written again with the messages that are kept.
const MAX_LINES: usize = 2 * MAX_MESSAGES;

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
                let (messages, appender) = load(path, MAX_MESSAGES)?;
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
        keep(&mut inner.messages, message, MAX_MESSAGES);
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
    #[must_use]
    pub fn newest(&self, to: Option<&str>, limit: usize) -> (String, Vec<Arc<Message>>) {
        let inner = self.lock();
        let wanted = to.map(|to| bare_address(to).to_lowercase());
        let is_wanted = |message: &&Arc<Message>| {
            wanted.as_ref().is_none_or(|wanted| {
                message
                    .to
                    .iter()
                    .any(|to| bare_address(to).to_lowercase() == *wanted)
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
