//! Sessions, and the one read behind every use of a token.

use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::types::AttributeValue;

use super::expression::Expression;
use super::item::text;
use super::keys::{self, SESSION_PREFIX};
use super::row::Row;
use super::schema::item;
use super::single::parse;
use super::transaction::{CommitError, Transaction};
use super::{Store, StoreError};
use crate::audit_event::Entry;
use crate::domain::{Liveness, Session, SessionId, Timestamp, User, UserId};
use crate::routes::Table;

/// How many sessions one transaction ends: 100 items are its limit, and the audit record is one of them.
pub const MOST_ENDED_AT_ONCE: usize = 99;

/// How the beginning of a session went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begun {
    /// It began.
    Done,
    /// The user may be at the session cap: it did not begin, and live sessions must be counted.
    NeedsCount,
    /// The account was erased concurrently: it did not begin.
    AccountErased,
}

/// What a login adds to what the account has seen.
#[derive(Debug, Default)]
pub struct Arrival<'a> {
    /// The device, if it is new.
    pub device: Option<String>,
    /// The country, if it is new.
    pub country: Option<String>,
    /// Whether all other devices are forgotten: there are too many.
    pub alone: bool,
    /// The notice to the owner, if they are to be told.
    pub notice: Option<&'a Row>,
}

impl Store {
    /// Begins a session: session, login count and audit record together.
    ///
    /// `uncounted` is how many logins the reader of `user` thinks need no count; `None` begins the session without
    /// asking, and the caller counts afterwards.
    pub async fn begin_session(
        &self,
        session: &Session,
        user: &User,
        uncounted: Option<u64>,
        arrival: &Arrival<'_>,
        entry: &Entry,
    ) -> Result<Begun, StoreError> {
        let exists = "attribute_exists(#pk)";
        let within = format!("{exists} AND #counted_at = :counted_at AND #logins < :limit");
        let condition = if uncounted.is_some() {
            within.as_str()
        } else {
            exists
        };
        let mut touch = arrival
            .touch(
                "SET #last_login_at = :now, #logins = #logins + :one",
                condition,
            )
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
            .audit_opening(entry)
            .send(entry, arrival.notice);
        match self.commit("begin_session", transaction).await {
            Ok(()) => Ok(Begun::Done),
            Err(CommitError::Condition { operation, failed }) => {
                match failed.into_iter().find(|(label, _)| *label == "user") {
                    Some((_, None)) => Ok(Begun::AccountErased),
                    Some((_, Some(_))) => Ok(Begun::NeedsCount),
                    None => Err(StoreError::Contended { operation }),
                }
            }
            Err(CommitError::Store(error)) => Err(error),
        }
    }

    /// Ends a session if it carries this family; `false` if there is none.
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
            .audit_and_send(entry, row);
        self.commit("end_session", transaction)
            .await
            .map(|()| true)
            .or_else(|error| error.condition_to(false))
    }

    /// Ends a session if it is live; `false` if there is none, or it has ended already.
    pub async fn end_live_session(
        &self,
        user: UserId,
        session: SessionId,
        liveness: &Liveness,
        entry: &Entry,
    ) -> Result<bool, StoreError> {
        let idle_end = liveness
            .idle
            .map_or(Timestamp::EPOCH, |idle| liveness.now.minus(idle));
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

    /// Ends a session as it was read; `false` if it has ended or was active since.
    pub async fn end_inactive_session(
        &self,
        session: &Session,
        entry: &Entry,
    ) -> Result<bool, StoreError> {
        let when =
            Expression::when("#last_activity_at = :seen").value("seen", session.last_activity_at);
        let key = keys::session(session.user_id, session.id);
        let transaction = Transaction::default()
            .delete("session", key, when)
            .audit(entry);
        self.commit("end_inactive_session", transaction)
            .await
            .map(|()| true)
            .or_else(|error| error.condition_to(false))
    }

    /// Ends these sessions of a user, at most [`MOST_ENDED_AT_ONCE`], with one record. `false`, and nothing is done, if one of
    /// them has ended: each call would count it.
    pub async fn end_sessions(
        &self,
        user: UserId,
        sessions: &[SessionId],
        entry: &Entry,
    ) -> Result<bool, StoreError> {
        let transaction = sessions
            .iter()
            .fold(Transaction::default(), |transaction, session| {
                transaction.delete(
                    "session",
                    keys::session(user, *session),
                    Expression::when("attribute_exists(#pk)"),
                )
            });
        self.commit("end_sessions", transaction.audit(entry))
            .await
            .map(|()| true)
            .or_else(|error| error.condition_to(false))
    }

    /// Removes a session that no longer counts: no change of state, so no record.
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
            let request =
                request.expression_attribute_values(":pk", AttributeValue::S(partition.clone()));
            let request = request
                .expression_attribute_values(":sk", AttributeValue::S(SESSION_PREFIX.to_owned()));
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

impl Arrival<'_> {
    /// The update of USER that begins with `set`. Sets grow by themselves, so parallel logins lose nothing.
    fn touch(&self, set: &str, condition: &str) -> Expression {
        let alone = self
            .device
            .as_ref()
            .filter(|_| self.alone)
            .map_or("", |_| ", #devices = :devices");
        let device = self
            .device
            .as_ref()
            .filter(|_| !self.alone)
            .map(|_| "#devices :devices");
        let added: Vec<_> = device
            .into_iter()
            .chain(self.country.as_ref().map(|_| "#countries :countries"))
            .collect();
        let add = if added.is_empty() {
            String::new()
        } else {
            format!(" ADD {}", added.join(", "))
        };
        let mut expression = Expression::update(format!("{set}{alone}{add}"), condition);
        if let Some(device) = &self.device {
            expression = expression.set("devices", [device.clone()]);
        }
        if let Some(country) = &self.country {
            expression = expression.set("countries", [country.clone()]);
        }
        expression
    }
}
