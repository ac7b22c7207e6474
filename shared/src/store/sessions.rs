//! Sessions, and the one read behind every use of a token.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};

use super::expression::{Expression, Item, item};
use super::keys::{self, Key, SESSION_PREFIX, Table};
use super::outbox::Row;
use super::single::{parse, text};
use super::transaction::{CommitError, Transaction};
use super::{Store, StoreError, TRIES};
use crate::audit::Entry;
use crate::domain::{Liveness, Session, SessionId, Timestamp, User, UserId};
use crate::tokens::SecurityRecord;

/// At most this many items are in one transaction (a limit of `DynamoDB`), less one for the audit record.
const DELETES_PER_TRANSACTION: usize = 99;

/// What AUTH reads.
#[derive(Debug)]
pub struct Authentication {
    /// The account, if there is one.
    pub user: Option<User>,
    /// The session, if it has not ended. It may have expired.
    pub session: Option<Session>,
    /// The service's version level and keys.
    pub security: SecurityRecord,
}

/// How the beginning of a session went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begun {
    /// It began.
    Done,
    /// The user may be at the session cap: it did not begin, and live sessions must be counted.
    NeedsCount,
}

/// How a refresh went.
#[derive(Debug)]
pub enum Advanced {
    /// The session has moved on to the new token.
    Done,
    /// Another refresh was first; the session as it is now, if it still is.
    Lost(Option<Box<Session>>),
}

impl Store {
    /// AUTH: user, session and security record in one strongly consistent read.
    ///
    /// # Errors
    /// [`StoreError`], also if the store keeps answering only a part: a missing answer is never taken for absence.
    pub async fn authentication(&self, user: UserId, session: SessionId) -> Result<Authentication, StoreError> {
        let found = self
            .read_together(
                "authentication",
                vec![
                    keys::user(user),
                    keys::session(user, session),
                    keys::security(self.any_copy()),
                ],
            )
            .await?;
        let [user, session, security] =
            [Table::Users, Table::Tokens, Table::Security].map(|table| found.get(&table).cloned());
        Ok(Authentication {
            user: user.map(|item| parse("authentication", item)).transpose()?,
            session: session.map(|item| parse("authentication", item)).transpose()?,
            security: security_of("authentication", security)?,
        })
    }

