//! Names for the identifiers in a story.
//!
//! Records hold no email address but its fingerprint, so that an erased or removed address is not kept in them. A fingerprint
//! is named by the address while an account has it or can be taken back to it, and by a number after that.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use shared::domain::{EmailAddress, SessionId, Timestamp, UserId};
use shared::store::Record;

/// Names for identifiers.
#[derive(Debug, Default)]
pub struct Names {
    /// The fingerprint of each account's present address.
    users: BTreeMap<UserId, String>,
    /// The fingerprints of the addresses that accounts had before, each with the time at which the account left it; oldest
    /// first.
    moves: BTreeMap<UserId, Vec<(Timestamp, String)>>,
    /// Addresses by their fingerprints.
    emails: BTreeMap<String, String>,
    /// Fingerprints whose addresses are not stored, in the order in which they appear.
    removed: Vec<String>,
    /// The sessions of the story, in the order in which they appear.
    sessions: Vec<SessionId>,
}

impl Names {
    /// The present address of an account.
    pub fn add_user(&mut self, id: UserId, email: &str) {
        if let Some(key) = self.add_email(email) {
            self.users.insert(id, key);
        }
    }

    /// An address that is stored; its fingerprint.
    pub fn add_email(&mut self, email: &str) -> Option<String> {
        let key = EmailAddress::parse(email).ok()?.fingerprint();
        self.emails.insert(key.clone(), email.to_owned());
        Some(key)
    }

    /// A record by which an account has left an address, each later than the one before.
    pub fn add_move(&mut self, record: &Record) {
        if let (Some(user), Some(old)) = (record.user_id, record.details.get("old_email")) {
            self.moves
                .entry(user)
                .or_default()
                .push((record.occurred_at, old.clone()));
        }
    }

    /// Numbers the session of a record, and the addresses that are not stored.
    pub fn number(&mut self, record: &Record) {
        let own = record.actor_id.is_none() || record.actor_id == record.user_id;
        if let Some(session) = record
            .session_id
            .filter(|session| own && !self.sessions.contains(session))
        {
            self.sessions.push(session);
        }
        let details = ["old_email", "new_email", "mailed_to"]
            .into_iter()
            .filter_map(|name| record.details.get(name));
        let held = record
            .user_id
            .and_then(|user| self.held_at(user, record.occurred_at));
        let keys: Vec<_> = held
            .into_iter()
            .chain(details.map(String::as_str))
            .map(str::to_owned)
            .collect();
        for key in keys {
            if !self.emails.contains_key(&key) && !self.removed.contains(&key) {
                self.removed.push(key);
            }
        }
    }

    /// The fingerprint of the address that an account had at a time. A record that moves it is of the new address.
    fn held_at(&self, id: UserId, at: Timestamp) -> Option<&str> {
        let left = self
            .moves
            .get(&id)
            .and_then(|moves| moves.iter().find(|(left, _)| at < *left));
        left.map(|(_, key)| key)
            .or_else(|| self.users.get(&id))
            .map(String::as_str)
    }

    /// An account, by the address that it had at a time.
    #[must_use]
    pub fn user(&self, id: UserId, at: Timestamp) -> String {
        self.held_at(id, at)
            .map_or_else(|| format!("account {id}"), |key| self.email(key))
    }

    /// An address by its fingerprint.
    #[must_use]
    pub fn email(&self, key: &str) -> String {
        if let Some(email) = self.emails.get(key) {
            return email.clone();
        }
        let number = self.removed.iter().position(|other| other == key);
        number.map_or_else(
            || "a removed address".to_owned(),
            |number| format!("removed address {}", number + 1),
        )
    }

    /// A session.
    #[must_use]
    pub fn session(&self, id: SessionId) -> String {
        let number = self.sessions.iter().position(|other| *other == id);
        number.map_or_else(
            || format!("session {id}"),
            |number| format!("session {}", number + 1),
        )
    }

    /// What the numbers mean.
    #[must_use]
    pub fn legend(&self) -> String {
        let mut text = String::new();
        if !self.sessions.is_empty() {
            text.push_str("\nSessions\n");
        }
        for (number, session) in self.sessions.iter().enumerate() {
            let _ = writeln!(text, "  session {}  {session}", number + 1);
        }
        if !self.removed.is_empty() {
            text.push_str("\nEmail addresses that are no longer stored\n");
        }
        for (number, key) in self.removed.iter().enumerate() {
            let _ = writeln!(text, "  removed address {}  SHA-256 {key}", number + 1);
        }
        text
    }
}
