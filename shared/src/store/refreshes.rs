//! Refreshes: a session moves on to its next token, or answers a retry of the last one.
//!
//! The session's bucket is in the item and moves with it. Every write that moves it has the condition that it is still as
//! it was read, so parallel calls take exactly what it holds.

use super::expression::Expression;
use super::keys;
use super::single::{Updated, parse};
use super::transaction::{CommitError, Transaction};
use super::{Store, StoreError};
use crate::audit_event::Entry;
use crate::domain::Session;

/// How a write of a refresh ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refreshed {
    /// It was done.
    Done,
    /// Another write was first, or the session has ended: it must be read again.
    Lost,
}

impl Store {
    /// Moves a session, given as it was read and as it is to be, on to its next refresh token, if the token that is retired
    /// is still the current one.
    pub async fn advance_session(
        &self,
        read: &Session,
        next: &Session,
        entry: &Entry,
    ) -> Result<Refreshed, StoreError> {
        let update = "SET #current = :current, #retired = :retired, #tat = :tat, ";
        let expression = seen(
            update,
            "#current = :read AND #expires_at > :now",
            read,
            next,
        )
        .value("read", &read.current)
        .value("current", &next.current)
        .value("retired", &next.retired);
        self.commit_refresh("advance_session", next, expression, entry)
            .await
    }

    /// Counts one answer of the grace, if the token is still the one before the current one and fewer than `most` are
    /// counted. `write` names this count: repeating it counts once. With `restart` the grace begins with this answer.
    pub async fn count_retry(
        &self,
        next: &Session,
        most: u32,
        restart: bool,
        write: &str,
    ) -> Result<Refreshed, StoreError> {
        let restarted = if restart { ", #retired.#at = :now" } else { "" };
        let counted = "SET #retired.#uses = #retired.#uses + :one, #retired.#write = :write, #last_activity_at = :now";
        let update = format!("{counted}{restarted}");
        let condition = "#retired.#hash = :hash AND #retired.#uses < :most \
                         AND (attribute_not_exists(#retired.#write) OR #retired.#write <> :write)";
        let expression = Expression::update(update, condition)
            .value("one", 1)
            .value("write", write)
            .value("now", next.last_activity_at)
            .value("hash", next.retired.as_ref().map(|retired| &retired.hash))
            .value("most", most);
        self.update_refresh("count_retry", next, expression, write)
            .await
    }

    /// Answers a retry after the grace, for which the session's bucket pays; with a record if `entry` is given. `write` names
    /// this answer: repeating it pays once.
    pub async fn retry_late(
        &self,
        read: &Session,
        next: &Session,
        write: &str,
        entry: Option<&Entry>,
    ) -> Result<Refreshed, StoreError> {
        let recorded = if entry.is_some() {
            "#retired.#recorded = :now, "
        } else {
            ""
        };
        let update = format!("SET {recorded}#retired.#write = :write, #tat = :tat, ");
        let condition = "#retired.#hash = :hash AND #expires_at > :now \
                         AND (attribute_not_exists(#retired.#write) OR #retired.#write <> :write)";
        let expression = seen(&update, condition, read, next)
            .value("write", write)
            .value("hash", next.retired.as_ref().map(|retired| &retired.hash));
        match entry {
            Some(entry) => {
                self.commit_refresh("retry_late", next, expression, entry)
                    .await
            }
            None => {
                self.update_refresh("retry_late", next, expression, write)
                    .await
            }
        }
    }

    async fn commit_refresh(
        &self,
        operation: &'static str,
        next: &Session,
        expression: Expression,
        entry: &Entry,
    ) -> Result<Refreshed, StoreError> {
        let key = keys::session(next.user_id, next.id);
        match self
            .commit(
                operation,
                Transaction::default()
                    .update("session", key, expression)
                    .audit(entry),
            )
            .await
        {
            Ok(()) => Ok(Refreshed::Done),
            // Many at once may conflict more often than one commit tries; the caller reads again, and then most are done.
            Err(
                CommitError::Condition { .. } | CommitError::Store(StoreError::Contended { .. }),
            ) => Ok(Refreshed::Lost),
            Err(CommitError::Store(error)) => Err(error),
        }
    }

    async fn update_refresh(
        &self,
        operation: &'static str,
        next: &Session,
        expression: Expression,
        write: &str,
    ) -> Result<Refreshed, StoreError> {
        let old = match self
            .update(operation, keys::session(next.user_id, next.id), expression)
            .await
        {
            Ok(Updated::Done(_)) => return Ok(Refreshed::Done),
            Ok(Updated::Unmet(old)) => old,
            Err(StoreError::Contended { .. }) => return Ok(Refreshed::Lost),
            Err(error) => return Err(error),
        };
        let found: Option<Session> = old.map(|item| parse(operation, item)).transpose()?;
        let last_write = found.and_then(|session| session.retired?.write);
        // Its own write, whose answer was lost.
        if last_write.as_deref() == Some(write) {
            Ok(Refreshed::Done)
        } else {
            Ok(Refreshed::Lost)
        }
    }
}

/// An update that begins with `set` and says from where the client was last seen, and with which bucket.
fn seen(set: &str, condition: &str, read: &Session, next: &Session) -> Expression {
    let place = if next.place.is_some() {
        ", #place = :place"
    } else {
        ""
    };
    let update =
        format!("{set}#last_activity_at = :now, #ip_address = :ip, #user_agent = :agent{place}");
    // Without it, of two calls that read the same bucket one would be free.
    let same_bucket = if read.tat.is_some() {
        "#tat = :read_tat"
    } else {
        "attribute_not_exists(#tat)"
    };
    let mut expression = Expression::update(update, format!("{condition} AND {same_bucket}"))
        .value("now", next.last_activity_at)
        .value("ip", &next.ip_address)
        .value("agent", &next.user_agent)
        .value("tat", next.tat);
    if let Some(tat) = read.tat {
        expression = expression.value("read_tat", tat);
    }
    if let Some(place) = &next.place {
        expression = expression.value("place", place);
    }
    expression
}