    /// USER and SECURITY together: what a login must see at one moment, before it hashes.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn user_and_security(&self, user: UserId) -> Result<(Option<User>, SecurityRecord), StoreError> {
        let found = self
            .read_together(
                "user_and_security",
                vec![keys::user(user), keys::security(self.any_copy())],
            )
            .await?;
        let user = found
            .get(&Table::Users)
            .cloned()
            .map(|item| parse("user_and_security", item))
            .transpose()?;
        Ok((
            user,
            security_of("user_and_security", found.get(&Table::Security).cloned())?,
        ))
    }

    /// Reads one item of each named table.
    async fn read_together(
        &self,
        operation: &'static str,
        wanted: Vec<Key>,
    ) -> Result<HashMap<Table, Item>, StoreError> {
        let mut missing = HashMap::new();
        for key in wanted {
            let table = self.table(key.table);
            let request = KeysAndAttributes::builder()
                .keys(key.into_item())
                .consistent_read(true)
                .build();
            missing.insert(
                table,
                request.map_err(|source| StoreError::Refused {
                    operation,
                    source: Box::new(source),
                })?,
            );
        }
        let mut found = HashMap::new();
        for attempt in 0..TRIES {
            let answer = self
                .client
                .batch_get_item()
                .set_request_items(Some(missing))
                .send()
                .await;
            let answer = answer.map_err(|error| StoreError::from_sdk(operation, error))?;
            for (name, items) in answer.responses.unwrap_or_default() {
                let table = Table::ALL.into_iter().find(|table| self.table(*table) == name);
                found.extend(table.zip(items.into_iter().next()));
            }
            missing = answer.unprocessed_keys.unwrap_or_default();
            if missing.is_empty() {
                return Ok(found);
            }
            self.pause(attempt).await;
        }
        Err(StoreError::Unavailable {
            operation,
            source: None,
        })
    }

    /// Begins a session: session, login count and audit record together.
    ///
    /// `uncounted` is how many logins the reader of `user` thinks need no count; `None` begins the session without
    /// asking, and the caller counts afterwards.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn begin_session(
        &self,
        session: &Session,
        user: &User,
        uncounted: Option<u64>,
        entry: &Entry,
    ) -> Result<Begun, StoreError> {
        let exists = "attribute_exists(#pk)";
        let within = format!("{exists} AND #counted_at = :counted_at AND #logins < :limit");
        let condition = if uncounted.is_some() { within.as_str() } else { exists };
        let mut touch = Expression::update("SET #last_login_at = :now, #logins = #logins + :one", condition)
            .value("now", session.created_at)
            .value("one", 1);
        if let Some(uncounted) = uncounted {
            touch = touch
                .value("counted_at", user.counted_at)
                .value("limit", user.logins + uncounted);
        }
        let transaction = Transaction::default()
            .put(
                "session",
                keys::session(session.user_id, session.id),
                item(session),
                Expression::when("attribute_not_exists(#pk)"),
            )
            .update("user", keys::user(user.id), touch)
            .audit(entry);
        match self.commit("begin_session", transaction).await {
            Ok(()) => Ok(Begun::Done),
            Err(CommitError::Condition { failed, .. })
                if uncounted.is_some() && failed.iter().any(|(label, _)| *label == "user") =>
            {
                Ok(Begun::NeedsCount)
            }
            Err(CommitError::Condition { operation, .. }) => Err(StoreError::Contended { operation }),
            Err(CommitError::Store(error)) => Err(error),
        }
    }

    /// Moves a session on to its next refresh token, if `spent` is still the current one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn advance_session(&self, spent: &str, next: &Session, entry: &Entry) -> Result<Advanced, StoreError> {
        let place = if next.place.is_some() { ", #place = :place" } else { "" };
        let update = format!(
            "SET #current = :current, #parent = :spent, #nonce = :nonce, #rotated_at = :now, \
             #last_activity_at = :now, #ip_address = :ip, #user_agent = :agent{place}"
        );
        let mut expression = Expression::update(update, "#current = :spent AND #expires_at > :now")
            .value("current", &next.current)
            .value("spent", spent)
            .value("nonce", &next.nonce)
            .value("now", next.last_activity_at)
            .value("ip", &next.ip_address)
            .value("agent", &next.user_agent);
        if let Some(place) = &next.place {
            expression = expression.value("place", place);
        }
        let transaction = Transaction::default()
            .update("session", keys::session(next.user_id, next.id), expression)
            .audit(entry);
        match self.commit("advance_session", transaction).await {
            Ok(()) => Ok(Advanced::Done),
            Err(CommitError::Condition { failed, .. }) => {
                let found = failed
                    .into_iter()
                    .find(|(label, _)| *label == "session")
                    .and_then(|(_, item)| item);
                Ok(Advanced::Lost(
                    found
                        .map(|item| parse("advance_session", item))
                        .transpose()?
                        .map(Box::new),
                ))
            }
            Err(CommitError::Store(error)) => Err(error),
        }
    }

    /// Ends a session if it carries this family; `false` if there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn end_session_of_family(
        &self,
        user: UserId,
        session: SessionId,
        family: &str,
        entry: &Entry,
        row: Option<&Row>,
    ) -> Result<bool, StoreError> {
        let when = Expression::when("#family = :family").value("family", family);
        let transaction = Transaction::default()
            .delete("session", keys::session(user, session), when)
            .audit(entry);
        let transaction = row.into_iter().fold(transaction, Transaction::outbox);
        self.commit("end_session", transaction)
            .await
            .map(|()| true)
            .or_else(|error| error.condition_to(false))
    }

    /// Ends a session if it is live; `false` if there is none, or it has ended already.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn end_live_session(
        &self,
        user: UserId,
        session: SessionId,
        liveness: &Liveness,
        entry: &Entry,
    ) -> Result<bool, StoreError> {
        let idle_end = liveness.idle.map_or(Timestamp::EPOCH, |idle| liveness.now.minus(idle));
        let condition = "#expires_at > :now AND #last_activity_at > :idle_end \
                         AND #user_ver BETWEEN :user_least AND :user_most \
                         AND #global_ver BETWEEN :global_least AND :global_most";
        let when = Expression::when(condition)
            .value("now", liveness.now)
            .value("idle_end", idle_end)
            .value("user_least", liveness.user.least(liveness.now))
            .value("user_most", liveness.user.current)
            .value("global_least", liveness.global.least(liveness.now))
            .value("global_most", liveness.global.current);
        let transaction = Transaction::default()
            .delete("session", keys::session(user, session), when)
            .audit(entry);
        self.commit("end_live_session", transaction)
            .await
            .map(|()| true)
            .or_else(|error| error.condition_to(false))
    }

    /// Ends these sessions of a user; those that have ended already are left as they are. The record goes with the first.
    ///
    /// # Errors
    /// [`StoreError`]; what was committed before it stays ended.
    pub async fn end_sessions(&self, user: UserId, sessions: &[SessionId], entry: &Entry) -> Result<(), StoreError> {
        let mut chunks = sessions.chunks(DELETES_PER_TRANSACTION);
        let mut transaction = Transaction::default().audit(entry);
        loop {
            for session in chunks.next().unwrap_or_default() {
                transaction = transaction.delete("session", keys::session(user, *session), Expression::default());
            }
            self.commit("end_sessions", transaction)
                .await
                .or_else(|error| error.condition_to(()))?;
            if chunks.len() == 0 {
                return Ok(());
            }
            transaction = Transaction::default();
        }
    }

    /// Removes a session that no longer counts: no change of state, so no record.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove_dead_session(&self, session: &Session) -> Result<(), StoreError> {
        let key = keys::session(session.user_id, session.id);
        let when = Expression::when("#user_ver = :ver").value("ver", session.user_ver);
        let request = self
            .client
            .delete_item()
            .table_name(self.table(key.table))
            .set_key(Some(key.into_item()))
            .condition_expression(&when.condition);
        let request = request
            .set_expression_attribute_names(when.names())
            .set_expression_attribute_values(when.values());
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(DeleteItemError::is_conditional_check_failed_exception) =>
            {
                Ok(())
            }
            Err(error) => Err(StoreError::from_sdk("remove_dead_session", error)),
        }
    }

    /// All sessions of a user, dead ones included.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sessions(&self, user: UserId) -> Result<Vec<Session>, StoreError> {
        let partition = keys::user(user).pk;
        let mut sessions = Vec::new();
        let mut start = None;
        loop {
            let request = self
                .client
                .query()
                .table_name(self.table(Table::Tokens))
                .consistent_read(true)
                .set_exclusive_start_key(start);
            let request = request.key_condition_expression("pk = :pk AND begins_with(sk, :sk)");
            let request = request.expression_attribute_values(":pk", AttributeValue::S(partition.clone()));
            let request = request.expression_attribute_values(":sk", AttributeValue::S(SESSION_PREFIX.to_owned()));
            let page = request
                .send()
                .await
                .map_err(|error| StoreError::from_sdk("sessions", error))?;
            for item in page.items.unwrap_or_default() {
                debug_assert!(text(&item, "sk").is_some());
                sessions.push(parse("sessions", item)?);
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(sessions);
            }
        }
    }
}

/// Without a security record nothing can be judged: the first start has not happened yet.
fn security_of(operation: &'static str, item: Option<Item>) -> Result<SecurityRecord, StoreError> {
    parse(
        operation,
        item.ok_or(StoreError::Unavailable {
            operation,
            source: None,
        })?,
    )
}
